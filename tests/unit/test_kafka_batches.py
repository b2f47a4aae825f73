"""Batches on their way to Kafka, on a producer that delivers when a test says so."""

import asyncio
from typing import Any, cast

import pytest
from aiokafka.errors import KafkaError, NotLeaderForPartitionError
from aiokafka.partitioner import murmur2
from hypothesis import given
from hypothesis import strategies as st

from contactfold.adapters.kafka_batches import Batches, hash_key
from contactfold.ports import NewRecord

ROOM = 3
"""Records of one batch."""


class Builder:
    """A batch that is being filled."""

    def __init__(self) -> None:
        self.values: list[bytes] = []
        self.closed = False

    def append(self, *, timestamp: None, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> object:
        assert not self.closed
        assert timestamp is None
        if len(self.values) == ROOM:
            return None
        self.values.append(value)
        return (key, headers)

    def close(self) -> None:
        self.closed = True


class Producer:
    """Keeps each batch until it is told what becomes of it."""

    def __init__(self, partitions: int = 1) -> None:
        self.partitions = set(range(partitions))
        self.sent: list[tuple[int, list[bytes], asyncio.Future[None]]] = []

    async def partitions_for(self, _: str) -> set[int]:
        return self.partitions

    def create_batch(self) -> Builder:
        return Builder()

    async def send_batch(self, builder: Builder, _: str, *, partition: int) -> asyncio.Future[None]:
        assert builder.closed
        self.sent.append((partition, builder.values, asyncio.get_running_loop().create_future()))
        return self.sent[-1][2]

    async def deliver(self, fault: Exception | None = None) -> None:
        """What becomes of everything that is under way."""
        for *_, delivered in self.sent:
            if delivered.done():
                continue
            if fault is None:
                delivered.set_result(None)
            else:
                delivered.set_exception(fault)
        await turns()


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def record(value: int, key: bytes = b"k") -> NewRecord:
    return NewRecord(key, b"%d" % value, (("h", b"1"),))


def make(partitions: int = 1, deadline: float = 30.0) -> tuple[Producer, Batches]:
    producer = Producer(partitions)
    return producer, Batches(cast("Any", producer), deadline)


async def test_what_comes_while_a_batch_is_under_way_goes_together_with_the_next() -> None:
    producer, batches = make()
    first = [asyncio.create_task(batches.send("t", [record(number)])) for number in (0, 1)]
    await turns()
    later = [asyncio.create_task(batches.send("t", [record(number)])) for number in (2, 3)]
    await turns()
    assert [values for _, values, _ in producer.sent] == [[b"0", b"1"]]
    await producer.deliver()
    assert all(task.done() for task in first)
    assert not any(task.done() for task in later)
    assert [values for _, values, _ in producer.sent] == [[b"0", b"1"], [b"2", b"3"]]
    await producer.deliver()
    await asyncio.gather(*first, *later)


async def test_a_caller_is_answered_once_all_of_its_batches_are_there() -> None:
    producer, batches = make()
    sending = asyncio.create_task(batches.send("t", [record(number) for number in range(2 * ROOM + 1)]))
    await turns()
    for _ in range(2):
        await producer.deliver()
        assert not sending.done()
    await producer.deliver()
    await sending
    assert [value for _, values, _ in producer.sent for value in values] == [b"%d" % n for n in range(2 * ROOM + 1)]


async def test_records_of_a_key_share_the_partition_that_every_client_chooses() -> None:
    producer, batches = make(partitions=7)
    keys = [b"email:p%d@example.com" % number for number in range(40)]
    sending = asyncio.create_task(batches.send("t", [record(n, key) for n, key in enumerate(keys)]))
    while not sending.done():
        await producer.deliver()
    assert {int(value): partition for partition, values, _ in producer.sent for value in values} == {
        number: (murmur2(key) & 0x7FFFFFFF) % 7 for number, key in enumerate(keys)
    }


@given(st.binary(max_size=80))
def test_a_key_is_hashed_as_the_library_hashes_it(key: bytes) -> None:
    assert hash_key(key) == murmur2(key) & 0x7FFFFFFF


async def test_a_partition_that_is_added_later_is_chosen_too() -> None:
    producer, batches = make()
    for partitions in ({0}, set(range(50))):
        producer.partitions = partitions
        sending = asyncio.create_task(batches.send("t", [record(0, b"key")]))
        await turns()
        await producer.deliver()
        await sending
    assert producer.sent[1][0] == (murmur2(b"key") & 0x7FFFFFFF) % 50


async def test_everybody_in_a_batch_hears_why_it_failed_and_the_next_one_goes() -> None:
    producer, batches = make()
    failing = [asyncio.create_task(batches.send("t", [record(number)])) for number in (0, 1)]
    await turns()
    good = asyncio.create_task(batches.send("t", [record(2)]))
    await turns()
    await producer.deliver(NotLeaderForPartitionError())
    for task in failing:
        with pytest.raises(NotLeaderForPartitionError):
            await task
    await producer.deliver()
    await good


async def test_who_waits_too_long_hears_it_and_holds_nobody_up() -> None:
    producer, batches = make(deadline=0.05)
    with pytest.raises(TimeoutError):
        await batches.send("t", [record(0)])
    waiting = asyncio.create_task(batches.send("t", [record(1)]))
    await producer.deliver()
    await producer.deliver()
    await waiting


async def test_everybody_waits_for_as_long_as_for_himself() -> None:
    """One timer looks after all of them, and whoever is told in between is in nobody's way."""
    producer, batches = make(deadline=0.2)
    loop = asyncio.get_running_loop()

    async def wait(value: int) -> float:
        began = loop.time()
        with pytest.raises(TimeoutError):
            await batches.send("t", [record(value)])
        return loop.time() - began

    told = asyncio.create_task(batches.send("t", [record(0)]))
    await turns()
    await producer.deliver()
    await told
    waiting = [asyncio.create_task(wait(1))]
    await asyncio.sleep(0.1)
    waiting.append(asyncio.create_task(wait(2)))
    assert all(0.19 < took < 5 for took in await asyncio.gather(*waiting))


async def test_who_leaves_takes_nobody_along() -> None:
    producer, batches = make()
    leaving, staying = (asyncio.create_task(batches.send("t", [record(number)])) for number in (0, 1))
    await turns()
    leaving.cancel()
    await turns()
    await producer.deliver()
    await staying


@pytest.mark.parametrize("answered", [True, False])
async def test_in_the_end_what_is_there_is_delivered_or_fails(answered: bool) -> None:
    producer, batches = make()
    before = asyncio.all_tasks()
    waiting = [asyncio.create_task(batches.send("t", [record(0)]))]
    await turns()
    waiting.append(asyncio.create_task(batches.send("t", [record(1)])))
    await turns()
    ending = asyncio.create_task(batches.finish(30 if answered else 0.05))
    while answered and not ending.done():
        await producer.deliver()
    await ending
    told = await asyncio.gather(*waiting, return_exceptions=True)
    assert [isinstance(each, KafkaError) for each in told] == [not answered] * 2
    await turns()
    assert asyncio.all_tasks() <= before
