"""What is taken from a consumer whose partitions fail, or are given and taken, while others hold records.

The consumer is a stand-in that can be told when to fail; `tests/contract` has the real one on a real broker.
"""

from collections.abc import Callable
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import CorruptRecordException, OffsetOutOfRangeError

from contactfold.adapters.kafka_polling import Polling

ONE, TWO = PARTITIONS = [TopicPartition("events", number) for number in range(2)]


class Consumer:
    """Gives what it was told to, one answer at a time; an exception is raised, and a function called."""

    def __init__(self, *answers: dict[TopicPartition, int] | Exception | Callable[[], None]) -> None:
        self._answers = list(answers)
        self._next = dict.fromkeys(PARTITIONS, 0)

    async def getmany(self, *partitions: TopicPartition, timeout_ms: int, max_records: int) -> dict[Any, Any]:
        """Like the library's."""
        del timeout_ms, max_records
        if not self._answers:
            return {}
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if not isinstance(answer, dict):
            answer()
            return {}
        return {each: [self._make(each) for _ in range(count)] for each, count in answer.items() if each in partitions}

    def _make(self, partition: TopicPartition) -> ConsumerRecord[bytes, bytes]:
        offset = self._next[partition]
        self._next[partition] += 1
        at = 1_000 + offset
        return ConsumerRecord(partition.topic, partition.partition, offset, at, 0, b"k", b"v", None, 1, 1, ())

    async def position(self, partition: TopicPartition) -> int:
        """Like the library's."""
        return self._next[partition]

    def last_stable_offset(self, partition: TopicPartition) -> int:
        """As far as it has given."""
        return self._next[partition]


def polling(consumer: Consumer) -> Polling:
    """A polling of this consumer."""
    return Polling(cast(AIOKafkaConsumer, consumer))


async def test_records_in_hand_come_before_a_fault_that_comes_again() -> None:
    gone = OffsetOutOfRangeError({TWO: 5})
    taking = polling(Consumer({ONE: 32}, gone, gone))
    assert len(await taking.poll(PARTITIONS, 100, 0)) == 32
    with pytest.raises(OffsetOutOfRangeError):
        await taking.poll(PARTITIONS, 100, 0)


async def test_a_fault_that_takes_others_records_with_it_is_not_passed_over() -> None:
    """The library has gone past what it had unpacked before it met a record that it cannot unpack."""
    taking = polling(Consumer({ONE: 32}, CorruptRecordException(), {ONE: 3}))
    with pytest.raises(CorruptRecordException):
        await taking.poll(PARTITIONS, 100, 0)


async def test_what_was_being_taken_while_the_group_agreed_anew_is_given_to_nobody() -> None:
    def agree_anew() -> None:
        taking.clear()

    taking = polling(Consumer({ONE: 40}, agree_anew, {TWO: 3}))
    assert await taking.poll(PARTITIONS, 100, 0) == []
