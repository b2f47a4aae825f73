"""Evidence, fragments, positions, dead letters and rules that are changed behind the processor's back: each is found.

All but missing evidence are written through the port, as a processor with a fault in it would write them.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from contactfold.domain.changes import Fate
from contactfold.domain.directives import Mark, Rule
from contactfold.domain.directory import Fragment
from contactfold.domain.stamp import format_event_id, pack_stamp
from contactfold.ports import Changes, DeadLetter, Evidence, Window
from integration.processor.rig import all_letters, append
from integration.verify.rig import EVENTS, Pair, id_of, make_everything, told, verify

Corruption = Callable[[Pair], Awaitable[Changes]]
Found = tuple[str, str, str]
CASES: dict[str, tuple[Corruption, list[Found]]] = {}

ANN, BOB, DAN, REFUSED, TAKEN_BACK = id_of(1), id_of(4), id_of(6), id_of(8), id_of(13)
SEPARATION = id_of(20)
GHOST = id_of(99)
EARLIER = pack_stamp(1, GHOST)


def case(name: str, *found: Found) -> Callable[[Corruption], None]:
    """A way to corrupt a directory, with what must be found among others; `?` stands for any place."""

    def keep(corruption: Corruption) -> None:
        CASES[name] = corruption, list(found)

    return keep


def evidence(event: bytes, field: str) -> Found:
    return "evidence", format_event_id(event), field


async def piece_of(pair: Pair, event: bytes) -> Evidence:
    piece = await pair.directory.evidence(event)
    assert piece is not None
    return piece


# ------------------------------------------------------------------------------------------------ evidence


def rewrite(name: str, event: bytes, /, *found: Found, **fields: Any) -> None:
    async def corrupt(pair: Pair) -> Changes:
        return Changes(rewritten=[replace(await piece_of(pair, event), **fields)])

    CASES[name] = corrupt, list(found)


rewrite("other words", ANN, evidence(ANN, "event"), event=b'{"values": {"email": "eve@example.com"}}')
rewrite("other words of a refused event", REFUSED, evidence(REFUSED, "event"), event=b'{"values": {}}')
rewrite("words that cannot be read", ANN, evidence(ANN, "event"), understood=b"no statement")
rewrite("another stamp", ANN, evidence(ANN, "stamp"), stamp=EARLIER)
rewrite("a place beyond the position", ANN, evidence(ANN, "place"), offset=10_000)
rewrite("a place on a partition that never was", ANN, evidence(ANN, "place"), partition="contactfold.events/77")
rewrite("the place of another record", ANN, ("evidence", "?", "place"), offset=1)


@case("the words of another event", evidence(DAN, "event"))
async def _(pair: Pair) -> Changes:
    other = await piece_of(pair, id_of(7))
    return Changes(rewritten=[replace(await piece_of(pair, DAN), understood=other.understood or other.event)])


@case("evidence of another contact", evidence(ANN, "handle"), ("contact", format_event_id(BOB), "size"))
async def _(pair: Pair) -> Changes:
    return Changes(fates=[Fate(ANN, BOB)])


@case("evidence of a contact that does not exist", evidence(ANN, "handle"))
async def _(pair: Pair) -> Changes:
    return Changes(fates=[Fate(ANN, GHOST)])


@case("evidence of nobody", evidence(ANN, "handle"))
async def _(pair: Pair) -> Changes:
    return Changes(fates=[Fate(ANN, None)])


@case("missing evidence", ("record", "?", f"event {format_event_id(ANN)}"), ("contact", format_event_id(ANN), "size"))
async def _(pair: Pair) -> Changes:
    await pair.remove_evidence(ANN)
    return Changes()


@case("missing evidence of a refused event", ("record", "?", f"event {format_event_id(REFUSED)}"))
async def _(pair: Pair) -> Changes:
    await pair.remove_evidence(REFUSED)
    return Changes()


async def mark_of(pair: Pair, event: bytes) -> Mark:
    return (await pair.directory.marks([event]))[event]


@case("left out though nobody retracted it", evidence(ANN, "retracted"))
async def _(pair: Pair) -> Changes:
    return Changes(marks=[replace(await mark_of(pair, ANN), retracted=True)])


@case("in force though it is retracted", evidence(TAKEN_BACK, "retracted"))
async def _(pair: Pair) -> Changes:
    return Changes(marks=[replace(await mark_of(pair, TAKEN_BACK), retracted=False)])


@case("retracted by nobody that is known", evidence(TAKEN_BACK, "retracted"))
async def _(pair: Pair) -> Changes:
    return Changes(marks=[replace(await mark_of(pair, TAKEN_BACK), by=(EARLIER,))])


@case("a directive out of force though nobody retracted it", evidence(SEPARATION, "retracted"))
async def _(pair: Pair) -> Changes:
    return Changes(marks=[replace(await mark_of(pair, SEPARATION), retracted=True)])


# ------------------------------------------------------------------------------------------- organisations


async def fragment_of(pair: Pair) -> Fragment:
    """What the partition of Dan's first event has heard of the organisation."""
    key = ("A-1", (await piece_of(pair, DAN)).partition)
    return (await pair.directory.fragments([key]))[key]


