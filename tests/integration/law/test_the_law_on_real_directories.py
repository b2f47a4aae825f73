"""The law on SQLite and MongoDB: the same histories and the same oracle as in tests/oracle, through the applier.

In every run: seeded histories of all modes, with directives and without, shuffled, duplicated and cut into random
batches. `make law ON=mongo` plays others for longer, and CONTACTFOLD_TEST_DEPTH=3 three times as many of these.
"""

from collections.abc import Callable, Sequence
from functools import partial

import pytest

from oracle.choosing import SeededChooser
from oracle.depth import deep
from oracle.law import make_case
from oracle.making import ERASED_MODES, MODES, RULED_MODES, Mode
from oracle.places import RealStage
from oracle.properties import (
    check_that_order_buries_nobody,
    check_the_law,
    check_the_law_with_a_limit,
    check_the_law_with_interruption,
    check_the_law_with_processors,
)
from oracle.shrinking import Case, hold

MANY, SOME, FEW = deep(8), deep(4), deep(2)
SIZES = (4, 6, 10, 16, 25)
RULED = (*RULED_MODES, *ERASED_MODES)
by_mode = pytest.mark.parametrize("mode", [*MODES, *RULED], ids=lambda mode: mode.name)
by_processors = pytest.mark.parametrize("processors", [2, 3])


def cases(topic: str, count: int, modes: Sequence[Mode] = MODES) -> list[tuple[SeededChooser, Case]]:
    """So many histories of each mode, with a source of further choices."""
    seeds = [(f"{topic}/{mode.name}/{turn}", mode) for mode in modes for turn in range(count)]
    return [(SeededChooser(f"{seed}/more"), make_case(seed, mode, SIZES)) for seed, mode in seeds]


def _check(law: Callable[..., None], case: Case, **details: object) -> None:
    law(*case, **details)


@by_mode
def test_however_events_arrive_the_directory_is_the_sequential_fold(stage: RealStage, mode: Mode) -> None:
    """Equal exports, each event at its contact, documents that fit together, and redelivery changes none of them."""
    for turn in range(MANY):
        case = make_case(f"alone/{mode.name}/{turn}", mode, SIZES)
        hold(partial(_check, check_the_law, on=stage), case)


@by_processors
def test_processors_that_work_at_the_same_time_keep_the_law(stage: RealStage, processors: int) -> None:
    """Each with connections and a partition of its own; the people of every history are on all partitions."""
    before = stage.tally.conflicts
    for _, case in cases(f"together/{processors}", SOME):
        hold(partial(_check, check_the_law_with_processors, processors=processors, on=stage), case)
    assert stage.tally.conflicts > before, "no two processors ever met, so this showed nothing"


def test_a_batch_that_another_processor_overtakes_while_it_reads_keeps_the_law(stage: RealStage) -> None:
    """Reads of one batch come from before and after another's commit; what is written fits together."""
    before = stage.tally.conflicts
    for choose, case in cases("overtaken", FEW):
        hold(partial(_check, check_the_law_with_interruption, at=choose.number(0, 8), on=stage), case)
    assert stage.tally.conflicts > before, "no batch was ever overtaken, so this showed nothing"


@by_processors
def test_processors_that_record_directives_and_settle_them_at_the_same_time_keep_the_law(
    stage: RealStage, processors: int
) -> None:
    """One records a separation, a share, a retraction or an erasure while the others apply what it is about."""
    before = stage.tally.conflicts
    for _, case in cases(f"ruled together/{processors}", FEW, RULED):
        hold(partial(_check, check_the_law_with_processors, processors=processors, on=stage), case)
    assert stage.tally.conflicts > before, "no two processors ever met, so this showed nothing"


def test_a_directive_that_overtakes_a_batch_or_is_overtaken_keeps_the_law(stage: RealStage) -> None:
    """Between any two calls of a decision."""
    before = stage.tally.conflicts
    for choose, case in cases("ruled overtaken", FEW, RULED):
        hold(partial(_check, check_the_law_with_interruption, at=choose.number(0, 12), on=stage), case)
    assert stage.tally.conflicts > before, "no batch was ever overtaken, so this showed nothing"


def test_only_events_whose_own_component_is_too_large_die(stage: RealStage) -> None:
    """The directory is the fold of all others, and the dead die again when they come again."""
    before = stage.tally.deaths
    for choose, case in cases("limit", FEW):
        limit = choose.number(3, 6)
        hold(partial(_check, check_the_law_with_a_limit, limit=limit, on=stage), case)
        hold(partial(_check, check_that_order_buries_nobody, limit=limit, on=stage), case)
    assert stage.tally.deaths > before, "nothing ever died, so this showed nothing"


def test_processors_that_work_at_the_same_time_bury_only_what_must_be(stage: RealStage) -> None:
    """Whatever each of them had seen, nothing died that the events which live would leave a place for."""
    before = stage.tally.deaths
    for choose, case in cases("limit together", FEW):
        limit, processors = choose.number(3, 6), choose.number(2, 3)
        hold(partial(_check, check_the_law_with_processors, processors=processors, limit=limit, on=stage), case)
    assert stage.tally.deaths > before, "nothing ever died, so this showed nothing"
