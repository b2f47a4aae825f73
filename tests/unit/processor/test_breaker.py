"""Windows of dead letters, and where they trip, without a directory."""

import pytest

from contactfold.config import Limits
from contactfold.ports import LogRecord, Window
from contactfold_processor.breaker import advance, find_trip

P, Q = "contactfold.events/0", "contactfold.events/1"
LIMITS = Limits(dead_window=4, dead_share=0.5)


def record(offset: int, partition: str = P) -> LogRecord:
    return LogRecord(partition, offset, None, b"", (), 0)


def dead(*offsets: int, partition: str = P) -> set[str]:
    return {f"{partition}/{offset}" for offset in offsets}


def test_a_window_that_is_not_full_trips_nothing() -> None:
    assert find_trip([record(n) for n in range(3)], dead(0, 1, 2), {}, LIMITS) is None


def test_exactly_the_share_trips_nothing() -> None:
    assert find_trip([record(n) for n in range(4)], dead(2, 3), {}, LIMITS) is None


def test_more_than_the_share_trips_at_the_record_that_died_last() -> None:
    assert find_trip([record(n) for n in range(6)], dead(2, 3, 4), {}, LIMITS) == 4


def test_a_record_that_lives_trips_nothing_though_the_window_is_bad_already() -> None:
    windows = {P: Window(P, 4, b"\1\1\1\1", 4)}
    assert find_trip([record(4)], set(), windows, LIMITS) is None
    assert find_trip([record(4), record(5)], dead(5), windows, LIMITS) == 1


def test_the_window_goes_on_from_the_batch_before() -> None:
    windows = {P: Window(P, 3, b"\0\1\1", 3)}
    assert find_trip([record(3)], dead(3), windows, LIMITS) == 0
    assert find_trip([record(3)], set(), windows, LIMITS) is None


def test_each_partition_has_a_window_of_its_own() -> None:
    records = [record(0), record(0, Q), record(1), record(1, Q), record(2), record(2, Q)]
    died = dead(0, 1, 2) | dead(0, partition=Q)
    assert find_trip(records, died, {}, LIMITS) is None
    assert find_trip([*records, record(3)], died | dead(3), {}, LIMITS) == 6


def test_positions_move_behind_the_last_record_of_each_partition() -> None:
    windows = {P: Window(P, 5, b"\1", 5)}
    moved = advance([record(5), record(0, Q), record(7)], dead(7), windows, LIMITS)
    assert moved == [Window(P, 8, b"\1\0\1", 5), Window(Q, 1, b"\0", None)]


def test_a_record_below_the_position_moves_no_position_back() -> None:
    windows = {P: Window(P, 5, b"", 5)}
    with pytest.raises(ValueError, match=f"{P}/4"):
        advance([record(4)], set(), windows, LIMITS)
    with pytest.raises(ValueError, match=f"{P}/6"):
        advance([record(5), record(6), record(6)], set(), windows, LIMITS)
    assert windows == {P: Window(P, 5, b"", 5)}


def test_a_window_keeps_no_more_than_its_length() -> None:
    windows = {P: Window(P, 4, b"\1\1\0\0", 4)}
    (window,) = advance([record(4), record(5)], dead(5), windows, LIMITS)
    assert window.recent == b"\0\0\0\1"
    assert windows[P].recent == b"\1\1\0\0", "what is remembered changes when it is committed, not before"
