"""Every code that the code can give: of problems, of reasons, of dead letters; read from its source."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from e2e.docs.pages import ROOT

_SOURCES = (ROOT / "shared", ROOT / "services")
# Where the code stands among what each is called with.
_CALLED = {"Problem": 1, "Reason": 0, "Refused": 0, "Unreadable": 0, "bury": 1, "_refuse": 0, "NotATable": 0}
_CODE = re.compile(r"[a-z]+(_[a-z0-9]+)*")
# `invalid_{field}` is written for these fields.
_FIELDS = ("id", "source", "action", "on_many")

NEVER_TOLD = {"refused", "unreadable_evidence"}
"""A stand-in for statuses that no route of ours gives, and a fault that no reply carries."""


def find_codes() -> set[str]:
    """Every code, without those that nobody is ever told."""
    files = (file for folder in _SOURCES for file in sorted(folder.rglob("*.py")))
    found = {code for file in files for code in _codes_of(file)}
    return {code for code in found if _CODE.fullmatch(code)} - NEVER_TOLD


def _codes_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            place = _CALLED.get(name)
            if place is not None and len(node.args) > place:
                yield from _texts(node.args[place])
        elif isinstance(node, ast.Assign) and _names_code(node.targets[0]):
            yield from _texts(node.value)
        elif isinstance(node, ast.Dict) and file.name == "application.py":
            for value in node.values:
                if isinstance(value, ast.Tuple):
                    yield from _texts(value.elts[0])


def _names_code(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and target.id == "code"


def _texts(node: ast.expr) -> Iterator[str]:
    """The texts that an expression can be."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp():
            yield from _texts(node.body)
            yield from _texts(node.orelse)
        case ast.JoinedStr(values=[ast.Constant(value=str(prefix)), ast.FormattedValue()]):
            yield from (prefix + field for field in _FIELDS)
