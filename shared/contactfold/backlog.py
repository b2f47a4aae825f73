"""What lies on the log and is not applied yet."""

from collections.abc import Mapping

from contactfold.ports import Directory, EventLog, Partition


async def count_left(log: EventLog, directory: Directory, ends: Mapping[Partition, int]) -> int:
    """How many of the records before these ends are not applied. `ends` has the offset after the last, by partition."""
    positions = await directory.positions(list(ends))
    left = {partition: end - positions[partition].next for partition, end in ends.items() if partition in positions}
    never = [partition for partition in ends if partition not in positions]
    if never:
        earliest = await log.ends()
        left |= {partition: ends[partition] - earliest[partition][0] for partition in never}
    return sum(max(0, count) for count in left.values())
