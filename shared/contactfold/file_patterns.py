"""Which files a pattern means.

`*` is any characters of one name, `?` one, `[a-z]` one of some; `{csv,xlsx}` is either; upper and lower case are the
same. `**` stands for any folders, also none: `**/*.csv` is every such file below the folder, where `*.csv` is those
in it alone. Files that are hidden or on their way (`.x`, `x.part`, `~$x.xlsx`) never match, whatever the pattern says.
"""

import fnmatch
import re
from itertools import product

_LONGEST = 300
_MOST_ALTERNATIVES = 64
_BRACES = re.compile(r"\{([^{}]*)\}")
_UNFINISHED = (".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload", ".download", ".swp", ".lock", "~")
_OFFICE = "~$"
_ANY_FOLDERS = "**"


class Pattern:
    """A pattern, ready to be asked. Raises `ValueError` with a sentence for what is none."""

    def __init__(self, text: str) -> None:
        self._alternatives = [_compile(one) for one in _spell_out(_check(text))]

    def matches(self, name: str) -> bool:
        """Whether a file of this name, relative to the folder, is meant."""
        parts = tuple(name.split("/"))
        if any(is_left_out(part) for part in parts):
            return False
        return any(_matches(pattern, parts) for pattern in self._alternatives)

    def enters(self, folder: str) -> bool:
        """Whether a file below this folder, relative to the store's, could be meant."""
        parts = tuple(folder.split("/"))
        if any(is_left_out(part) for part in parts):
            return False
        return any(_could_begin(pattern, parts) for pattern in self._alternatives)

    @property
    def descends(self) -> bool:
        """Whether files below the folder can be meant at all."""
        return any(len(pattern) > 1 for pattern in self._alternatives)


_Parts = tuple[re.Pattern[str] | None, ...]
"""One expression for each part of a path; None is `**`."""


def is_left_out(part: str) -> bool:
    """Whether a file or folder of this name is hidden, or a file on its way."""
    lowered = part.lower()
    return part == "" or part.startswith((".", _OFFICE)) or lowered.endswith(_UNFINISHED) or not _is_tellable(part)


def leads_out(name: str) -> bool:
    """Whether a relative name has a part that is no name, such as `..`."""
    return any(part in {"", ".", ".."} or "\x00" in part for part in name.split("/"))


def lies_in(name: str, folder: str | None) -> bool:
    """Whether a relative name lies in a relative folder; never where there is none."""
    return folder is not None and name.startswith(folder.strip("/") + "/")


def _is_tellable(part: str) -> bool:
    # Half a surrogate pair stands for bytes that are no UTF-8: such a name can be kept and shown nowhere.
    return not any(ord(letter) < 32 or ord(letter) == 127 or 0xD800 <= ord(letter) <= 0xDFFF for letter in part)


def _check(text: str) -> str:
    if not text.strip("/ "):
        raise ValueError("must not be empty: write `*.csv`, or `*` for every file")
    if len(text) > _LONGEST:
        raise ValueError(f"must have {_LONGEST} characters or fewer")
    if not _is_tellable(text):
        raise ValueError("holds a character that no name of a file may have")
    parts = text.split("/")
    if text.startswith("/") or "" in parts or ".." in parts or "." in parts:
        raise ValueError("must be a name in the folder, such as `*.csv`, or below it, such as `**/*.csv`")
    if any(_ANY_FOLDERS in part and part != _ANY_FOLDERS for part in parts) or parts[-1] == _ANY_FOLDERS:
        raise ValueError("has `**` beside other characters: it stands for whole folders, as in `**/*.csv`")
    return text


def _spell_out(text: str) -> list[str]:
    pieces = _BRACES.split(text)
    choices = [piece.split(",") if place % 2 else [piece] for place, piece in enumerate(pieces)]
    count = 1
    for choice in choices:
        count *= len(choice)
        if count > _MOST_ALTERNATIVES:
            raise ValueError(f"stands for more than {_MOST_ALTERNATIVES} alternatives")
    return ["".join(one) for one in product(*choices)]


def _compile(text: str) -> _Parts:
    return tuple(
        None if part == _ANY_FOLDERS else re.compile(fnmatch.translate(part), re.IGNORECASE) for part in text.split("/")
    )


def _matches(pattern: _Parts, parts: tuple[str, ...]) -> bool:
    # Where `**` may still be taking folders, every later place of the pattern is possible too.
    places = _skip(pattern, {0})
    for part in parts:
        places = _step(pattern, places, part)
    return len(pattern) in places


def _could_begin(pattern: _Parts, parts: tuple[str, ...]) -> bool:
    places = _skip(pattern, {0})
    for part in parts:
        places = _step(pattern, places, part)
    return any(place < len(pattern) for place in places)


def _step(pattern: _Parts, places: set[int], part: str) -> set[int]:
    reached = set()
    for place in places:
        if place == len(pattern):
            continue
        wanted = pattern[place]
        if wanted is None:
            reached.add(place)
        elif wanted.match(part):
            reached.add(place + 1)
    return _skip(pattern, reached)


def _skip(pattern: _Parts, places: set[int]) -> set[int]:
    reached = set(places)
    for place in sorted(places):
        here = place
        while here < len(pattern) and pattern[here] is None:
            here += 1
            reached.add(here)
    return reached
