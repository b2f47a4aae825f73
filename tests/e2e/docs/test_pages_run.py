"""Whoever pastes the documentation's commands, page by page, sees what the page says."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from e2e.docs.comparing import find_difference
from e2e.docs.pages import DOORS, GUIDES, README, ROOT, Step, name_page, read_steps
from e2e.docs.terminals import Terminals
from servers.found import need
from servers.kcat import find_kcat

ON_SERVERS = "On Kafka and MongoDB"
"""The heading of the steps that need both servers."""

BROKER = "127.0.0.1:9092"
KAFKA = f"kafka://{BROKER}"
MONGO = "mongodb://127.0.0.1:27017/contactfold?replicaSet=rs0"

Reader = Callable[..., Terminals]


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Makes what a reader has before them, and ends it."""
    made: list[Terminals] = []

    def make(replaced: dict[str, str] | None = None) -> Terminals:
        home = tmp_path / "contactfold"
        home.mkdir()
        made.append(Terminals(home, replaced))
        return made[-1]

    yield make
    for terminals in made:
        terminals.close()


def follow(terminals: Terminals, page: Path, steps: Sequence[Step]) -> None:
    for step in steps:
        if step.command.file is not None:
            terminals.write(step.command.file, step.command.text)
            continue
        printed = terminals.run(step.command.text)
        if step.output is not None:
            why = find_difference(step.output.language, step.output.text, printed)
            assert why is None, f"{name_page(page)}, line {step.output.line}: {why}"


def steps_of(page: Path, *, on_servers: bool) -> list[Step]:
    return [step for step in read_steps(page) if (step.command.section == ON_SERVERS) == on_servers]


def commands_of(steps: Sequence[Step]) -> list[str]:
    return [step.command.text for step in steps if step.command.file is None]


def is_on_kafka(page: Path) -> bool:
    """Whether the page begins with starting contactfold on Kafka, and so all of it needs a broker."""
    return any(KAFKA in command for command in commands_of(steps_of(page, on_servers=False))[:1])


ALL = [page for page in (README, *GUIDES) if commands_of(steps_of(page, on_servers=False))]
EMBEDDED = [page for page in ALL if not is_on_kafka(page)]
ON_KAFKA = [page for page in ALL if is_on_kafka(page)]
ON_BOTH = [page for page in (README, *GUIDES) if steps_of(page, on_servers=True)]


@pytest.mark.parametrize("page", EMBEDDED, ids=name_page)
def test_every_command_prints_what_the_page_says(page: Path, reader: Reader) -> None:
    terminals, steps = reader(), steps_of(page, on_servers=False)
    if not (steps[0].command.file or steps[0].command.text.endswith("make run")):
        terminals.start()
    follow(terminals, page, steps)


@pytest.mark.parametrize("page", ON_KAFKA, ids=name_page)
def test_every_command_does_so_on_kafka(page: Path, reader: Reader, kafka: str, topic_prefix: str) -> None:
    steps = steps_of(page, on_servers=False)
    if any("kcat " in command for command in commands_of(steps)):
        need("kcat", find_kcat)
    topics = {f"contactfold.{lane}": f"{topic_prefix}.{lane}" for lane in ("events", "imports")}
    follow(reader({KAFKA: f"kafka://{kafka}/{topic_prefix}", BROKER: kafka, **topics}), page, steps)


@pytest.mark.parametrize("page", ON_BOTH, ids=name_page)
def test_every_command_does_so_on_kafka_and_mongodb(page: Path, reader: Reader, kafka_url: str, mongo_url: str) -> None:
    follow(reader({KAFKA: kafka_url, MONGO: mongo_url}), page, steps_of(page, on_servers=True))


@pytest.mark.parametrize("page", DOORS, ids=name_page)
def test_a_page_of_a_door_is_run(page: Path) -> None:
    assert page in ALL or page.name == "README.md"


def test_there_are_pages_to_run() -> None:
    assert README in EMBEDDED
    assert README in ON_BOTH
    assert ROOT / "docs" / "events.md" in EMBEDDED


def test_make_run_is_what_the_tests_run_in_its_place() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert "\nrun: install" in makefile
    assert makefile.partition("\nrun:")[2].splitlines()[1] == "\t@exec $(BIN)/contactfold up"
