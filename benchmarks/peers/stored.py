"""What a peer left in MongoDB, held against what the events said."""

from collections.abc import Callable, Iterable
from typing import Any

from pymongo import MongoClient

from benchmarks.measuring import Run
from benchmarks.workload import Workload

Documents = Iterable[dict[str, Any]]
Client = MongoClient[dict[str, Any]]


def written(client: Client) -> Callable[[], int]:
    """Counts what mongod inserts and updates from now on: upserts of a bulk count one by one."""

    def count() -> int:
        counters = client.admin.command("serverStatus", repl=0, metrics=0, locks=0)["opcounters"]
        return int(counters["insert"] + counters["update"])

    already = count()
    return lambda: count() - already


def judge(run: Run, documents: Documents, workload: Workload, *, adds: bool, whole: bool = True) -> Run:
    """Note faults in a run, and what its peer loses by design.

    `documents` have `email`, `city` and `labels`. `adds` says that the peer claims to add to lists: then a label that
    is missing is a fault, else it is told as a loss. `whole`: every event was given to it.
    """
    people = {person.email: person for person in workload.expected().values()}
    strangers = stale = lacking = 0
    for document in documents:
        email = document["email"]
        person = people.pop(email[0] if isinstance(email, list) else email, None)
        labels = document["labels"]
        has = set(labels if isinstance(labels, list) else [labels])
        strangers += person is None or not has <= person.labels
        stale += person is not None and document["city"] != person.city
        lacking += person is not None and has != person.labels
    missing = len(people)
    if strangers or (whole and missing):
        run.faults.append(f"{strangers} nobody sent so, and {missing} missing, of {workload.people} people")
    if whole and adds and lacking:
        run.faults.append(f"{lacking} of {workload.people} people lack labels")
    elif whole and lacking:
        run.notes.append(f"{lacking / workload.people:.0%} of the people lack labels that events gave them")
    if whole and stale:
        run.notes.append(f"{stale / workload.people:.1%} of the people have a city that is not their last")
    return run
