"""Staging: only what merely moves is moved ahead of the transaction that it belongs to."""

import pytest

from contactfold.domain.changes import Changes, Fate
from contactfold.domain.directory import Contact
from contactfold.domain.stamp import make_event_id, pack_stamp
from contactfold_processor import staging
from contactfold_processor.staging import stage_moves

ANN, BOB, EVE, LATE = (make_event_id("shop", name) for name in ("ann", "bob", "eve", "late"))


def contact(handle: bytes, size: int) -> Contact:
    stamp = pack_stamp(0, handle)
    return Contact(handle, handle, stamp, stamp, stamp, size=size, version=3)


@pytest.fixture(autouse=True)
def one_is_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "MOST_MOVES", 1)


def test_evidence_that_changes_sides_stays_with_the_change_that_says_so() -> None:
    """A stage that was committed alone would leave it out before anybody had retracted it."""
    former = {one: Fate(one, ANN) for one in (BOB, EVE, LATE)}
    out = Fate(LATE, BOB, retracted=True)
    changes = Changes(fates=[Fate(BOB, BOB), Fate(EVE, BOB), out], contacts=[contact(ANN, 1)])
    stages = stage_moves(changes, [contact(ANN, 4)], former)
    assert [[fate.event_id for fate in stage.fates] for stage in stages] == [[BOB], [EVE]]
    assert changes.fates == [out]


def test_a_handle_that_is_to_be_a_contacts_is_absorbed_until_then_and_each_stage_raises_the_version() -> None:
    former = {one: Fate(one, ANN) for one in (BOB, EVE)}
    changes = Changes(fates=[Fate(BOB, BOB), Fate(EVE, BOB)], contacts=[contact(ANN, 2)])
    stages = stage_moves(changes, [contact(ANN, 4)], former)
    assert [(c.absorbed, c.size, c.version) for stage in stages for c in stage.contacts] == [
        ([BOB], 4, 3),
        ([BOB], 4, 4),
    ]
    assert [c.version for c in changes.contacts] == [5]
