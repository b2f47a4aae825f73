"""Which places of an item a JMESPath expression reads, so that every other one can be named."""

from collections.abc import Iterable
from typing import Any, TypeAlias

import jmespath

Path: TypeAlias = tuple[str, ...]
"""Where a value stands in an item: the names that lead there."""

_RELATIVE = frozenset({"index_expression", "projection", "value_projection", "filter_projection", "flatten"})
"""What takes all of its first part; the rest speaks of what is found there."""


def find_paths(expression: str) -> frozenset[Path]:
    """The places an expression reads, each with all that is below it; `()` is the whole record."""
    return frozenset(_paths_of(jmespath.compile(expression).parsed))


def find_names(expressions: Iterable[str]) -> frozenset[str]:
    """The names of an item that these expressions read, or read something within.

    One that reads the item as a whole names none of them.
    """
    return frozenset(path[0] for expression in expressions for path in find_paths(expression) if path)


def _paths_of(node: Any) -> set[Path]:
    kind, children = node["type"], node.get("children", ())
    if kind == "field":
        return {(str(node["value"]),)}
    if kind in {"current", "identity"}:
        return {()}
    if kind in _RELATIVE:
        return _paths_of(children[0])
    if kind in {"subexpression", "pipe"}:
        return _follow(children)
    if kind == "expref":
        return set()
    return {path for child in children if isinstance(child, dict) for path in _paths_of(child)}


def _follow(steps: Any) -> set[Path]:
    """The places that steps read, each step in what the one before found, as far as that is one place."""
    place: Path = ()
    found: set[Path] = {place}
    for step in steps:
        found = {place + path for path in _paths_of(step)}
        if not _is_plain(step):
            break
        (place,) = found
    return found


def _is_plain(node: Any) -> bool:
    """Whether what a step finds is what stands at its one place, so that the next step goes on from there."""
    if node["type"] in {"subexpression", "pipe"}:
        return all(_is_plain(child) for child in node["children"])
    return node["type"] in {"field", "current", "identity"}
