"""The law where the history is ruled over: separations, shares, retractions and erasures among the statements.

What a directive says holds whenever it comes, before what it names or long after; so the same properties as in
`test_the_law.py`, of a directory at rest.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.making import ERASED_MODES, RULED_MODES, Mode
from oracle.properties import (
    check_erasures_one_by_one,
    check_erasures_that_come_last,
    check_the_law,
    check_the_law_with_interruption,
    check_the_law_with_processors,
    check_the_outcomes,
)
from oracle.serial import check_that_two_decisions_are_serial
from oracle.shrinking import hold
from oracle.test_the_law import cases, playing

by_mode = pytest.mark.parametrize("mode", [*RULED_MODES, *ERASED_MODES], ids=lambda mode: mode.name)
by_erased_mode = pytest.mark.parametrize("mode", ERASED_MODES, ids=lambda mode: mode.name)


@by_mode
@playing
@given(data=st.data())
def test_however_directives_arrive_the_directory_is_the_sequential_fold(mode: Mode, data: st.DataObject) -> None:
    """Whatever they name is there, comes later or never comes; and all of it comes again."""
    hold(lambda case: check_the_law(*case), data.draw(cases(mode)))


@by_mode
@playing
@given(data=st.data())
def test_events_between_directives_have_the_outcomes_of_the_sequential_fold(mode: Mode, data: st.DataObject) -> None:
    """As far as it had come with each event; what was retracted before it came is ignored, and says so."""
    hold(lambda case: check_the_outcomes(case[0]), data.draw(cases(mode)))


@by_mode
@playing
@given(data=st.data(), pauses=st.lists(st.integers(0, 4), min_size=1, max_size=12))
def test_processors_that_apply_and_settle_at_the_same_time_keep_the_law(
    mode: Mode, data: st.DataObject, pauses: list[int]
) -> None:
    """Three processors; one records a directive while others apply what it is about."""
    hold(lambda case: check_the_law_with_processors(*case, pauses=pauses), data.draw(cases(mode)))


@by_mode
@playing
@given(data=st.data(), at=st.integers(0, 12))
def test_a_directive_that_overtakes_a_batch_or_is_overtaken_keeps_the_law(
    mode: Mode, data: st.DataObject, at: int
) -> None:
    """Between any two calls of a decision."""
    hold(lambda case: check_the_law_with_interruption(*case, at=at), data.draw(cases(mode)))


@by_mode
@playing
@given(data=st.data(), rested=st.booleans())
def test_two_decisions_on_one_state_leave_what_one_after_the_other_would(
    mode: Mode, data: st.DataObject, rested: bool
) -> None:
    """Also of erasures, what they reach, and what was still settling."""
    hold(lambda case: check_that_two_decisions_are_serial(*case, rested=rested), data.draw(cases(mode)))


@by_mode
@playing
@given(data=st.data(), limit=st.integers(1, 6), pauses=st.lists(st.integers(0, 4), min_size=1, max_size=12))
def test_a_directive_is_never_refused_for_size(mode: Mode, data: st.DataObject, limit: int, pauses: list[int]) -> None:
    """However small the limit; and what lives beside it is folded."""
    hold(lambda case: check_the_law_with_processors(*case, pauses=pauses, limit=limit), data.draw(cases(mode)))


@by_erased_mode
@playing
@given(data=st.data())
def test_an_erasure_takes_what_it_reaches_and_keeps_what_it_took(mode: Mode, data: st.DataObject) -> None:
    """Event by event, against the fold of every moment."""
    hold(lambda case: check_erasures_one_by_one(*case), data.draw(cases(mode)))


@by_erased_mode
@playing
@given(data=st.data())
def test_the_law_holds_of_an_erasure_that_nothing_comes_late_to(mode: Mode, data: st.DataObject) -> None:
    """Exactly what the fold of the whole history takes is lost."""
    hold(lambda case: check_erasures_that_come_last(*case), data.draw(cases(mode)))
