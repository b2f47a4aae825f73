"""`contactfold separate`, `share`, `retract` and `erase` as operators use them: preview, question, wait, exit code."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contactfold.domain.stamp import format_event_id, make_event_id
from e2e.ruled import look
from servers.commands import CONTACTFOLD, Installation, Server

ANN, BOB = "email:ann@example.com", "email:bob@example.com"
APART = ["separate", ANN, BOB]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path)
    yield installation
    installation.end()


def say(number: int, **values: object) -> dict[str, object]:
    return {"id": f"s-{number}", "source": "shop", "occurred_at": f"2026-02-01T00:00:{number:02}Z", "values": values}


def name(number: int) -> str:
    """The event id of what `say` says."""
    return format_event_id(make_event_id("shop", f"s-{number}"))


@pytest.fixture
def up(here: Installation) -> Server:
    """A process in which Ann and Bob were taken for one."""
    server = here.start("up").wait_until_ready()
    server.send(say(1, email="ann@example.com", first_name="Ann"))
    server.send(say(2, email="bob@example.com", city="Oslo"))
    server.send(say(3, email=["ann@example.com", "bob@example.com"], labels="family"))
    return server


def records(here: Installation) -> int:
    """How many records lie on the log."""

    async def count(log: Any, _: object) -> int:
        return sum(end - first for first, end in (await log.ends()).values())

    return look(here, count)


def answer(here: Installation, *arguments: str, typed: bytes) -> tuple[int, str, str]:
    """Run a command at a terminal and type something where it asks; its exit code, output and errors."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [*CONTACTFOLD, *arguments],
        cwd=here.home,
        env=here.environment,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=hear_ctrl_c,  # noqa: PLW1509
    )
    os.close(theirs)
    assert process.stderr is not None
    asked = b""
    end = time.monotonic() + 30
    while not asked.endswith(b"]:"):
        assert time.monotonic() < end
        letter = process.stderr.read(1)
        assert letter, f"it ended without asking: {asked.decode()}"
        asked += letter
    if typed == b"\x03":
        process.send_signal(signal.SIGINT)
    else:
        os.write(ours, typed)
    output, errors = process.communicate(timeout=60)
    os.close(ours)
    return process.returncode, output.decode(), (asked + errors).decode()


