"""docs/http.md against the description the server gives of itself, and every code against the code that gives it."""

import re
from pathlib import Path

import pytest

from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.adapters.sqlite_log import SqliteLog
from contactfold.config import Config
from contactfold.exits import Exit
from contactfold.web.access import SCOPES, KeyRing
from contactfold.web.application import make_app
from contactfold_console.app import Deps
from contactfold_console.app import install as install_console
from contactfold_ingest.app import IngestDeps
from contactfold_ingest.app import install as install_ingest
from e2e.docs.codes import find_codes
from e2e.docs.pages import DOORS, ROOT, read_prose, read_tables

HTTP = ROOT / "docs" / "http.md"
EVENTS = ROOT / "docs" / "events.md"
OPERATIONS = ROOT / "docs" / "operations.md"
IMPORTS = ROOT / "docs" / "imports.md"

UNDESCRIBED = {("GET", "/docs"), ("GET", "/openapi.json")}
"""Routes that describe the others."""

STATUSES = {"201", "202", "207"}
"""Statuses of replies that are no errors, beside 200."""


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, dict[str, dict[str, object]]]:
    log, directory = SqliteLog(tmp_path / "log.db"), SqliteDirectory(tmp_path / "directory.db")
    config, ring = Config(), KeyRing(directory, None, lambda: 0)
    app = make_app(title="contactfold", ring=ring, probes={}, version="0")
    schema = config.contact_schema
    install_ingest(app, IngestDeps(log, directory, schema, config.sources, config.limits, lambda: 0, ring))
    install_console(app, Deps(directory, schema, ring))
    described: dict[str, dict[str, dict[str, object]]] = app.openapi()["paths"]
    return described


def spell_out(path: str) -> list[str]:
    """The paths that one with alternatives, `/v1/{share,erase}`, stands for."""
    before, alternatives, after = re.fullmatch(r"([^{]*)(?:\{(\w+(?:,\w+)+)\})?(.*)", path).groups()  # type: ignore[union-attr]
    return [before + one + after for one in (alternatives or "").split(",")]


def test_every_route_is_told_and_every_route_told_exists(paths: dict[str, dict[str, dict[str, object]]]) -> None:
    routes = re.findall(r"^(?:### |\| )`(GET|POST|PUT|DELETE) (/[^`]*)`", HTTP.read_text(), re.MULTILINE)
    told = {(method, path) for method, pattern in routes for path in spell_out(pattern)}
    served = {(method.upper(), path) for path, operations in paths.items() for method in operations}
    assert told == served | UNDESCRIBED


def test_every_status_that_is_described_is_told(paths: dict[str, dict[str, dict[str, object]]]) -> None:
    operations = (operation for one in paths.values() for operation in one.values())
    described = {status for operation in operations for status in operation["responses"]}  # type: ignore[attr-defined]
    told = {row[0] for row in read_tables(HTTP, under="Errors")}
    assert described - {"200"} <= told | STATUSES


def test_every_parameter_of_a_query_is_told(paths: dict[str, dict[str, dict[str, object]]]) -> None:
    prose = "\n".join(read_prose(page) for page in (HTTP, *DOORS))
    for path, operations in paths.items():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):  # type: ignore[attr-defined]
                if parameter["in"] == "query":
                    named = f"`{parameter['name']}`" in prose or f"?{parameter['name']}=" in prose
                    assert named, f"{path} takes {parameter['name']}"


def test_every_scope_is_told() -> None:
    assert [row[0].strip("`") for row in read_tables(HTTP, under="HTTP")] == list(SCOPES)


def told_codes() -> set[str]:
    tables = [*read_tables(HTTP, under="Errors"), *read_tables(EVENTS, under="Every reason")]
    tables += read_tables(OPERATIONS, under="Dead letters")
    tables += [row for part in ("Files that", "What a file") for row in read_tables(IMPORTS, under=part)]
    tables += [row for page in DOORS for row in read_tables(page, under="Errors")]
    found: set[str] = set()
    for row in tables:
        cell = row[1] if row[0].isdecimal() else row[0]
        found.update(re.findall(r"`(\w+)`", cell))
    return found


def test_every_code_is_told_and_every_code_told_exists() -> None:
    given, told = find_codes(), told_codes()
    assert len(given) > 60
    assert (given - told, told - given) == (set(), set())


def test_every_exit_code_is_told() -> None:
    assert [int(row[0]) for row in read_tables(OPERATIONS, under="Starting")] == [int(code) for code in Exit]


def test_every_log_line_that_is_told_is_written_and_every_one_written_is_told() -> None:
    told = {name for row in read_tables(OPERATIONS, under="Log lines") for name in re.findall(r"`(\w+)`", row[0])}
    written: set[str] = set()
    for folder in ("shared", "services", "cli"):
        for file in (ROOT / folder).rglob("*.py"):
            written.update(re.findall(r"_log\.(?:info|warning|error)\(\s*\"(\w+)\"", file.read_text()))
    assert told == written