def alter(name: str, field: str, change: Callable[[Fragment], Any]) -> None:
    async def corrupt(pair: Pair) -> Changes:
        fragment = await fragment_of(pair)
        change(fragment)
        return Changes(fragments=[fragment])

    CASES[name] = corrupt, [("organization", "?", field)]


def with_field(fragment: Fragment, field: str, **parts: Any) -> None:
    said = dict(zip(("stamp", "value", "source"), fragment.fields[field], strict=True)) | parts
    fragment.fields[field] = said["stamp"], said["value"], said["source"]


alter("another value of a field", "name", lambda one: with_field(one, "name", value="Other"))
alter("another source of a field", "name", lambda one: with_field(one, "name", source="other"))
alter("a field said by nobody", "name", lambda one: with_field(one, "name", stamp=pack_stamp(2**60, GHOST)))
alter("an older saying of a field", "city", lambda one: with_field(one, "city", stamp=one.fields["name"][0]))
alter("a field is gone", "name", lambda one: one.fields.pop("name"))
alter("a field too many", "country", lambda one: one.fields.update(country=(one.said, "Norway", "shop")))
alter("said too early", "said", lambda one: setattr(one, "said", EARLIER))
alter("said by nobody", "said", lambda one: setattr(one, "said", pack_stamp(2**60, GHOST)))


@case("a fragment is gone", ("organization", "?", "document"))
async def _(pair: Pair) -> Changes:
    return Changes(gone_fragments=[await fragment_of(pair)])


@case("a fragment too many", ("organization", "A-2 of contactfold.events/0", "said"))
async def _(pair: Pair) -> Changes:
    return Changes(fragments=[Fragment("A-2", "contactfold.events/0", (await fragment_of(pair)).said)])


# -------------------------------------------------------------------------------- positions and dead letters


async def window_of(pair: Pair) -> Window:
    """The position of the partition Ann's first event is on."""
    partition = (await piece_of(pair, ANN)).partition
    return (await pair.directory.positions([partition]))[partition]


@case("a position beyond the log's end", ("position", "?", "next"))
async def _(pair: Pair) -> Changes:
    window = await window_of(pair)
    return Changes(positions=[replace(window, next=window.next + 5)])


@case("a position that went back", ("evidence", "?", "place"))
async def _(pair: Pair) -> Changes:
    window = await window_of(pair)
    return Changes(positions=[replace(window, next=0)])


@case("a position that skipped a record", ("record", "?", f"event {format_event_id(GHOST)}"))
async def _(pair: Pair) -> Changes:
    partition = (await window_of(pair)).partition
    await append(pair.log, [{**EVENTS[0], "id": "e99"}])
    _, end = (await pair.log.ends())[partition]
    return Changes(positions=[replace(await window_of(pair), next=end)])


@case("a dead letter is gone", ("record", "?", "what is no event"))
async def _(pair: Pair) -> Changes:
    return Changes(redriven=[(await all_letters(pair.directory))[0].id])


async def letter_of(pair: Pair, **changes: Any) -> Changes:
    letter: DeadLetter = (await all_letters(pair.directory))[0]
    return Changes(dead_letters=[replace(letter, **changes)])


@case("another record in a dead letter", ("dead_letter", "?", "record"))
async def _(pair: Pair) -> Changes:
    return await letter_of(pair, value=b"other bytes")


@case("a dead letter from beyond the position", ("dead_letter", "contactfold.events/1/999", "place"))
async def _(pair: Pair) -> Changes:
    return await letter_of(pair, id="contactfold.events/1/999", partition="contactfold.events/1", offset=999)


# --------------------------------------------------------------------------------------------------- rules


def rule(field: str, event: bytes = SEPARATION) -> Found:
    return "rule", format_event_id(event), field


async def rule_of(pair: Pair, **changes: Any) -> Changes:
    found = {one.directive: one for one in await pair.directory.rules(after=0)}
    return Changes(rules=[replace(found[SEPARATION], number=77, **changes)])


@case("a rule out of force", rule("in_force"))
async def _(pair: Pair) -> Changes:
    return await rule_of(pair, in_force=False)


@case("a rule about others", rule("identifiers"))
async def _(pair: Pair) -> Changes:
    return await rule_of(pair, identifiers=("web:a", "web:b"))


@case("a rule that no directive made", rule("document", GHOST))
async def _(pair: Pair) -> Changes:
    return Changes(rules=[Rule(GHOST, EARLIER, "identifier.share", ("web:a",), True, 77)])


@pytest.mark.parametrize("name", CASES)
async def test_what_is_changed_is_found_and_named(name: str, pair: Pair) -> None:
    await make_everything(pair)
    corruption, expected = CASES[name]
    changes = await corruption(pair)
    await pair.directory.commit(changes)
    report = await verify(pair)
    assert not report.clean
    found = {(each.kind, each.where, each.field) for each in report.findings.first}
    found |= {(kind, "?", field) for kind, _, field in found}
    assert set(expected) <= found, told(report)
