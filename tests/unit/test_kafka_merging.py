"""The order in which records of several partitions are handed out."""

import pytest

from contactfold.adapters.kafka_merging import PASSED_OVER, Merging
from contactfold.adapters.room import Room
from contactfold.ports import ANSWER_BYTES, LogRecord

ONE, TWO, THREE = PARTITIONS = ["events/0", "events/1", "events/2"]


def records(partition: str, *timestamps: int, begin: int = 0, size: int = 1) -> list[LogRecord]:
    """Records of one partition, with these timestamps."""
    value = b"x" * size
    return [LogRecord(partition, begin + place, None, value, (), at) for place, at in enumerate(timestamps)]


def take(merging: Merging, limit: int) -> list[LogRecord]:
    """One fetch of what is held."""
    room = Room()
    taken = merging.begin(PARTITIONS, limit, room)
    while len(taken) < limit and not room.full:
        if not (more := merging.take_earliest(PARTITIONS, limit - len(taken), room)):
            break
        taken += more
    merging.end(PARTITIONS, taken)
    return taken


def test_the_earliest_record_of_all_partitions_comes_first() -> None:
    merging = Merging()
    merging.hold(records(ONE, 1, 4, 5))
    merging.hold(records(TWO, 2, 3, 9))
    merging.hold(records(THREE, 6, 7))
    assert [record.timestamp for record in take(merging, 100)] == [1, 2, 3, 4, 5, 6, 7, 9]


def test_a_partition_that_gave_all_it_held_is_asked_for_more_before_others_go_on() -> None:
    merging = Merging()
    merging.hold(records(ONE, 1, 2))
    merging.hold(records(TWO, 3, 4))
    assert [each.timestamp for each in merging.take_earliest(PARTITIONS, 100, Room())] == [1, 2]
    assert not merging.count(ONE)
    merging.hold(records(ONE, 3, begin=2))
    assert [each.partition for each in merging.take_earliest(PARTITIONS, 100, Room())] == [ONE]


def test_records_of_one_partition_keep_their_order_whatever_their_timestamps() -> None:
    merging = Merging()
    merging.hold(records(ONE, 5, 1, 3))
    merging.hold(records(TWO, 4, 4))
    taken = take(merging, 100)
    assert [each.offset for each in taken if each.partition == ONE] == [0, 1, 2]
    assert [each.offset for each in taken if each.partition == TWO] == [0, 1]


def test_a_batch_does_not_end_between_records_of_one_timestamp() -> None:
    merging = Merging()
    merging.hold(records(ONE, 1, 2, 3, 4))
    merging.hold(records(TWO, 1, 2, 3, 4))
    assert [each.timestamp for each in take(merging, 5)] == [1, 1, 2, 2]
    assert [(each.timestamp, each.offset) for each in take(merging, 5)] == [(3, 2), (3, 2), (4, 3), (4, 3)]


def test_where_all_have_one_timestamp_a_batch_is_as_large_as_asked_for() -> None:
    merging = Merging()
    merging.hold(records(ONE, *[7] * 10))
    merging.hold(records(TWO, *[7] * 10))
    came = [take(merging, 8) for _ in range(3)]
    assert [len(each) for each in came] == [8, 8, 4]


@pytest.mark.parametrize("stamp", [-1, 0])
def test_a_partition_that_is_far_behind_does_not_keep_the_others_from_their_turn(stamp: int) -> None:
    merging = Merging()
    merging.hold(records(ONE, *[stamp] * 2000))
    merging.hold(records(TWO, *range(100, 110)))
    came = [take(merging, 90) for _ in range(PASSED_OVER + 1)]
    assert all({each.partition for each in batch} == {ONE} for batch in came[:-1])
    assert {each.partition for each in came[-1]} == {ONE, TWO}


def test_what_one_answer_has_no_room_for_comes_with_the_next() -> None:
    merging = Merging()
    merging.hold(records(ONE, 1, 2, 3, size=ANSWER_BYTES // 2))
    assert merging.is_full
    assert [[each.offset for each in take(merging, 100)] for _ in range(3)] == [[0, 1], [2], []]
    assert not merging.is_full


def test_nothing_is_left_of_a_partition_that_was_forgotten() -> None:
    merging = Merging()
    merging.hold(records(ONE, 1, 2))
    merging.hold(records(TWO, 3))
    merging.forget(ONE)
    assert [each.partition for each in take(merging, 100)] == [TWO]
    merging.hold(records(ONE, 1, begin=7))
    merging.clear()
    assert take(merging, 100) == []
