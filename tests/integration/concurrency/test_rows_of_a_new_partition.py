"""The first row of an import on one partition where others have had rows: its gate is new, the head is not."""

import pytest

from integration.concurrency.counterexamples import ANN, retract, row, said
from integration.concurrency.documents import kinds_of
from integration.concurrency.meeting import Meeting, Order
from integration.concurrency.test_write_skew import play
from oracle.places import Stage

FIRST_THERE = Meeting(
    "a retraction of an import, and the first row of it on another partition",
    before=[row(1, ANN)],
    first=[retract(30, rows_of="i")],
    second=[row(2, said(20, email="y@x.com", first_name="Eve"))],
    common=("gate",),
    by_first=True,
)


def test_a_retraction_does_not_overlook_a_gate_that_is_made_beside_it(
    scene: tuple[Stage, Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    met = play(scene, FIRST_THERE, monkeypatch)
    assert kinds_of(met.common) == FIRST_THERE.common, met.common
    assert met.sent_back
    assert met.keeps_the_law, f"found\n{met.found.decode()}expected\n{met.expected.decode()}"
