"""The expressions of a source, and what each finds in an item, as fast as may be.

Nearly all expressions are names with dots between. Those need no interpreter: a loop finds the same in a tenth of the
time. All others are jmespath's, with one interpreter for all, for it holds no state.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jmespath
from jmespath.visitor import TreeInterpreter

from contactfold.config import Source

Find: TypeAlias = Callable[[object], object]
"""What an expression finds in an item; None where it finds nothing. Raises one of `MISFITS` where it does not fit."""

MISFITS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What JMESPath raises for data of a shape that an expression was not written for; its own errors are `ValueError`s."""

_INTERPRETER = TreeInterpreter()


def make_find(expression: str) -> Find:
    """The function that an expression is. The expression compiles: the configuration was checked."""
    tree = parse(expression)
    names = _list_names(tree)
    if names is None:
        return lambda item: _INTERPRETER.visit(tree, item)
    if len(names) == 1:
        return _find_name(names[0])
    return _find_path(names)


def make_finds(expressions: Mapping[str, str]) -> dict[str, Find]:
    """The same for values: an expression that gathers a list and has gathered nothing has found nothing.

    An empty list deletes a field. Only the sender can say that, with an empty list at the very place; that no answer of
    a form is a phone number says nothing about the phone numbers of whoever filled it in.
    """
    return {name: _make_find_of_value(expression) for name, expression in expressions.items()}


def _make_find_of_value(expression: str) -> Find:
    find = make_find(expression)
    if _list_names(parse(expression)) is not None:
        return find

    def find_some(item: object) -> object:
        found = find(item)
        return None if found == [] else found

    return find_some


def list_expressions(source: Source) -> dict[str, str]:
    """Every expression of a source by its place there: `events`, `id`, `values.email`, `organization.name`."""
    own = {"events": source.events, "id": source.id, "occurred_at": source.occurred_at}
    values = {f"values.{key}": expression for key, expression in (source.values or {}).items()}
    organization = {f"organization.{name}": expression for name, expression in (source.organization or {}).items()}
    return {**{place: one for place, one in own.items() if one is not None}, **values, **organization}


def parse(expression: str) -> Any:
    """The expression as jmespath's tree of `{"type", "children", "value"}`."""
    return jmespath.compile(expression).parsed


def _list_names(tree: Any) -> list[str] | None:
    """The names of an expression that is nothing but names with dots between, else None."""
    if tree["type"] == "field":
        return [tree["value"]]
    if tree["type"] != "subexpression":
        return None
    found: list[str] = []
    for child in tree["children"]:
        names = _list_names(child)
        if names is None:
            return None
        found += names
    return found


def _find_name(name: str) -> Find:
    def find(item: object) -> object:
        return item.get(name) if isinstance(item, dict) else None

    return find


def _find_path(names: list[str]) -> Find:
    def find(item: object) -> object:
        for name in names:
            if not isinstance(item, dict):
                return None
            item = item.get(name)
        return item

    return find
