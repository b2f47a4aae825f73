"""The law and its kin, on small histories that Hypothesis makes (`make law` plays larger ones for longer)."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from oracle.depth import deep
from oracle.histories import arrivals, events
from oracle.law import find_property, make_case
from oracle.making import MODES, Mode
from oracle.properties import (
    check_that_order_buries_nobody,
    check_the_law,
    check_the_law_with_a_limit,
    check_the_law_with_interruption,
    check_the_law_with_overtaking,
    check_the_law_with_processors,
    check_the_outcomes,
)
from oracle.shrinking import Case, hold

playing = settings(
    max_examples=deep(40),
    deadline=None,
    print_blob=True,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # `hold` shrinks, and prints what it found
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
by_mode = pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)


@st.composite
def cases(draw: st.DrawFn, mode: Mode) -> Case:
    """A history with its order of arrival."""
    history = draw(events(mode))
    return history, draw(arrivals(len(history)))


@by_mode
@playing
@given(data=st.data())
def test_however_events_arrive_the_directory_is_the_sequential_fold(mode: Mode, data: st.DataObject) -> None:
    """Shuffled, duplicated, cut into any batches and all delivered again: one export, one contact for each event."""
    hold(lambda case: check_the_law(*case), data.draw(cases(mode)))


@by_mode
@playing
@given(data=st.data())
def test_events_in_order_have_the_outcomes_of_the_sequential_fold(mode: Mode, data: st.DataObject) -> None:
    """Status, contact, merged, contested, over limit, ignored fields, junk and reasons, one event at a time."""
    hold(lambda case: check_the_outcomes(case[0]), (data.draw(events(mode)), []))


@by_mode
@playing
@given(data=st.data())
def test_a_batch_that_was_decided_before_others_went_first_keeps_the_law(mode: Mode, data: st.DataObject) -> None:
    """What live events have changed since rows were decided is what their versions, rules and evidence are for."""
    hold(lambda case: check_the_law_with_overtaking(*case), data.draw(cases(mode)))


@by_mode
@playing
@given(data=st.data(), pauses=st.lists(st.integers(0, 4), min_size=1, max_size=12))
def test_processors_that_work_at_the_same_time_keep_the_law(mode: Mode, data: st.DataObject, pauses: list[int]) -> None:
    """Three processors, interleaved at every call to the directory, with optimistic commits."""
    hold(lambda case: check_the_law_with_processors(*case, pauses=pauses), data.draw(cases(mode)))


@by_mode
@playing
@given(data=st.data(), at=st.integers(0, 8))
def test_a_batch_that_another_processor_overtakes_while_it_reads_keeps_the_law(
    mode: Mode, data: st.DataObject, at: int
) -> None:
    """Reads of one batch may come from before and after another's commit; what is written fits together."""
    hold(lambda case: check_the_law_with_interruption(*case, at=at), data.draw(cases(mode)))


@by_mode
@playing
@given(data=st.data(), limit=st.integers(1, 6))
def test_only_events_whose_own_component_is_too_large_die(mode: Mode, data: st.DataObject, limit: int) -> None:
    """However events arrive and batches are cut: late, not plain, and by itself too much to rebuild; nothing else."""
    hold(lambda case: check_the_law_with_a_limit(*case, limit=limit), data.draw(cases(mode)))


@by_mode
@playing
@given(data=st.data(), limit=st.integers(1, 6))
def test_whatever_comes_in_order_lives(mode: Mode, data: st.DataObject, limit: int) -> None:
    """Also where its component is far too large to rebuild, and wherever batches are cut."""
    hold(lambda case: check_that_order_buries_nobody(*case, limit=limit), data.draw(cases(mode)))


@by_mode
@playing
@given(data=st.data(), limit=st.integers(1, 6), pauses=st.lists(st.integers(0, 4), min_size=1, max_size=12))
def test_processors_that_work_at_the_same_time_bury_only_what_must_be(
    mode: Mode, data: st.DataObject, limit: int, pauses: list[int]
) -> None:
    """Whatever each had seen, nothing died that the events which live would leave a place for."""
    hold(lambda case: check_the_law_with_processors(*case, pauses=pauses, limit=limit), data.draw(cases(mode)))


@by_mode
@playing
@given(data=st.data(), limit=st.integers(1, 6), at=st.integers(0, 8))
def test_a_batch_that_another_overtakes_buries_only_what_must_be(
    mode: Mode, data: st.DataObject, limit: int, at: int
) -> None:
    """What was read before and after another's commit is never counted twice."""
    hold(lambda case: check_the_law_with_interruption(*case, at=at, limit=limit), data.draw(cases(mode)))


@pytest.mark.parametrize("seed", range(400, 400 + deep(60)))
def test_larger_histories_of_fixed_seeds_keep_the_law(seed: int) -> None:
    """The histories `make law` plays, a few of them in every run."""
    hold(find_property(seed), make_case(seed))
