"""`contactfold explain` beside a directory that the processor has folded."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contactfold.adapters.sqlite_directory import SqliteDirectory
from integration.console.folding import fold, id_of, said
from servers.commands import Installation

EVENTS = [
    said("a", 1, {"email": "ann@x.com"}),
    said("b", 2, {"web": "v-1", "phone_number": "+14155550199"}),
    said("c", 3, {"email": "ann@x.com", "web": "v-1"}),
    said("d", 4, {"email": "bob@x.com"}),
]


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Installation]:
    installation = Installation(tmp_path)
    (tmp_path / "data").mkdir()
    directory = SqliteDirectory(tmp_path / "data" / "directory.db")
    await directory.open()
    await fold(directory, EVENTS)
    await directory.close()
    yield installation
    installation.end()


def test_a_chain_is_drawn_from_one_identifier_to_the_other(here: Installation) -> None:
    ended = here.run("explain", "Email: ANN@x.com", "phone_number:+14155550199")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == [
        "email:ann@x.com",
        "   │",
        (
            "   ●  2026-11-21T00:00:03.000000Z  Event c of shop named email:ann@x.com and web:v-1, "
            "which 2 contacts owned, and made them one."
        ),
        "   │",
        "web:v-1",
        "   │",
        (
            "   ●  2026-11-21T00:00:02.000000Z  Event b of shop made the contact and claimed phone_number:+14155550199 "
            "and web:v-1."
        ),
        "   │",
        "phone_number:+14155550199",
        "",
        f"They are one contact, {id_of('a')}, since 2026-11-21T00:00:03.000000Z.",
    ]


def test_one_end_alone_is_the_story_of_its_contact(here: Installation) -> None:
    for one in ("web:v-1", id_of("b"), id_of("a")):
        lines = here.run("explain", one).stdout.splitlines()
        assert lines[0] == f"contact {id_of('a')}"
        assert [line[:2] for line in lines[1:]] == ["├─", "├─", "└─"]


def test_two_contacts_are_a_no_with_the_reason(here: Installation) -> None:
    ended = here.run("explain", "email:ann@x.com", id_of("d"))
    assert ended.returncode == 1
    assert ended.stdout.splitlines()[-1] == (
        " - No event that counts has named an identifier of the one together with one of the other."
    )


def test_json_is_what_the_route_answers(here: Installation) -> None:
    told = here.json("explain", "email:ann@x.com", "web:v-1")
    assert (told["joined"], told["steps"][0]["id"]) == (True, "c")
    ended = here.run("explain", "email:never@x.com", "--json")
    assert ended.returncode == 1
    assert json.loads(ended.stdout)["id"] is None


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["nobody"], 2, "`A` is an identifier, or the 26 digits and letters of an event's or contact's id: "),
        (["email:ann@x.com", "city:Rome"], 2, "`B` is an identifier, or the 26 digits and letters of an event's"),
        ([id_of("nobody")], 1, f"There is no event {id_of('nobody')} in evidence."),
        ([], 2, "Missing argument 'A'. See `contactfold explain --help`."),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(
    here: Installation, arguments: list[str], code: int, sentence: str
) -> None:
    ended = here.run("explain", *arguments)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert ended.stderr.startswith(sentence)
    assert ended.stderr.count("\n") == 1


def test_it_has_help_json_and_config_and_refuses_a_configuration_at_fault(here: Installation) -> None:
    told = here.run("explain", "--help")
    assert told.returncode == 0
    assert "--json" in told.stdout
    assert "--config" in told.stdout
    (here.home / "wrong.yaml").write_text("sources: {shop: {values: {emial: buyer.mail}}}\n")
    ended = here.run("explain", "email:ann@x.com", "--config", "wrong.yaml")
    assert ended.returncode == 2
    assert ended.stderr == "sources.shop.values.emial: no such attribute; did you mean email?\n"


def test_a_component_past_the_limit_is_refused_with_a_sentence(here: Installation) -> None:
    (here.home / "small.yaml").write_text("limits: {component_events: 2}\n")
    ended = here.run("explain", "email:ann@x.com", "--config", "small.yaml")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("3 pieces of evidence hang together here, and at most 2 are retold")
