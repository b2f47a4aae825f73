"""What a peer left is judged by what it claims to do: its faults are faults, its losses are told."""

from pathlib import Path
from typing import Any

import pytest
from benchmarks.files import COLUMNS, write_file
from benchmarks.measuring import Run
from benchmarks.peers.counter import Counter
from benchmarks.peers.stored import judge
from benchmarks.workload import Workload

WORKLOAD = Workload(400, 100)


def right() -> list[dict[str, Any]]:
    people = WORKLOAD.expected().values()
    return [{"email": [person.email], "city": person.city, "labels": sorted(person.labels)} for person in people]


def judged(documents: list[dict[str, Any]], *, adds: bool = True, whole: bool = True) -> Run:
    return judge(Run(1.0, 1.0, 400), documents, WORKLOAD, adds=adds, whole=whole)


def test_what_has_it_all_is_right() -> None:
    run = judged(right())
    assert (run.faults, run.notes) == ([], [])


def test_a_missing_person_is_a_fault() -> None:
    assert judged(right()[1:]).faults == ["0 nobody sent so, and 1 missing, of 100 people"]


def test_a_person_nobody_sent_is_a_fault() -> None:
    stranger = {"email": "who@example.com", "city": "Cork", "labels": []}
    assert judged([*right(), stranger]).faults == ["1 nobody sent so, and 0 missing, of 100 people"]


@pytest.mark.parametrize("adds", [True, False])
def test_labels_that_are_gone_are_a_fault_of_who_adds_and_a_loss_of_who_replaces(adds: bool) -> None:
    documents = [{**document, "labels": document["labels"][:1]} for document in right()]
    run = judged(documents, adds=adds)
    assert bool(run.faults) == adds
    assert ("people lack labels" in "".join(run.notes)) == (not adds)


def test_a_city_that_is_not_the_last_is_told() -> None:
    first, *others = right()
    assert judged([{**first, "city": "Atlantis"}, *others]).notes == [
        "1.0% of the people have a city that is not their last"
    ]


def test_who_was_given_a_part_need_not_have_the_rest() -> None:
    assert judged(right()[:10], whole=False).faults == []


def test_a_counter_is_read_by_others(tmp_path: Path) -> None:
    reader = Counter(tmp_path / "counter")
    assert reader.read() == 0
    Counter(tmp_path / "counter").write(1_000_000_000_000)
    assert reader.read() == 1_000_000_000_000


def test_the_file_has_a_row_for_each_event(tmp_path: Path) -> None:
    lines = write_file(WORKLOAD, tmp_path / "people.csv").read_text().splitlines()
    assert lines[0].split(",") == list(COLUMNS)
    assert len(lines) == 401
    assert all(line.count(",") == len(COLUMNS) - 1 for line in lines)
