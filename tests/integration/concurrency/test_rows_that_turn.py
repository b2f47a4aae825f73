"""A rebuild that leaves a row out because its import is retracted, while that retraction is taken back beside it."""

from typing import cast

import pytest

from contactfold.ports import Directory
from contactfold_processor import settling
from fakes.memory_directory import MemoryDirectory
from integration.concurrency.counterexamples import retract, row, said
from integration.concurrency.meeting import Turnstile, decide
from oracle.histories import finish
from oracle.real import Feed, export_of

HISTORY = list(
    enumerate(
        finish(
            [
                row(1, said(1, customer_id="9", email="z@x.com")),
                row(2, said(2, customer_id="1", email="x@x.com", first_name="Eve")),
                said(9, customer_id="1"),
                retract(20, rows_of="i"),
                said(5, "replace", customer_id="1", labels=["late"]),
                retract(30, 3),
            ]
        )
    )
)
LATE, TAKEN_BACK = 4, 5


async def test_a_row_that_a_rebuild_leaves_out_is_let_in_again_where_the_retraction_is_taken_back_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The retraction is still settling, and has not come to that row: the rebuild alone takes it out."""
    monkeypatch.setattr(settling, "AT_ONCE", 1)
    directory = MemoryDirectory()
    turnstiles = [Turnstile(cast(Directory, directory)) for _ in range(2)]
    one, other = (Feed(cast(Directory, turnstile), f"contactfold.events/{n}") for n, turnstile in enumerate(turnstiles))
    for event in HISTORY[:LATE]:
        await one.apply([event])
    assert directory.stored.settlings, "the retraction has come to every row already, so this shows nothing"
    rebuild = await decide(turnstiles[0], one, one.apply([HISTORY[LATE]]))
    await other.apply([HISTORY[TAKEN_BACK]])
    await other.settle()
    rebuild.turnstile.go.set()
    await rebuild.work
    await one.settle()
    assert await export_of(cast(Directory, directory)) == await export_of(cast(Directory, await _alone()))


async def _alone() -> MemoryDirectory:
    directory = MemoryDirectory()
    feed = Feed(cast(Directory, directory))
    for event in sorted(HISTORY, key=lambda each: each[1]["occurred_at"]):
        await feed.apply([event])
        await feed.settle()
    return directory
