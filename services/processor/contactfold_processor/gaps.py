"""Gaps: records that the log no longer held when they were to be applied, and that somebody decided to do without.

Each stays written in the directory: what is missing must never be a matter of memory.
"""

import msgspec

from contactfold.domain.errors import RecordsGone
from contactfold.ports import Directory, Partition


class Gap(msgspec.Struct, frozen=True):
    """Records of one partition from `position` up to `earliest` that were never applied.

    `taken` says whether a processor has stepped over it: an acceptance is good for one gap, not for a later
    one that happens to begin at the same place.
    """

    position: int
    earliest: int
    taken: bool = False


_decode = msgspec.json.Decoder(list[Gap]).decode


async def list_gaps(directory: Directory, partition: Partition) -> list[Gap]:
    """The gaps accepted in a partition, oldest first."""
    raw = await directory.setting(_setting(partition))
    return [] if raw is None else _decode(raw)


async def is_accepted(directory: Directory, gone: RecordsGone) -> bool:
    """Whether somebody accepted the gap that begins at this position, and nobody has stepped over it yet.

    One that was stepped over stays accepted as long as it is the very same records that are gone.
    """
    return any(_is_open(gap, gone) or _is_same(gap, gone) for gap in await list_gaps(directory, gone.partition))


async def accept_gap(directory: Directory, gone: RecordsGone) -> None:
    """Record that the records from a position on are to be done without."""
    gaps = await list_gaps(directory, gone.partition)
    if not any(_is_open(gap, gone) or _is_same(gap, gone) for gap in gaps):
        await _keep(directory, gone.partition, [*gaps, Gap(gone.position, gone.earliest)])


async def take_gap(directory: Directory, gone: RecordsGone) -> None:
    """Record that reading goes on behind an accepted gap, and where."""
    gaps = await list_gaps(directory, gone.partition)
    taken = Gap(gone.position, gone.earliest, taken=True)
    await _keep(directory, gone.partition, [taken if _is_open(gap, gone) else gap for gap in gaps])


def _is_open(gap: Gap, gone: RecordsGone) -> bool:
    return gap.position == gone.position and not gap.taken


def _is_same(gap: Gap, gone: RecordsGone) -> bool:
    return (gap.position, gap.earliest) == (gone.position, gone.earliest)


async def _keep(directory: Directory, partition: Partition, gaps: list[Gap]) -> None:
    await directory.set_setting(_setting(partition), msgspec.json.encode(gaps))


def _setting(partition: Partition) -> str:
    return f"gap:{partition}"
