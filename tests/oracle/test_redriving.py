"""The law where records die and are redriven: in memory, and on both real adapters."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from oracle.choosing import SeededChooser
from oracle.depth import deep
from oracle.law import make_case
from oracle.making import MODES, RULED_MODES, Mode
from oracle.places import IN_MEMORY, RealStage, SqlitePlace, Stage
from oracle.redriving import check_that_redriving_keeps_the_law
from oracle.shrinking import Case, hold

HISTORIES, ON_FILES = deep(20), deep(5)


def _check(case: Case, **details: object) -> None:
    check_that_redriving_keeps_the_law(*case, **details)  # type: ignore[arg-type]


def _play(mode: Mode, count: int, on: Stage) -> None:
    before = on.tally.deaths
    for turn in range(count):
        seed = f"redriving/{mode.name}/{turn}"
        limit = SeededChooser(seed).number(1, 6)
        hold(partial(_check, seed=seed, limit=limit, on=on), make_case(seed, mode, (4, 8, 14, 20)))
    assert on.tally.deaths > before, "nothing ever died, so this showed nothing"


@pytest.mark.parametrize("mode", [*MODES, *RULED_MODES], ids=lambda mode: mode.name)
def test_records_that_die_and_are_redriven_in_any_order_leave_the_directory_of_a_history_without_deaths(
    mode: Mode,
) -> None:
    _play(mode, HISTORIES, IN_MEMORY)


@pytest.fixture(scope="module")
def on_a_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    home: Path = tmp_path_factory.mktemp("redriving")
    with RealStage(SqlitePlace(home / "directory.db")) as stage:
        yield stage


@pytest.mark.parametrize("mode", [*MODES, *RULED_MODES], ids=lambda mode: mode.name)
def test_the_same_holds_on_a_file(mode: Mode, on_a_file: Stage) -> None:
    _play(mode, ON_FILES, on_a_file)
