"""What is known of a schedule's files, and how their imports are named."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b

from contactfold.domain.stamp import format_event_id, parse_event_id
from contactfold.ports import Directory, ScheduledFile
from contactfold.ports.schedules import GROWING, SETTLED
from contactfold_ingest.schedules.stores import RemoteFile
from contactfold_ingest.schedules.stores.files import differs

MOST_REMEMBERED = 10_000
"""Files of a schedule that are still remembered when they are no longer there."""

_PAGE = 1_000


async def load_files(directory: Directory, schedule: str) -> dict[str, ScheduledFile]:
    """Every file that a schedule has seen, by its name. Raises `Unavailable`."""
    found: dict[str, ScheduledFile] = {}
    after: str | None = None
    while page := await directory.list_scheduled_files(schedule, after=after, limit=_PAGE):
        found |= {one.name: one for one in page}
        after = page[-1].name
    return found


def remote(file: ScheduledFile) -> RemoteFile:
    """A file as it was when it was seen."""
    return RemoteFile(file.name, file.size, file.modified, file.tag)


def is_told(file: RemoteFile) -> bool:
    """Whether anything but its content tells versions of a file apart."""
    return not (file.size is None and file.modified is None and file.tag is None)


def see(schedule: str, known: ScheduledFile | None, found: RemoteFile, now: int) -> ScheduledFile | None:
    """A file to be kept as what was found, where that is news; None where it is the file as it is known."""
    if known is None:
        return ScheduledFile(schedule, found.name, now, found.size, found.modified, found.tag)
    ahead = known.status == GROWING and known.seen_at > now  # by a clock that was put right since
    if not ahead and not differs(remote(known), found):
        return None
    return replace(
        known,
        seen_at=now,
        size=found.size,
        modified=found.modified,
        tag=found.tag,
        status=GROWING,
        detail="",
        tries=0,
    )


def name_import(file: ScheduledFile, digest: str, now: int) -> str:
    """The id of the import that is made of a file: sorted by time as those of uploads, the rest told by the file."""
    told = "\0".join((file.schedule, file.name, str(file.size), str(file.modified), str(file.tag), digest))
    return format_event_id(now.to_bytes(8, "big") + blake2b(told.encode(), digest_size=8).digest())


def read_began(import_id: str) -> int:
    """When an import of that id began, in microseconds since 1970."""
    packed = parse_event_id(import_id)
    assert packed is not None
    return int.from_bytes(packed[:8], "big")


def find_forgettable(known: Mapping[str, ScheduledFile], there: set[str]) -> list[str]:
    """Files to be forgotten: those that are gone, oldest first, once they are too many; at once what never was read."""
    gone = [one for one in known.values() if one.name not in there]
    idle = sorted((one for one in gone if one.status in SETTLED), key=lambda one: one.at)
    forgotten = [one.name for one in idle[: max(0, len(idle) - MOST_REMEMBERED)]]
    return forgotten + [one.name for one in gone if one.status not in SETTLED and not one.import_id]
