"""What `contactfold dead` does."""

import base64
import sys
from collections.abc import AsyncIterator

from contactfold.config import Config, Settings
from contactfold.domain.stamp import format_time
from contactfold.exits import Exit
from contactfold.lifetime import run_loop
from contactfold.ports import DeadLetter, Directory
from contactfold_cli.composition import opened_directory, print_json
from contactfold_cli.tables import GrowingTable, JsonList

_PAGE = 500


def run_list(_: Config, settings: Settings, *, json: bool) -> int:
    """Show every dead letter's place, reason and tries."""

    async def find() -> int:
        async with opened_directory(settings) as directory:
            await print_letters(directory, json=json)
        return Exit.DONE

    return run_loop(find())


async def print_letters(directory: Directory, *, json: bool) -> None:
    """Print every dead letter's place as it comes: their records, which may be large, are not kept."""
    write = JsonList() if json else GrowingTable()
    async for page in _pages(directory):
        write.add(page)
    if not write.end() and not json:
        print("There are no dead letters.")


async def _pages(directory: Directory) -> AsyncIterator[list[dict[str, object]]]:
    after: str | None = None
    while letters := await directory.dead_letters(after=after, limit=_PAGE):
        after = letters[-1].id
        places = [_place(letter) for letter in letters]
        letters.clear()
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
                print(f"{name}: {value}")
        return Exit.DONE

    return run_loop(find())


def _place(letter: DeadLetter) -> dict[str, object]:
    topic, _, partition = letter.partition.rpartition("/")
    return {
        "id": letter.id,
        "topic": topic,
        "partition": int(partition),
        "offset": letter.offset,
        "reason": letter.reason,
        "tries": letter.tries,
    }


def _whole(letter: DeadLetter) -> dict[str, object]:
    return {
        **_place(letter),
        "code": letter.code,
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
