"""A contact that comes back after it had gone is none of those it was before, to whoever still goes by one of them."""

from typing import Any, cast

from integration.concurrency.counterexamples import retract, said
from integration.concurrency.meeting import ALWAYS, Order, Turnstile, alone, decide
from oracle.histories import finish
from oracle.places import Place, Stage
from oracle.real import Feed, export_of


def test_who_was_merged_away_and_parted_meanwhile_is_decided_anew(apart: tuple[Stage, Order]) -> None:
    """It has been written as often again by then, and says as much: only that it had gone tells the two apart."""
    stage, _ = apart
    events = list(
        enumerate(
            finish(
                [
                    said(1, email="e@x.com"),
                    said(2, email="h@x.com"),
                    said(3, email="h@x.com", labels="g"),
                    said(10, email=["h@x.com", "e@x.com"]),
                    retract(11, 3),
                    said(20, email="h@x.com", labels="l"),
                    said(50, email="h@x.com", labels="p"),
                ]
            )
        )
    )

    async def play(place: Place) -> None:
        sides = [Turnstile(await place.directory()) for _ in range(2)]
        one, other = (
            Feed(cast(Any, side), f"contactfold.events/{number}", asking=ALWAYS) for number, side in enumerate(sides, 1)
        )
        for event in events[:3]:
            await one.apply([event])
        slow = await decide(sides[1], other, other.apply([events[6]]))
        for event in events[3:6]:
            await one.apply([event])
            await one.settle()
        slow.turnstile.go.set()
        await slow.work
        assert slow.turnstile.sent_back
        directory = await place.directory()
        assert await export_of(directory) == await alone(events)
        for contact in await directory.list_contacts(after=None, limit=10):
            assert len(await directory.evidence_of([contact])) == contact.size

    stage.play(play)
