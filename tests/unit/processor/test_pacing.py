"""How large batches are, and how long to wait."""

from itertools import pairwise

import pytest

from contactfold_processor.pacing import CALM_LIMIT, Pace, Yielding, backoff


def test_a_batch_halves_where_it_meets_another_writer_and_is_never_empty() -> None:
    pace = Pace(largest=1000, size=1000)
    sizes = []
    for _ in range(12):
        pace.conflict()
        sizes.append(pace.size)
    assert sizes == [500, 250, 125, 62, 31, 15, 7, 3, 1, 1, 1, 1]
    assert pace.conflicts == 12


def test_a_batch_grows_by_a_quarter_up_to_the_largest() -> None:
    pace = Pace(largest=1000, size=1)
    sizes = []
    for _ in range(100):
        pace.succeed()
        sizes.append(pace.size)
    assert sizes[:5] == [2, 3, 4, 5, 6]
    assert all(after - before <= max(1, before // 4) for before, after in pairwise(sizes))
    assert sizes[-1] == 1000


def test_batches_that_fold_much_anew_grow_past_the_largest_and_shrink_again_when_they_do_no_more() -> None:
    pace = Pace(largest=1000, size=1000)
    sizes = []
    for folded in (4_000, 12_000, 90_000, 90_000, *[0] * 40):
        pace.succeed()
        pace.weigh(pace.size, folded)
        sizes.append(pace.size)
    assert sizes[:6] == [1000, 3000, 16_000, 16_000, 14_000, 12_250]
    assert sizes[-1] == 1000


def test_a_large_batch_that_was_refused_is_not_tried_again_at_that_size_until_batches_are_small() -> None:
    pace = Pace(largest=1000, size=1000)
    pace.weigh(1000, 90_000)
    assert pace.size == 16_000
    pace.conflict()
    for _ in range(3):
        pace.succeed()
        pace.weigh(8_000, 90_000)
        assert pace.size == 8_000
    for _ in range(40):
        pace.weigh(1_000, 0)
    pace.weigh(1_000, 90_000)
    assert pace.size == 16_000


def test_a_batch_that_was_not_full_or_that_met_others_does_not_grow_by_what_it_folds() -> None:
    idle, meeting = Pace(largest=1000, size=1000), Pace(largest=1000, size=100)
    idle.weigh(30, 90_000)
    meeting.weigh(100, 90_000)
    assert (idle.size, meeting.size) == (1000, 100)


def test_what_is_kept_apart_takes_the_last_halving_back() -> None:
    pace = Pace(size=1000)
    for _ in range(2):
        pace.conflict()
    pace.part()
    assert pace.size == 500
    assert pace.conflicts == 0


def test_who_takes_turns_with_others_begins_with_the_largest_batches() -> None:
    pace = Pace(largest=1000, size=1000)
    for _ in range(3):
        pace.conflict()
    pace.start_over()
    assert pace == Pace(largest=1000, size=1000)


def test_an_eager_pace_grows_by_half_and_loses_a_quarter_before_it_halves() -> None:
    pace = Pace(size=1, eager=True)
    sizes = []
    for _ in range(6):
        pace.succeed()
        sizes.append(pace.size)
    for _ in range(3):
        pace.conflict()
        sizes.append(pace.size)
    assert sizes == [2, 3, 4, 6, 9, 13, 9, 4, 2]


def test_success_ends_a_row_of_conflicts() -> None:
    pace = Pace()
    for _ in range(3):
        pace.conflict()
    pace.succeed()
    assert pace.conflicts == 0


@pytest.mark.parametrize("conflicts", [1, 5, 50, 5000])
def test_the_wait_after_a_conflict_is_spread_and_bounded(conflicts: int) -> None:
    waits = set()
    for _ in range(50):
        pace = Pace(conflicts=conflicts - 1)
        waits.add(pace.conflict())
    assert len(waits) > 1, "two that met would meet again"
    assert all(0 <= wait <= 0.5 for wait in waits)


def test_the_wait_for_a_server_grows_to_about_two_seconds() -> None:
    assert all(0.05 <= backoff(0) <= 0.1 for _ in range(20))
    assert all(1.0 <= backoff(tries) <= 2.0 for tries in (5, 10, 1000))


def test_bulk_batches_are_small_while_live_records_come_and_grow_while_none_does() -> None:
    yielding = Yielding()
    yielding.hear(500, 75_000)
    assert yielding.limit(1_000_000) == CALM_LIMIT, "no live record has come"
    yielding.meet(1_000_000)
    assert yielding.limit(1_200_000) == 66, "ten milliseconds at 150 microseconds a record"
    assert yielding.limit(3_000_000) == 66
    assert yielding.limit(7_000_000) == 200, "thirty milliseconds, one part in two hundred of six seconds"
    assert yielding.limit(60_000_000) == CALM_LIMIT


@pytest.mark.parametrize(("took", "limit"), [(5_000, CALM_LIMIT), (100_000, 50), (60_000_000, 50), (0, CALM_LIMIT)])
def test_a_bulk_batch_is_neither_too_large_nor_too_small_to_get_on(took: int, limit: int) -> None:
    yielding = Yielding()
    yielding.meet(10)
    yielding.hear(500, took)
    assert yielding.limit(20) == limit


def test_a_clock_that_goes_back_keeps_no_batch_small_for_ever() -> None:
    yielding = Yielding()
    yielding.meet(9_000_000_000)
    yielding.hear(500, 100_000)
    assert yielding.limit(1_000_000) == CALM_LIMIT
