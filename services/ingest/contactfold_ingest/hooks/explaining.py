"""Why an expression finds nothing in a sample: the first step of it that leads nowhere, and what there is instead.

The expression is followed through the sample step by step, as JMESPath would, but through every branch of it and with
the path to each value kept. Only names of the sample are told, no values.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from json import dumps
from typing import Any

from jmespath.visitor import TreeInterpreter

from contactfold.domain.schema import fold_name
from contactfold_ingest.mapping.expressions import MISFITS, parse

_MOST_TOLD = 3
"""Steps that are told of one expression."""
_MOST_NAMES = 12
_MOST_PATHS = 2_000
"""Places of a sample that are looked at for a name that was meant."""
_MOST_ELEMENTS = 100
_DEEPEST = 12

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_INTERPRETER = TreeInterpreter()


@dataclass(frozen=True)
class _Reached:
    """A value of the sample, and the expression that leads there."""

    path: str
    value: Any


def explain_nothing(expression: str, samples: Sequence[object], what: str = "item") -> str:
    """A sentence or more on why the expression finds nothing in any of these samples (each an `item`, or a `body`)."""
    walk = _Walk(samples, what)
    walk.follow(parse(expression), [_Reached("", sample) for sample in samples])
    told = list(dict.fromkeys(walk.told))[:_MOST_TOLD]
    return " ".join(told) or f"It gives nothing for any {what} of the sample."


class _Walk:
    """One expression followed through all samples at once."""

    def __init__(self, samples: Sequence[object], what: str) -> None:
        self.told: list[str] = []
        self._samples, self._what = samples, what
        self._ways: dict[str, Callable[[Any, list[_Reached]], list[_Reached]]] = {
            "field": self._field,
            "index": self._index,
            "slice": self._slice,
            "flatten": self._flatten,
            "projection": self._projection,
            "value_projection": self._value_projection,
            "filter_projection": self._filter_projection,
            "or_expression": self._or,
            "subexpression": self._chain,
            "index_expression": self._chain,
            "pipe": self._pipe,
        }

    def follow(self, node: Any, reached: list[_Reached]) -> list[_Reached]:
        """What a node of the expression leads to from all these."""
        if node["type"] in ("identity", "current"):
            return reached
        return self._ways.get(node["type"], self._compute)(node, reached)

    def _chain(self, node: Any, reached: list[_Reached]) -> list[_Reached]:
        for child in node["children"]:
            reached = self.follow(child, reached)
        return reached

    def _pipe(self, node: Any, reached: list[_Reached]) -> list[_Reached]:
        """Behind a pipe a list that was gathered is one value again."""
        first, second = node["children"]
        found = self.follow(first, reached)
        if found and first["type"].endswith("projection"):
            found = [_Reached(found[0].path, [one.value for one in found])]
        return self.follow(second, found)

    def _field(self, node: Any, reached: list[_Reached]) -> list[_Reached]:
        name = str(node["value"])
        objects = [one for one in reached if isinstance(one.value, dict)]
        found = [_Reached(_join(one.path, name), one.value[name]) for one in objects if name in one.value]
        there = [one for one in found if one.value is not None]
        if there or not reached:
            return there
        if found:
            self.told.append(f"{found[0].path} is null in every {self._what} of the sample.")
        elif objects:
            self._tell_absent(name, objects)
        else:
            self._tell_wrong_kind(name, reached[0])
        return []

    def _tell_absent(self, name: str, objects: list[_Reached]) -> None:
        known = list(dict.fromkeys(key for one in objects for key in one.value))
        path = _join(objects[0].path, name)
        close = _find_close(name, known)
        meant = [_join(objects[0].path, close)] if close else self._find_elsewhere(name)
        shown = [_join(objects[0].path, key) for key in known[:_MOST_NAMES]]
        more = f" and {len(known) - _MOST_NAMES} more" if len(known) > _MOST_NAMES else ""
        hint = f"; did you mean {' or '.join(meant)}?" if meant else "."
        there = f" There {'is' if len(known) == 1 else 'are'} {', '.join(shown)}{more}." if known else ""
        self.told.append(f"No {self._what} of the sample has {path}{hint}{there}")

    def _tell_wrong_kind(self, name: str, one: _Reached) -> None:
        path = one.path or f"the {self._what}"
        if isinstance(one.value, list):
            way = f"{one.path}[].{_quote(name)}"
            self.told.append(f"{_begin(path)} is a list: write {way} for that of each element, {one.path}[0] for one.")
        else:
            self.told.append(f"{_begin(path)} is {_kind_of(one.value)} and has no {_quote(name)}.")

    def _find_elsewhere(self, name: str) -> list[str]:
        """Where else in the sample something of this name is."""
        wanted = fold_name(name)
        paths = (path for path, key in _walk_names(self._samples) if fold_name(key) == wanted)
        return list(dict.fromkeys(paths))[:2]

    def _lists(self, reached: list[_Reached]) -> list[_Reached]:
        lists = [one for one in reached if isinstance(one.value, list)]
        if reached and not lists:
            path = reached[0].path or f"the {self._what}"
            self.told.append(f"{_begin(path)} is {_kind_of(reached[0].value)}, not a list.")
        return lists

    def _elements(self, reached: list[_Reached]) -> list[_Reached]:
        lists = self._lists(reached)
        if lists and not any(one.value for one in lists):
            self.told.append(f"{_begin(lists[0].path.removesuffix('[]') or 'the list')} is empty.")
        pairs = [(one.path, element) for one in lists for element in one.value]
        return [_Reached(path and f"{path.removesuffix('[]')}[]", element) for path, element in pairs]

    def _index(self, node: Any, reached: list[_Reached]) -> list[_Reached]:
        place = node["value"]
        lists = self._lists(reached)
        found = [one for one in lists if -len(one.value) <= place < len(one.value)]
        if lists and not found:
            self.told.append(f"{_begin(lists[0].path or 'the list')} has no element [{place}].")
        return [_Reached(f"{one.path}[{place}]", one.value[place]) for one in found]

    def _slice(self, node: Any, reached: list[_Reached]) -> list[_Reached]:
        return [_Reached(one.path, one.value[slice(*node["children"])]) for one in self._lists(reached)]

    def _flatten(self, node: Any, reached: list[_Reached]) -> list[_Reached]:
        found = []
        for one in self._lists(self.follow(node["children"][0], reached)):
            flat = [inner for element in one.value for inner in (element if isinstance(element, list) else [element])]
            found.append(_Reached(f"{one.path}[]", flat))
        return found

    def _projection(self, node: Any, reached: list[_Reached]) -> list[_Reached]:
        base, each = node["children"]
        return self.follow(each, self._elements(self.follow(base, reached)))

    def _value_projection(self, node: Any, reached: list[_Reached]) -> list[_Reached]:
        base, each = node["children"]
        objects = [one for one in self.follow(base, reached) if isinstance(one.value, dict)]
        values = [_Reached(_join(one.path, key), inner) for one in objects for key, inner in one.value.items()]
        return self.follow(each, values)

    def _filter_projection(self, node: Any, reached: list[_Reached]) -> list[_Reached]:
        base, each, condition = node["children"]
        elements = self._elements(self.follow(base, reached))
        passed = [one for one in elements if _evaluate(condition, one.value) not in (None, False, "", [], {})]
        if not passed and any(one.value is not None for one in elements):
            self.told.append(f"No element of {elements[0].path or 'the list'} passes the filter.")
            self.follow(condition, elements)
        return self.follow(each, passed)

    def _or(self, node: Any, reached: list[_Reached]) -> list[_Reached]:
        first, second = (self.follow(child, reached) for child in node["children"])
        return first or second

    def _compute(self, node: Any, reached: list[_Reached]) -> list[_Reached]:
        """Functions, comparisons, lists and objects that are put together: what is in them, and what comes of them."""
        for child in node["children"]:
            if child["type"] not in ("expref", "literal"):
                self.follow(child, reached)
        computed = (_evaluate(node, one.value) for one in reached)
        return [_Reached("", value) for value in computed if value is not None]


def _evaluate(node: Any, value: object) -> object:
    try:
        return _INTERPRETER.visit(node, value)
    except MISFITS:
        return None


def _walk_names(samples: Sequence[object]) -> Iterator[tuple[str, str]]:
    """Every name of the samples with the path to it, those nearest to the root first."""
    waiting: list[_Reached] = [_Reached("", sample) for sample in samples[:_MOST_ELEMENTS]]
    seen = 0
    while waiting and seen < _MOST_PATHS:
        one = waiting.pop(0)
        seen += 1
        if one.path.count(".") > _DEEPEST:
            continue
        if isinstance(one.value, list):
            waiting += [_Reached(f"{one.path}[]", element) for element in one.value[:_MOST_ELEMENTS]]
        elif isinstance(one.value, dict):
            inner = [(_join(one.path, key), key, value) for key, value in one.value.items()]
            yield from ((path, key) for path, key, _ in inner)
            waiting += [_Reached(path, value) for path, _, value in inner]


def _find_close(name: str, known: Sequence[str]) -> str:
    folded = {fold_name(key): key for key in reversed(known)}
    close = get_close_matches(fold_name(name), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else ""


def _join(path: str, name: str) -> str:
    return f"{path}.{_quote(name)}" if path else _quote(name)


def _quote(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else dumps(name, ensure_ascii=not name.isprintable())


def _begin(path: str) -> str:
    return f"{path[:1].upper()}{path[1:]}" if path.startswith("the ") else path


def _kind_of(value: object) -> str:
    kinds: list[tuple[type, str]] = [(dict, "an object"), (list, "a list"), (str, "text"), (bool, "a boolean")]
    kinds += [(int, "a number"), (float, "a number")]
    return next((word for kind, word in kinds if isinstance(value, kind)), "null")
