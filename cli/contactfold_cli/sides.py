"""What `contactfold diff` compares: a directory by its address, or a file that an export was written to."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from contactfold.canonical import closing, export_lines
from contactfold.config import Config, Misconfigured, Settings
from contactfold.domain.compatibility import Meaning
from contactfold.same_schema import schema_of, stored_meaning
from contactfold_cli.composition import holds_directory, opened_directory, settings_at

_SERVERS = ("mongodb://", "mongodb+srv://")


@dataclass(frozen=True, slots=True)
class Side:
    """One export: its name, its lines, about how many there are, and the schema it was folded with where it is known.

    `empty` says that nothing was ever applied to it.
    """

    name: str
    lines: AsyncIterator[bytes]
    total: int | None = None
    meaning: Meaning | None = None
    empty: bool = False


@asynccontextmanager
async def opened_side(address: str, config: Config, settings: Settings) -> AsyncIterator[Side]:
    """What lies at an address, as of one moment.

    Raises `Misconfigured` where nothing does, and `Unavailable` where a server does not answer within 30 s.
    """
    if address.startswith(_SERVERS):
        name, found = _without_password(address), settings_at(settings, address)
    else:
        path = Path(address)
        if (kind := _look(path)) == "file":
            yield Side(address, _read_lines(path))
            return
        if kind != "directory":
            raise Misconfigured([f"{address}: there is no directory here: {_WANTED}."])
        name, found = address, settings_at(settings, path)
    async with AsyncExitStack() as stack:
        directory = await stack.enter_async_context(opened_directory(found))
        meaning = await stored_meaning(directory)
        schema = config.contact_schema if meaning is None else schema_of(meaning)
        counts = await directory.counts()
        lines = await stack.enter_async_context(closing(export_lines(directory, schema)))
        yield Side(name, lines, counts.get("contacts"), meaning, empty=meaning is None and not counts.get("evidence"))


_WANTED = "name a data directory, a mongodb:// address, or a file that `contactfold export` has written"


def _look(path: Path) -> str | None:
    if path.is_file():
        return "file"
    return "directory" if holds_directory(path) else None


async def _read_lines(path: Path) -> AsyncIterator[bytes]:
    try:
        with path.open("rb") as file:
            for line in file:
                yield line if line.endswith(b"\n") else line + b"\n"
    except OSError as error:
        raise Misconfigured([f"{path}: this file cannot be read: {(error.strerror or str(error)).lower()}."]) from None


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return str(urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="")))
