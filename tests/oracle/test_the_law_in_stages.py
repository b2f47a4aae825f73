"""The law where evidence moves a piece at a time: what a rebuild of a great deal of evidence does in larger parts."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactfold_processor import staging
from contactfold_processor.staging import stage_moves
from oracle.depth import deep
from oracle.law import make_case
from oracle.making import RULED, RULED_PLAIN, Mode
from oracle.properties import check_the_law, check_the_law_with_processors
from oracle.shrinking import hold
from oracle.test_the_law import cases, playing

by_mode = pytest.mark.parametrize("mode", [RULED_PLAIN, RULED], ids=lambda mode: mode.name)


@pytest.fixture(scope="module", autouse=True)
def moves() -> Iterator[list[int]]:
    """One piece is too many for a transaction already; how many stages each decision took."""
    counted: list[int] = []

    def count(*given: object) -> object:
        stages = stage_moves(*given)  # type: ignore[arg-type]
        counted.append(len(stages))
        return stages

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(staging, "MOST_MOVES", 1)
        patch.setattr("contactfold_processor.workspace.stage_moves", count)
        yield counted


@by_mode
@playing
@given(data=st.data())
def test_evidence_that_moves_in_stages_ends_where_it_belongs(mode: Mode, data: st.DataObject) -> None:
    """Contacts part and meet again, piece by piece."""
    hold(lambda case: check_the_law(*case), data.draw(cases(mode)))


@by_mode
@playing
@given(data=st.data(), pauses=st.lists(st.integers(0, 4), min_size=1, max_size=12))
def test_processors_that_meet_between_two_stages_keep_the_law(
    mode: Mode, data: st.DataObject, pauses: list[int]
) -> None:
    """One begins to move evidence, another applies what is about the same people, or goes on with the rest."""
    hold(lambda case: check_the_law_with_processors(*case, pauses=pauses), data.draw(cases(mode)))


def test_histories_like_these_move_evidence_in_stages(moves: list[int]) -> None:
    """Else the two above would say nothing."""
    before = sum(moves)
    for seed in range(deep(25)):
        hold(lambda case: check_the_law(*case), make_case(f"stages/{seed}", RULED))
    assert sum(moves) > before + 10
