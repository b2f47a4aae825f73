"""Two batches that read each other's ground and write apart: what a batch raises keeps them apart, and nothing else.

Every counterexample is played twice. As it is, the second batch is sent back and decides again, and the directory is
the one the law asks for. With the documents that the two have in common taken out of the first, both are taken,
and the directory is another: each of these documents is needed, and each is missed by a test when it is left out.
"""

import pytest

from integration.concurrency.counterexamples import DIRECTIVES, STATEMENTS, STRANGERS
from integration.concurrency.documents import kinds_of
from integration.concurrency.meeting import Meeting, Met, Order, meet
from oracle.places import Place, Stage

each_meeting = pytest.mark.parametrize("meeting", [*STATEMENTS, *DIRECTIVES], ids=lambda meeting: meeting.name)


def play(
    scene: tuple[Stage, Order],
    meeting: Meeting,
    monkeypatch: pytest.MonkeyPatch,
    *,
    taken_out: bool = False,
    rules_unchecked: bool = False,
) -> Met:
    stage, order = scene
    found: list[Met] = []

    async def meeting_scene(place: Place) -> None:
        found.append(
            await meet(place, meeting, order, monkeypatch, taken_out=taken_out, rules_unchecked=rules_unchecked)
        )

    stage.play(meeting_scene)
    return found[0]


@each_meeting
def test_of_two_batches_that_could_influence_each_other_the_second_is_sent_back(
    scene: tuple[Stage, Order], meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    met = play(scene, meeting, monkeypatch)
    assert kinds_of(met.common) == meeting.common, met.common
    assert met.sent_back
    assert met.keeps_the_law, f"found\n{met.found.decode()}expected\n{met.expected.decode()}"


@each_meeting
def test_without_what_they_have_in_common_both_are_taken_and_the_law_is_broken(
    scene: tuple[Stage, Order], meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    met = play(scene, meeting, monkeypatch, taken_out=True, rules_unchecked=scene[1] == Order.APART)
    assert not met.sent_back, "something else keeps them apart, so this shows nothing"
    assert not met.keeps_the_law, "nothing is lost without it"


@pytest.mark.parametrize("meeting", [one for one in DIRECTIVES if one.ruled], ids=lambda meeting: meeting.name)
def test_a_batch_decided_by_rules_that_have_changed_since_is_sent_back_whatever_it_writes(
    apart: tuple[Stage, Order], meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rules are kept in mind from batch to batch: a commit looks whether they are still the latest."""
    met = play(apart, meeting, monkeypatch, taken_out=True)
    assert met.sent_back
    assert met.keeps_the_law, f"found\n{met.found.decode()}expected\n{met.expected.decode()}"


@pytest.mark.parametrize("meeting", STRANGERS, ids=lambda meeting: meeting.name)
def test_batches_that_could_not_influence_one_another_are_both_taken_at_once(
    scene: tuple[Stage, Order], meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    met = play(scene, meeting, monkeypatch)
    assert not met.common
    assert not met.sent_back
    assert met.keeps_the_law, f"found\n{met.found.decode()}expected\n{met.expected.decode()}"