def hear_ctrl_c() -> None:
    """Whoever starts tests in the background of a shell has them ignore it, and what they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_separation_is_shown_before_it_is_made_and_can_be_taken_back(here: Installation, up: Server) -> None:
    before = here.run("export").stdout
    shown = here.run(*APART, "--dry-run")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert [line.split() for line in shown.stdout.splitlines()] == [
        ["1", "contact", "would", "become", "2:"],
        ["before", name(1)],
        ["first_name", "Ann"],
        ["email", "ann@example.com,", "bob@example.com"],
        ["city", "Oslo"],
        ["labels", "family"],
        ["after", name(1)],
        ["first_name", "Ann"],
        ["email", "ann@example.com"],
        ["labels", "family"],
        ["after", name(2)],
        ["email", "bob@example.com"],
        ["city", "Oslo"],
    ]
    assert (records(here), here.run("export").stdout) == (3, before), "a dry run writes nothing"
    done = here.run(*APART, "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(shown.stdout)
    applied, back = done.stdout.removeprefix(shown.stdout).splitlines()
    assert applied.endswith("is applied: updated.")
    assert here.run("export").stdout.count("\n") == 2
    undone = here.run(*back.removeprefix("To take it back: contactfold ").split(), "--yes")
    assert undone.stdout.splitlines()[0] == "2 contacts would become 1:"
    assert f"would be taken back: {ANN}, {BOB}" in undone.stdout
    assert here.run("export").stdout == before


def test_somebody_at_a_terminal_is_asked(here: Installation, up: Server) -> None:
    code, output, errors = answer(here, *APART, typed=b"n\n")
    assert (code, records(here)) == (1, 3)
    assert "1 contact would become 2:" in output
    assert errors.endswith("Nothing was written.\n")
    code, output, errors = answer(here, *APART, typed=b"\x03")
    assert (code, records(here)) == (130, 3)
    assert "Traceback" not in errors
    code, output, errors = answer(here, "erase", ANN, typed=b"y\n")
    assert (code, records(here)) == (0, 4)
    assert "Erase this for good? [y/N]:" in errors
    assert "An erasure is for good." in output
    assert "To take it back" not in output


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_where_nobody_can_be_asked_it_is_wrong_usage(here: Installation, up: Server, more: list[str]) -> None:
    ended = here.run(*APART, *more)
    assert (ended.returncode, records(here)) == (2, 3)
    assert "Nobody can be asked here: add --yes to do it, or --dry-run to see what would change." in ended.stderr


def test_the_answer_in_json(here: Installation, up: Server) -> None:
    foreseen = here.json(*APART, "--dry-run")
    assert foreseen == {
        "event_id": None,
        "outcome": None,
        "settled": False,
        "waiting": None,
        "preview": {
            "outcome": "updated",
            "contacts": {"before": 1, "after": 2},
            "evidence": {"retracted": 0, "returned": 0, "erased": 0},
            "named": 2,
            "looked_at": 2,
            "complete": True,
            "mentioning": 0,
            "not_found": [],
            "directives": [],
            "changes": foreseen["preview"]["changes"],
            "organizations": [],
        },
    }
    (change,) = foreseen["preview"]["changes"]
    assert [one["identifiers"] for one in change["before"]] == [[ANN, BOB]]
    assert [one["identifiers"] for one in change["after"]] == [[ANN], [BOB]]
    done = here.json(*APART, "--yes")
    assert done["preview"] == foreseen["preview"]
    assert (done["settled"], done["outcome"]["status"]) == (True, "updated")
    assert up.ask(f"/v1/events/{done['event_id']}")[1] == done["outcome"]
    exported = [json.loads(line) for line in here.run("export").stdout.splitlines()]
    told = [{**one, "provenance": None} for one in change["after"]]
    kept = [{name: value for name, value in one.items() if value} for one in told]
    assert [{**one, "provenance": None} for one in exported] == [{**one, "provenance": None} for one in kept]


def test_events_and_imports_are_retracted(here: Installation, up: Server) -> None:
    shown = here.json("retract", name(3), name(9), "--dry-run")["preview"]
    assert (shown["contacts"], shown["evidence"]["retracted"]) == ({"before": 1, "after": 2}, 1)
    assert shown["not_found"] == [name(9)]
    assert here.json("retract", name(3), "--yes")["settled"]
    assert here.run("export").stdout.count("\n") == 2
    unknown = here.run("retract", "--import", "i-9", "--dry-run")
    assert "The directory has no row of this import; rows that come are left out." in unknown.stdout


def test_a_switchboard_is_shared(here: Installation, up: Server) -> None:
    board = "phone_number:+1 (415) 555-0100"
    for number, code in ((4, "C-1"), (5, "C-2")):
        up.send(say(number, external_customer_id=code, phone_number="+14155550100"))
    done = here.run("share", board, "--yes")
    assert "2 contacts mention what would be shared." in done.stdout
    assert up.ask("/v1/contacts?identifier=phone_number:%2B14155550100")[0] == 404
    again = here.run("share", board, "--yes")
    assert again.stdout.splitlines()[0] == "Nothing changes: it is so already."
    assert "is applied: unchanged." in again.stdout


@pytest.mark.parametrize(
    ("arguments", "sentences"),
    [
        (["separate", ANN], ["A contact.separate names two different identifiers at least."]),
        (["separate", ANN, "EMAIL:Ann@Example.com"], ["A contact.separate names two different identifiers at least."]),
        (["separate", "email:x", "shoe:44"], ["'email:x': ", "'shoe:44': "]),
        (["separate"], ["Missing argument 'IDENTIFIER'. See `contactfold separate --help`."]),
        (["share"], ["Missing argument 'IDENTIFIER'. See `contactfold share --help`."]),
        (["share", "first_name:Ann"], ["'first_name:Ann': An identifier is written attribute:value"]),
        (["share", *[f"web:{n}" for n in range(1_001)]], ["One identifier.share names at most 1000 identifiers"]),
        (["retract"], ["Name the events to retract, or an import with --import ID, and not both."]),
        (["retract", name(1), "--import", "i"], ["Name the events to retract, or an import with --import ID"]),
        (["retract", name(1), "x", name(1)[:-1]], ["'x': This is no event id", f"'{name(1)[:-1]}': This is no"]),
        (["retract", "--import", ""], ["'': `import` is an id of 1 to 512 characters."]),
        (["erase"], ["Missing argument 'IDENTIFIER'. See `contactfold erase --help`."]),
        (["erase", "ann@example.com"], ["'ann@example.com': An identifier is written attribute:value"]),
        (["erase", ANN, BOB], ["Got unexpected extra argument"]),
        (["erase", ANN, "--deadline", "-1"], ["Invalid value for '--deadline'"]),
    ],
)
def test_wrong_usage_is_a_sentence_for_each_fault(
    here: Installation, arguments: list[str], sentences: list[str]
) -> None:
    ended = here.run(*arguments, *([] if "--deadline" in arguments else ["--yes"]))
    assert ended.returncode == 2
    lines = ended.stderr.splitlines()
    assert len(lines) == len(sentences), ended.stderr
    assert all(line.startswith(sentence) for line, sentence in zip(lines, sentences, strict=True)), ended.stderr


def test_without_a_processor_the_directive_waits_on_the_log(here: Installation) -> None:
    here.start("up").wait_until_ready().end(signal.SIGTERM)
    waiting = here.run(*APART, "--yes", "--deadline", "0.5")
    assert waiting.returncode == 3
    assert "is on the log." in waiting.stdout
    assert waiting.stderr.startswith("It is not all done: no processor has applied anything for 0.5 s.")
    ended = here.run("share", "web:1", "--yes", "--deadline", "0", "--json")
    told = json.loads(ended.stdout)
    assert (ended.returncode, told["outcome"], told["settled"]) == (0, None, False)
    assert told["waiting"].startswith("nobody waited for")
    server = here.start("up").wait_until_ready()
    assert server.ask(f"/v1/events/{told['event_id']}?wait=60")[1]["status"] == "updated"


@pytest.mark.parametrize(
    "arguments", [APART, ["share", ANN], ["retract", name(1)], ["erase", ANN]], ids=lambda one: one[0]
)
def test_every_command_has_help_and_refuses_a_configuration_at_fault(here: Installation, arguments: list[str]) -> None:
    told = here.run(arguments[0], "--help").stdout
    assert all(option in told for option in ("--json", "--config", "--yes", "--dry-run", "--deadline", "--limit"))
    (here.home / "wrong.yaml").write_text("limitz: {}\n")
    ended = here.run(*arguments, "--dry-run", "--config", "wrong.yaml")
    assert (ended.returncode, ended.stderr) == (2, "limitz: no such setting; did you mean limits?\n")


def test_a_key_for_erasures_that_is_not_the_directorys_is_wrong_usage(here: Installation, up: Server) -> None:
    assert here.run("erase", ANN, "--yes").returncode == 0
    ended = here.run("erase", BOB, "--dry-run", CONTACTFOLD_ERASURE_KEY="k" * 40)
    assert ended.returncode == 2
    assert ended.stderr == "CONTACTFOLD_ERASURE_KEY: the directory keeps a key of its own; leave this unset.\n"
