"""Everything a page names is there: links, headings, variables, commands, files; and nothing of our machine."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from contactfold.environment import PREFIX, Settings
from contactfold_cli.commands import app
from e2e.docs.pages import PAGES, ROOT, anchors, name_page, read_blocks, read_prose, read_tables

OF_TESTS = {"CONTACTFOLD_TEST_KAFKA", "CONTACTFOLD_TEST_MONGODB", "CONTACTFOLD_TEST_SEED", "CONTACTFOLD_TEST_DEPTH"}
LOOKED_AT = {
    "export CONTACTFOLD_ADMIN_KEY=$(openssl rand -hex 32)",
    "docker compose up --build",
    "rm -r contactfold-data contactfold.yaml up.log everything.ndjson",
}
"""What pages show and nothing here runs: it needs a container engine, or cleans up."""

OURS = re.compile(
    r"(?<![\w./-])/(work|root|tmp|home)\b|pypi\.org|files\.pythonhosted|repo1\.maven|registry\.|docker\.io"
)

ARCHITECTURE = ROOT / "ARCHITECTURE.md"

every_page = pytest.mark.parametrize("page", PAGES, ids=name_page)


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", read_prose(page)):
        if target.startswith(("https://", "http://")):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{name_page(page)} links to {target}"
        if anchor:
            assert anchor in anchors(file), f"{name_page(page)} links to {target}"


@every_page
def test_every_variable_exists(page: Path) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | OF_TESTS
    named = set(re.findall(r"CONTACTFOLD_[A-Z_]*[A-Z]", page.read_text()))
    assert named - known <= {"CONTACTFOLD_KAFKA"}


@every_page
def test_every_command_and_option_exists(page: Path) -> None:
    commands = dict(walk(typer.main.get_command(app)))
    options = {option for found in commands.values() for option in found}
    for line in re.findall(r"contactfold ((?:[a-z]+ ?)+)", "\n".join(code(page))):
        words = line.split()
        assert words[0] in commands, f"{name_page(page)} names contactfold {line}"
        if (
            len(words) > 1
            and f"{words[0]} help" not in line
            and any(one.startswith(f"{words[0]} ") for one in commands)
        ):
            assert f"{words[0]} {words[1]}" in commands, f"{name_page(page)} names contactfold {line}"
    for line in "\n".join(code(page)).splitlines():
        if "contactfold " in line and "docker" not in line:
            named = set(re.findall(r"(?<=\s)--[a-z-]+", line.partition("contactfold ")[2].partition("|")[0]))
            assert named <= options | {"--version", "--help"}, f"{name_page(page)}: {line}"


def code(page: Path) -> Iterator[str]:
    """What stands in backticks and in blocks that are run or looked at."""
    yield from re.findall(r"`([^`]+)`", read_prose(page))
    yield from (block.text for block in read_blocks(page) if block.language in {"bash", "sh"})


def walk(command: object, name: str = "") -> Iterator[tuple[str, set[str]]]:
    """Every command by its words, with its options."""
    parameters = getattr(command, "params", [])
    yield name, {option for one in parameters for option in getattr(one, "opts", []) if option.startswith("--")}
    for word, inner in getattr(command, "commands", {}).items():
        yield from walk(inner, f"{name} {word}".strip())


@every_page
def test_what_is_not_run_is_known(page: Path) -> None:
    for block in read_blocks(page):
        known = {"bash", "sh", "json", "text", "yaml", ""}
        assert block.language in known or block.file, f"{name_page(page)}, line {block.line}"
        if block.language == "sh":
            assert set(block.text.splitlines()) <= LOOKED_AT, f"{name_page(page)}, line {block.line}"


@every_page
def test_nothing_of_a_machine_or_a_registry_is_named(page: Path) -> None:
    assert OURS.search(page.read_text()) is None


@every_page
def test_every_file_in_backticks_exists(page: Path) -> None:
    named = re.findall(r"`((?:docs|tests|shared|services|cli|\.ci)/[\w./-]*\w)`", read_prose(page))
    for name in named:
        places = [ROOT / name, ROOT / "shared" / name]
        assert any(place.exists() for place in places), f"{name_page(page)} names {name}"


@every_page
def test_every_module_that_is_named_exists(page: Path) -> None:
    known = {file.name for folder in ("shared", "services", "cli", "tests") for file in (ROOT / folder).rglob("*.py")}
    made = {block.file for block in read_blocks(page)}
    examples = {file.name for file in (ROOT / "examples").rglob("*.py")}
    named = {name.rpartition("/")[2] for name in re.findall(r"[\w/]+\.py\b", page.read_text(encoding="utf-8"))}
    assert named <= known | examples | made


def test_every_page_of_a_door_is_in_their_index() -> None:
    index = ROOT / "docs" / "doors" / "README.md"
    listed = {row[2] for row in read_tables(index, under="Doors")}
    pages = [page.name for page in index.parent.glob("*.md") if page != index]
    assert len(pages) >= 8
    assert [page for page in pages if not any(f"]({page})" in cell for cell in listed)] == []


def test_every_door_of_the_architecture_is_a_package_and_every_package_a_door() -> None:
    doors = ROOT / "services" / "ingest" / "contactfold_ingest"
    packages = {routes.parent.name for routes in doors.glob("*/routes.py")}
    (told,) = re.findall(r"^services/ingest/ .*a package for each: ([a-z ]+)$", ARCHITECTURE.read_text(), re.MULTILINE)
    assert set(told.split()) == packages


@pytest.mark.parametrize("target", ["install", "run", "test", "lint", "format", "bench", "lock"])
def test_every_target_of_make_is_told_and_there(target: str) -> None:
    assert f"`make {target}`" in (ROOT / "CONTRIBUTING.md").read_text()
    assert re.search(rf"^{target}: ", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("picture", sorted((ROOT / "docs").glob("*.svg")), ids=lambda picture: picture.name)
def test_every_picture_says_in_words_what_it_shows(picture: Path) -> None:
    tree = ET.parse(picture).getroot()
    texts = {child.tag.rpartition("}")[2]: child.text or "" for child in tree}
    assert texts["title"]
    assert texts["desc"]
    assert any(picture.name in page.read_text() for page in PAGES)


def test_commands_are_found_at_all() -> None:
    assert {"up", "keys create", "dead list", "schema check"} <= dict(walk(typer.main.get_command(app))).keys()
