"""Ending Kafka's clients in bounded time.

The library's own `stop` flushes and says good-bye, and so waits for a broker that may never answer; cancelling it
leaves its tasks and connections behind. What it leaves has no public name, hence the private ones here: this is the
one place that knows them, and `test_close_is_bounded_while_the_broker_is_away` the test that notices when they change.
"""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError

_CUT = 1.0
"""Seconds a part gets to end once its connections are to be cut."""


async def end_producer(producer: AIOKafkaProducer, *, within: float) -> None:
    """Let a producer finish what it can within some seconds; then whatever it still held fails."""
    synchronizing = producer.client._sync_task  # noqa: SLF001
    stopping = asyncio.create_task(producer.stop())
    if not await _over(stopping, within):
        producer._message_accumulator.fail_all(KafkaConnectionError("the producer is given up"))  # noqa: SLF001
        sender = producer._sender  # noqa: SLF001 - None where it never met a broker
        await _end_task(sender.sender_task if sender is not None else None)
        await _end_task(stopping)
        await _briefly(producer.client.close())
    await _end_task(synchronizing)


async def end_consumer(consumer: AIOKafkaConsumer, *, within: float) -> None:
    """Let a consumer leave its group within some seconds; then cut it off."""
    synchronizing = consumer._client._sync_task  # noqa: SLF001
    stopping = asyncio.create_task(consumer.stop())
    if not await _over(stopping, within):
        await _end_task(stopping)
        coordinator = consumer._coordinator  # noqa: SLF001
        for name in ("_coordination_task", "_heartbeat_task", "_commit_refresh_task", "_reset_committed_task"):
            await _end_task(getattr(coordinator, name, None))
        if consumer._fetcher is not None:  # noqa: SLF001
            await _briefly(consumer._fetcher.close())  # noqa: SLF001
        await _briefly(consumer._client.close())  # noqa: SLF001
    await _end_task(synchronizing)


async def end_admin(admin: AIOKafkaAdminClient) -> None:
    """Close an admin client."""
    synchronizing = admin._client._sync_task  # noqa: SLF001
    await _briefly(admin.close())
    await _end_task(synchronizing)


async def _end_task(task: "asyncio.Task[Any] | None") -> None:
    """Cancel a task until it is over: some of the library's swallow the first time, or wait for tasks of their own."""
    tries = 10
    while task is not None and not task.done() and tries:
        task.cancel()
        await _over(task, _CUT / 10)
        tries -= 1


async def _over(task: "asyncio.Task[Any]", within: float) -> bool:
    """Whether a task ends in time; what it raised is of no interest then."""
    await asyncio.wait([task], timeout=within)
    if task.done() and not task.cancelled():
        task.exception()
    return task.done()


async def _briefly(work: Coroutine[Any, Any, Any]) -> None:
    with contextlib.suppress(Exception):
        await asyncio.wait_for(work, _CUT)
