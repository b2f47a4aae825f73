"""Whether a command printed what a page says. `…` in a page stands for whatever differs from run to run.

JSON is compared as JSON, so a page may lay it out to be read; `…` within a text stands for any text, as an
element of a list for any further elements, and as a member's name for any further members.
"""

import json
import re
from typing import Any

ANYTHING = "…"


def find_difference(language: str, expected: str, actual: str) -> str | None:
    """What differs, in one sentence, or None."""
    if language == "json":
        return _compare_documents(expected, actual)
    return _compare_lines(expected.rstrip().splitlines(), actual.strip("\n").rstrip().splitlines())


def decode_documents(text: str) -> list[Any]:
    """JSON documents that follow one another, as several commands print them."""
    decoder, documents, place = json.JSONDecoder(), [], 0
    while text[place:].strip():
        place += len(text[place:]) - len(text[place:].lstrip())
        document, place = decoder.raw_decode(text, place)
        documents.append(document)
    return documents


def _compare_documents(expected: str, actual: str) -> str | None:
    try:
        found = decode_documents(actual)
    except ValueError:
        return f"this is not JSON: {actual}"
    wanted = decode_documents(expected)
    if len(wanted) != len(found):
        return f"{len(wanted)} documents were expected, and {len(found)} printed: {actual}"
    for one, other in zip(wanted, found, strict=True):
        if why := _compare(one, other, "$"):
            return f"{why}; printed: {actual}"
    return None


def _compare(wanted: Any, found: Any, place: str) -> str | None:
    if wanted == ANYTHING:
        return None
    if isinstance(wanted, str) and isinstance(found, str):
        return None if _pattern(wanted).fullmatch(found) else f"{place} is {found!r}, not {wanted!r}"
    if isinstance(wanted, dict) and isinstance(found, dict):
        return _compare_members(wanted, found, place)
    if isinstance(wanted, list) and isinstance(found, list):
        open_ended = bool(wanted) and wanted[-1] == ANYTHING
        told = wanted[:-1] if open_ended else wanted
        if len(found) < len(told) or (len(found) > len(told) and not open_ended):
            return f"{place} has {len(found)} elements, not {len(told)}"
        pairs = enumerate(zip(told, found, strict=False))
        return next((why for i, (one, other) in pairs if (why := _compare(one, other, f"{place}[{i}]"))), None)
    same = type(wanted) is type(found) and wanted == found
    return None if same else f"{place} is {found!r}, not {wanted!r}"


def _compare_members(wanted: dict[str, Any], found: dict[str, Any], place: str) -> str | None:
    told = {name: value for name, value in wanted.items() if name != ANYTHING}
    if missing := told.keys() - found.keys():
        return f"{place} has no {sorted(missing)}"
    if (more := found.keys() - told.keys()) and ANYTHING not in wanted:
        return f"{place} has {sorted(more)} too"
    members = ((name, _compare(value, found[name], f"{place}.{name}")) for name, value in told.items())
    return next((why for _, why in members if why), None)


def _compare_lines(wanted: list[str], found: list[str]) -> str | None:
    open_ended = bool(wanted) and wanted[-1].strip() == ANYTHING
    told = wanted[:-1] if open_ended else wanted
    printed = "\n".join(found)
    if len(found) < len(told) or (len(found) > len(told) and not open_ended):
        return f"{len(told)} lines were expected, and {len(found)} printed: {printed}"
    for one, other in zip(told, found, strict=False):
        if not _pattern(one.rstrip()).fullmatch(other.rstrip()):
            return f"the line {one!r} was expected, not {other!r}; printed: {printed}"
    return None


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split(ANYTHING))), re.DOTALL)
