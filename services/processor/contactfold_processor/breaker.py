"""The circuit breaker: bad code or a bad schema must stop the processor instead of draining the log into dead letters.

Each partition's position carries a window: one byte for each of the last records, 1 where it died. Where
more than a set share of a full window died, the batch that trips is not committed and the processor stands
still, over restarts too, until `contactfold resume` empties the windows. Missing records
stop it in the same way (`RecordsGone`).
"""

from collections.abc import Sequence

import msgspec

from contactfold.config import Limits
from contactfold.domain.errors import Fenced, RecordsGone, RetryOnFreshState
from contactfold.ports import Changes, Directory, LogRecord, Partition, Window
from contactfold_processor.gaps import accept_gap

STOPPED = "stopped"


class Stop(msgspec.Struct):
    """Why a processor stands still, as the directory keeps it in the setting `stopped`."""

    reason: str
    partition: Partition
    position: int
    earliest: int | None = None
    """The first record the log still holds, where records are gone."""


_decode = msgspec.json.Decoder(Stop).decode


def find_trip(
    records: Sequence[LogRecord], died: set[str], windows: dict[Partition, Window], limits: Limits
) -> int | None:
    """The index of the first record whose death trips the breaker, or None.

    `died` holds the ids of dead letters (`partition/offset`).
    """
    recent = {partition: bytearray(window.recent) for partition, window in windows.items()}
    for index, record in enumerate(records):
        window = recent.setdefault(record.partition, bytearray())
        window.append(f"{record.partition}/{record.offset}" in died)
        del window[: -limits.dead_window]
        if window[-1] and len(window) == limits.dead_window and sum(window) > limits.dead_share * limits.dead_window:
            return index
    return None


def advance(
    records: Sequence[LogRecord], died: set[str], windows: dict[Partition, Window], limits: Limits
) -> list[Window]:
    """The positions after these records, each with the one it replaces and its window of deaths.

    Raises `ValueError` for a record below its partition's position: a position never goes back by accident.
    """
    moved: dict[Partition, Window] = {}
    for record in records:
        partition = record.partition
        window = moved.get(partition)
        if window is None:
            before = windows.get(partition)
            window = moved[partition] = Window(
                partition,
                before.next if before else 0,
                before.recent if before else b"",
                before.next if before else None,
            )
        if record.offset < window.next:
            raise ValueError(f"{partition}/{record.offset} is applied already: the next one there is {window.next}.")
        window.next = record.offset + 1
        dead = bool(died) and f"{partition}/{record.offset}" in died
        window.recent += b"\1" if dead else b"\0"
    for window in moved.values():
        window.recent = window.recent[-limits.dead_window :]
    return list(moved.values())


async def read_stop(directory: Directory) -> Stop | None:
    """Why processors of this directory stand still, or None."""
    raw = await directory.setting(STOPPED)
    return None if raw is None else _decode(raw)


async def write_stop(directory: Directory, stop: Stop) -> None:
    """Make every processor of this directory stand still."""
    await directory.set_setting(STOPPED, msgspec.json.encode(stop))


async def resume(directory: Directory, partitions: Sequence[Partition]) -> Stop | None:
    """Let processors go on: empty the windows, accept the gap they stopped at. Returns what had stopped them."""
    stop = await read_stop(directory)
    if stop is None:
        return None
    if stop.earliest is not None:
        await accept_gap(directory, RecordsGone(stop.partition, stop.position, stop.earliest, stop.earliest))
    while not await _empty_windows(directory, partitions):
        pass
    await directory.set_setting(STOPPED, None)
    return stop


async def _empty_windows(directory: Directory, partitions: Sequence[Partition]) -> bool:
    """Whether the windows are empty now; not where a processor that has yet to hear of the stop was faster."""
    windows = await directory.positions(partitions)
    emptied = [Window(one.partition, one.next, b"", one.next) for one in windows.values() if one.recent]
    try:
        if emptied:
            await directory.commit(Changes(positions=emptied))
    except (Fenced, RetryOnFreshState):
        return False
    return True
