"""An erasure, and what is kept outside every fold: evidence that was refused or is retracted loses its payload too."""

from typing import cast

import pytest

from contactfold.domain.stamp import make_event_id
from contactfold.ports import Directory
from integration.concurrency.counterexamples import ANN, Y, retract, row, rule, said
from integration.concurrency.meeting import Meeting, Order, Turnstile, decide, meet
from oracle.histories import finish
from oracle.places import Place, Stage
from oracle.real import Feed, export_of
from oracle.ruling import ERASE

REFUSED = Meeting(
    "an erasure, and an older event that is refused and names the same identifier",
    before=[ANN],
    first=[rule(30, ERASE, Y)],
    second=[said(20, email=["y@x.com", "no"])],
    common=(),
)

ADMITTED_AGAIN = finish(
    [
        said(1, customer_id="1", email="y@x.com"),
        said(2, customer_id="2", labels=["a"]),
        row(1, said(3, customer_id="2", email="y@x.com", first_name="Eve")),
        retract(4, rows_of="i"),
        rule(30, ERASE, Y),
        retract(31, 3),
    ]
)
"""The row is retracted when the erasure scrubs it, and admitted again at the same time."""


def test_a_refused_event_keeps_nothing_of_an_identifier_that_is_erased_at_the_same_time(
    scene: tuple[Stage, Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, order = scene

    async def play(place: Place) -> None:
        await meet(place, REFUSED, order, monkeypatch)
        piece = await (await place.directory()).evidence(make_event_id("shop", "e2"))
        assert piece is not None
        assert b"y@x.com" not in piece.event

    stage.play(play)


@pytest.mark.parametrize("scrub_first", [True, False])
def test_a_row_that_is_admitted_again_while_an_erasure_scrubs_it_is_the_same_in_profile_and_evidence(
    apart: tuple[Stage, Order], *, scrub_first: bool
) -> None:
    stage, _ = apart

    async def play(place: Place) -> None:
        numbered = list(enumerate(ADMITTED_AGAIN))
        turnstiles = [Turnstile(await place.directory()) for _ in range(2)]
        one, other = (
            Feed(cast(Directory, turnstile), f"contactfold.events/{n}") for n, turnstile in enumerate(turnstiles)
        )
        for event in numbered[:-2]:
            await one.apply([event])
            await one.settle()
        await one.apply([numbered[-2]])
        scrub = await decide(turnstiles[0], one, one.settle())
        again = await decide(turnstiles[1], other, other.apply(numbered[-1:]))
        assert scrub.changes.rewritten, "the scrub has nothing to do with the row"
        for side in (scrub, again) if scrub_first else (again, scrub):
            side.turnstile.go.set()
            await side.work
        for feed in (one, other):
            await feed.settle()
        directory = await place.directory()
        piece = await directory.evidence(make_event_id("shop", "e2"))
        assert piece is not None
        assert not piece.retracted
        # Whoever comes first decides whether it is erased; afterwards profile and evidence say the same.
        assert (b"y@x.com" in piece.event) == (not scrub_first)
        assert (b"y@x.com" in await export_of(directory)) == (not scrub_first)

    stage.play(play)
