"""Conflicts of one record, again and again: another's open transaction never buries it."""

from collections.abc import Iterator
from itertools import cycle, repeat

import pytest

from contactfold.domain.errors import Collided, RetryOnFreshState
from contactfold.ports import Changes
from e2e.loads import Load, make_events
from integration.processor.rig import Meddling, Site, all_letters, append, at_rest, check_applied_once, processing

ONE_KEY = "one partition"
MANY = 30
COLLIDED = Collided("Another writer has written one of these objects at the same time.")
CHANGED = RetryOnFreshState("Another writer has changed one of these objects since it was loaded.")


def only_collisions() -> Iterator[RetryOnFreshState]:
    return repeat(COLLIDED)


def now_and_then_a_collision() -> Iterator[RetryOnFreshState]:
    """As where others write the same people all the time: never nine contradictions in a row."""
    return cycle([CHANGED] * 8 + [COLLIDED])


@pytest.mark.parametrize("conflicts", [only_collisions(), now_and_then_a_collision()], ids=["always", "between"])
async def test_a_record_in_the_way_of_an_open_transaction_waits_for_it_and_never_dies(
    embedded: Site, monkeypatch: pytest.MonkeyPatch, conflicts: Iterator[RetryOnFreshState]
) -> None:
    monkeypatch.setattr("contactfold_processor.processor._LAST_CONTRADICTION", 9)
    events = make_events(14, Load(count=40, people=10))
    log, directory = await embedded.log(), await embedded.directory()
    await append(log, events, key=ONE_KEY)
    meddling, met = Meddling(directory), 0

    async def stand_in_the_way(changes: Changes) -> None:
        nonlocal met
        if met < MANY and any(evidence.outcome.id == "e-17" for evidence in changes.evidence):
            met += 1
            raise next(conflicts)

    meddling.before = stand_in_the_way
    async with processing(log, meddling.port):
        await at_rest(log, directory)
    assert met == MANY
    assert await all_letters(directory) == []
    await check_applied_once(directory, events)
