"""What `contactfold dead` does."""

import base64
import sys

from contactfold.config import Config, Settings
from contactfold.domain.stamp import format_time
from contactfold.exits import Exit
from contactfold.lifetime import run_loop
from contactfold.ports import DeadLetter, Directory
from contactfold_cli.composition import opened_directory, print_json
from contactfold_cli.tables import print_table

_PAGE = 500


def run_list(_: Config, settings: Settings, *, json: bool) -> int:
    """Show every dead letter's place, reason and tries."""

    async def find() -> int:
        async with opened_directory(settings) as directory:
            letters = [_place(letter) for letter in await _find_all(directory)]
        if json:
            print_json(letters)
        elif letters:
            print_table(letters)
        else:
            print("There are no dead letters.")
        return Exit.DONE

    return run_loop(find())


async def _find_all(directory: Directory) -> list[DeadLetter]:
    letters: list[DeadLetter] = []
    while page := await directory.dead_letters(after=letters[-1].id if letters else None, limit=_PAGE):
        letters += page
    return letters


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
