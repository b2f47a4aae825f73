"""What an archived file is called where its name is taken."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count

from contactfold_ingest.schedules.stores.files import RemoteFile

MOST_NAMES = 1000
"""Names that are tried before somebody has to look."""


_LONGEST = 255
"""Bytes that a name may have, on nearly every disk."""

_ADDED = len(".2026-11-22T16-00-00Z.1000")


def archive_names(file: RemoteFile, folder: str) -> Iterator[str]:
    """Relative names in the folder, the plainest first: its own, one with its time, then numbered ones.

    `people.csv`, `people.2026-11-22T16-00-00Z.csv`, `people.2026-11-22T16-00-00Z.2.csv`. The time is the file's own,
    so that a daily file finds its name at once. A file of a folder below keeps that folder.
    """
    above, _, name = file.name.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    if not stem:
        stem, dot, ending = name, "", ""
    place = "/".join(part for part in (folder, above) if part)
    yield f"{place}/{name}"
    stem = _shorten(stem, _LONGEST - len(f"{dot}{ending}".encode()) - _ADDED)
    at = _write_time(file.modified)
    if at:
        stem += f".{at}"
        yield f"{place}/{stem}{dot}{ending}"
    for number in count(2):
        if number > MOST_NAMES:
            return
        yield f"{place}/{stem}.{number}{dot}{ending}"


def _shorten(stem: str, longest: int) -> str:
    return stem.encode()[: max(longest, 1)].decode(errors="ignore")


def _write_time(modified: int | None) -> str:
    try:
        return "" if modified is None else f"{datetime.fromtimestamp(modified // 1_000_000, UTC):%Y-%m-%dT%H-%M-%SZ}"
    except (ValueError, OverflowError, OSError):  # a clock may be out by any number of years
        return ""
