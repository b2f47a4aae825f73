"""Faults of a configuration as sentences: where each is, what was got, what would be right."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Not needed to tell faults, and by far the largest part of what some small processes load.
    from pydantic_core import ErrorDetails

Place = tuple[int | str, ...]

_WANTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a number",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping of settings",
    "model_attributes_type": "a mapping of settings",
    "path_type": "a path",
}


def write_place(place: Place) -> str:
    """A place in the file as people write it: `schema.attributes[2].type`."""
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def suggest(name: str, known: Iterable[str]) -> str:
    """`; did you mean email?` where something known is close to `name`, else nothing."""
    spellings: dict[str, str] = {}
    for one in known:
        spellings.setdefault(one.casefold(), one)
    close = get_close_matches(name.casefold(), spellings, n=1, cutoff=0.6)
    return f"; did you mean {spellings[close[0]]}?" if close else ""


def describe_error(fault: "ErrorDetails", *, secret: bool = False) -> str:
    """The sentence for one of pydantic's errors. What was got is left out of it where it is a `secret`."""
    kind, got = fault["type"], "" if secret else f", not {_show(fault['input'])}"
    context: dict[str, Any] = fault.get("ctx") or {}
    if kind == "literal_error":
        return _describe_alternatives(str(context["expected"]), fault["input"], got)
    if kind in _WANTED:
        quoting = "; put it in quotes" if kind == "string_type" and not isinstance(fault["input"], list | dict) else ""
        return f"must be {_WANTED[kind]}{got}{quoting}"
    match kind:
        case "missing":
            return "must be given"
        case "greater_than_equal":
            return f"must be {context['ge']:g} or more{got}"
        case "less_than_equal":
            return f"must be {context['le']:g} or less{got}"
        case _:
            return fault["msg"]


def _describe_alternatives(expected: str, found: object, got: str) -> str:
    # pydantic writes them as `'append', 'update' or 'replace'`.
    known = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
    listed = f"{', '.join(known[:-1])} or {known[-1]}" if len(known) > 1 else known[0]
    return f"must be {listed}{got}{suggest(found, known) if isinstance(found, str) else ''}"


def _show(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
