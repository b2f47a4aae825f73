"""Whoever pastes an example's commands, in their order, gets the contact that its page shows."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.docs.comparing import find_difference
from e2e.docs.pages import ROOT, Step, read_steps
from e2e.docs.terminals import Terminals
from servers.found import need
from servers.kcat import find_kcat

EXAMPLES = ROOT / "examples"
WITH_KCAT = "With kcat"
BOOTSTRAP = "127.0.0.1:9092"
TOPIC = "contactfold.events"


class Reader:
    """Follows an example's page in a directory that is as a clone is."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._terminals: Terminals | None = None

    def follow(self, steps: list[Step], **replaced: str) -> None:
        """Run the steps, the first of which starts contactfold; each must print what the page says."""
        *settings, make, run = shlex.split(_replace(steps[0].command.text, replaced))
        assert [make, run] == ["make", "run"], "the page does not begin with starting contactfold"
        self._home.mkdir()
        self._terminals = Terminals(self._home, replaced, **dict(setting.split("=", 1) for setting in settings))
        self._terminals.start()
        for step in steps[1:]:
            printed = self._terminals.run(step.command.text)
            if step.output is not None:
                why = find_difference(step.output.language, step.output.text, printed)
                assert why is None, f"line {step.output.line}: {why}"

    def close(self) -> None:
        """End contactfold."""
        if self._terminals is not None:
            self._terminals.close()


def _replace(text: str, replaced: dict[str, str]) -> str:
    for told, ours in replaced.items():
        text = text.replace(told, ours)
    return text


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    made = Reader(tmp_path / "contactfold")
    yield made
    made.close()


def page(example: str) -> Path:
    return EXAMPLES / example / "README.md"


def steps_of(example: str, *, without: str = "") -> list[Step]:
    steps = [step for step in read_steps(page(example)) if step.command.section != without]
    assert any("/v1/contacts?" in step.command.text and step.output for step in steps), "nobody is read back"
    return steps


@pytest.mark.parametrize("example", ["shopify", "webhooks", "website-visitor", "dlt"])
def test_an_example_prints_what_its_page_says(example: str, reader: Reader) -> None:
    reader.follow(steps_of(example))


def test_a_webhook_sent_twice_changes_nothing(reader: Reader) -> None:
    start, *steps = steps_of("shopify")
    reader.follow([start, steps[0], *steps])


def on_kafka(address: str, prefix: str) -> dict[str, str]:
    """What the page says, and what it is here."""
    return {f"kafka://{BOOTSTRAP}": f"kafka://{address}/{prefix}", BOOTSTRAP: address, TOPIC: f"{prefix}.events"}


def test_a_python_program_writes_straight_to_the_topic(reader: Reader, kafka: str, topic_prefix: str) -> None:
    reader.follow(steps_of("kafka-producer", without=WITH_KCAT), **on_kafka(kafka, topic_prefix))


def test_kcat_writes_straight_to_the_topic(reader: Reader, kafka: str, topic_prefix: str) -> None:
    need("kcat", find_kcat)
    reader.follow(steps_of("kafka-producer", without="In Python"), **on_kafka(kafka, topic_prefix))


def test_every_example_is_listed_and_run() -> None:
    folders = {folder.name for folder in EXAMPLES.iterdir() if folder.is_dir()}
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert folders == {"shopify", "webhooks", "website-visitor", "kafka-producer", "dlt"}
    assert all(f"({name}/README.md)" in listed for name in folders)
