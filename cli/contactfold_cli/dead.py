"""What `contactfold dead` does."""

import base64
import sys
from collections.abc import AsyncIterator, Mapping

from contactfold.config import Config, Settings
from contactfold.domain.stamp import format_time
from contactfold.exits import Exit
from contactfold.lifetime import run_loop
from contactfold.ports import DeadLetter, Directory
from contactfold_cli.composition import opened_directory, print_json
from contactfold_cli.tables import GrowingTable, JsonList

_PAGE = 500


def run_list(_: Config, settings: Settings, *, reason: str | None, json: bool) -> int:
    """Show every dead letter's place, reason and tries; of one reason's code where one is named."""

    async def find() -> int:
        async with opened_directory(settings) as directory:
            await print_letters(directory, reason=reason, json=json)
        return Exit.DONE

    return run_loop(find())


async def print_letters(directory: Directory, *, reason: str | None = None, json: bool) -> None:
    """Print every dead letter's place as it comes: their records, which may be large, are not kept."""
    write = JsonList() if json else GrowingTable()
    async for page in _pages(directory, reason):
        write.add(page if json else list(map(summary_of, page)))
    if not write.end() and not json:
        print(tell_none(reason))


async def list_ids(directory: Directory, reason: str | None) -> list[str]:
    """The ids of every dead letter, or of those that died of one reason."""
    return [str(place["id"]) async for page in _pages(directory, reason) for place in page]


def tell_none(reason: str | None) -> str:
    """The sentence for a list that is empty."""
    return "There are no dead letters." if reason is None else f"There are no dead letters with the code {reason}."


async def _pages(directory: Directory, reason: str | None) -> AsyncIterator[list[dict[str, object]]]:
    after: str | None = None
    while letters := await directory.dead_letters(after=after, limit=_PAGE):
        after = letters[-1].id
        places = [place_of(letter) for letter in letters if reason is None or letter.code == reason]
        letters.clear()
        if places:
            yield places


def run_show(_: Config, settings: Settings, *, letter_id: str, json: bool) -> int:
    """Show one dead letter whole; exit code 1 where there is none of that id."""

    async def find() -> int:
        async with opened_directory(settings) as directory:
            letter = await directory.dead_letter(letter_id)
        if letter is None:
            print(f"There is no dead letter {letter_id!r}; `contactfold dead list` shows them.", file=sys.stderr)
            return Exit.NO
        shown = _whole(letter)
        if json:
            print_json(shown)
        else:
            for name, value in shown.items():
                if value is not None:
                    print(f"{name}: {value}")
        return Exit.DONE

    return run_loop(find())


def place_of(letter: DeadLetter) -> dict[str, object]:
    """A dead letter without its record."""
    topic, _, partition = letter.partition.rpartition("/")
    return {
        "id": letter.id,
        "topic": topic,
        "partition": int(partition),
        "offset": letter.offset,
        "code": letter.code,
        "reason": letter.reason,
        "tries": letter.tries,
    }


def summary_of(place: Mapping[str, object]) -> dict[str, object]:
    """What a table for people tells of a dead letter: its id names the place, and the reason may be long."""
    return {column: place[column] for column in ("id", "code", "tries", "reason")}


def _whole(letter: DeadLetter) -> dict[str, object]:
    return {
        **place_of(letter),
        "import": None if letter.import_row is None else {"id": letter.import_row[0], "row": letter.import_row[1]},
        "timestamp": format_time(letter.timestamp),
        "died_at": format_time(letter.died_at),
        "key": _show_bytes(letter.key),
        "headers": {name: _show_bytes(value) for name, value in letter.headers},
        "value": _show_bytes(letter.value),
    }


def _show_bytes(raw: bytes | None) -> object:
    """Text where the bytes are text, else `{"base64": ...}`."""
    if raw is None:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode()}
