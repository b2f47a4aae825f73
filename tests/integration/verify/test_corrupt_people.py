"""Contacts, claims and components that are changed behind the processor's back, each found and named.

They are written through the port, as a processor with a fault in it would write them.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from contactfold.domain.directory import Claim, Component, Contact
from contactfold.domain.stamp import format_event_id, pack_stamp
from contactfold.ports import Changes, Directory
from integration.verify.rig import Pair, id_of, make_everything, told, verify

ANN, JOINED, BOB, EVE, FRONT = id_of(1), id_of(2), id_of(4), id_of(5), id_of(11)
GHOST = id_of(99)
PHONE = "phone_number:+14155550199"
LATER = pack_stamp(1_800_000_000_000_000, GHOST)

Corruption = Callable[[Directory], Awaitable[Changes]]
Found = tuple[str, str, str]
CASES: dict[str, tuple[Corruption, list[Found]]] = {}


def contact(event: bytes, field: str) -> Found:
    return "contact", format_event_id(event), field


def claim(field: str, attribute: str = "phone_number") -> Found:
    return "claim", f"{attribute}:***", field


def component(field: str) -> Found:
    return "component", format_event_id(EVE), field


def case(name: str, *found: Found) -> Callable[[Corruption], None]:
    """A way to corrupt a directory, with what must be found among others."""

    def keep(corruption: Corruption) -> None:
        CASES[name] = corruption, list(found)

    return keep


def change(name: str, event: bytes, *found: Found) -> Callable[[Callable[[Contact], Any]], None]:
    """A change of the contact that an event belongs to."""

    def keep(alter: Callable[[Contact], Any]) -> None:
        async def corrupt(directory: Directory) -> Changes:
            one = await directory.contact_of(event)
            assert one is not None
            alter(one)
            return Changes(contacts=[one])

        CASES[name] = corrupt, list(found)

    return keep


def set_to(**fields: Any) -> Callable[[Contact], None]:
    def alter(one: Contact) -> None:
        for name, value in fields.items():
            setattr(one, name, value)

    return alter


def another_value(one: Contact) -> None:
    stamp, _, source = one.single["first_name"]
    one.single["first_name"] = stamp, "Somebody", source


def value_of_another(one: Contact) -> None:
    one.single["first_name"] = one.single["city"]


change("another value", ANN, contact(ANN, "first_name"))(another_value)
change("the value of another event", ANN, contact(ANN, "first_name"))(value_of_another)
change("a value is gone", ANN, contact(ANN, "city"))(lambda one: one.single.pop("city"))
change("a value too many", ANN, contact(ANN, "country"))(lambda one: one.single.update(country=one.single["city"]))
change("an element is gone", ANN, contact(ANN, "labels"))(lambda one: one.multi["labels"].pop("a"))
change("another stamp", ANN, contact(ANN, "last"))(set_to(last=LATER))
change("another birth", ANN, contact(ANN, "birth"))(set_to(birth=LATER))
change("another time of the last change", ANN, contact(ANN, "updated"))(set_to(updated=LATER))
change("another id", ANN, contact(ANN, "id"))(set_to(id=JOINED))
change("somebody else's id", ANN, contact(ANN, "id"))(set_to(id=BOB))
change("another size", ANN, contact(ANN, "size"))(set_to(size=7))
change("an owned identifier is gone", ANN, claim("owner", "email"), claim("mentions", "email"), contact(ANN, "owned"))(
    lambda one: one.owned.discard("email:ann@example.com")
)
change("a named identifier is gone", EVE, claim("mentions"), contact(EVE, "named"))(lambda one: one.named.clear())
change("an identifier that nothing claims", ANN, claim("document", "web"), contact(ANN, "named"))(
    lambda one: one.named.add("web:nobody")
)
change("an identifier of another", ANN, claim("mentions"), contact(ANN, "named"))(lambda one: one.named.add(PHONE))
change("an identifier both owned and named", ANN, contact(ANN, "named"))(
    lambda one: one.named.add("email:ann@example.com")
)
change("an identifier it does not hold", EVE, contact(EVE, "owned"))(lambda one: one.owned.add("web:nobody"))
change("a shared identifier is gone", FRONT, contact(FRONT, "shared"))(lambda one: one.shared.clear())
change("called plain", EVE, contact(EVE, "plain"))(set_to(plain=True))
change("out of its component", EVE, component("size"))(set_to(component=None))
change("in a component that is not there", ANN, ("component", format_event_id(GHOST), "document"))(
    set_to(component=GHOST)
)
change("an absorbed handle is gone", ANN, ("evidence", format_event_id(JOINED), "handle"), contact(ANN, "size"))(
    lambda one: one.absorbed.clear()
)
change("an absorbed handle of another", ANN, contact(ANN, "absorbed"), contact(BOB, "handle"))(
    lambda one: one.absorbed.append(BOB)
)


@case("a contact is gone", ("evidence", format_event_id(JOINED), "handle"), claim("owner", "email"))
async def _(directory: Directory) -> Changes:
    one = await directory.contact_of(ANN)
    assert one is not None
    return Changes(gone_contacts=[one])


@case("a contact nobody spoke of", contact(GHOST, "handle"), contact(GHOST, "document"))
async def _(directory: Directory) -> Changes:
    return Changes(contacts=[Contact(GHOST, GHOST, LATER, LATER, LATER)])


async def claim_of(directory: Directory, identifier: str) -> Claim:
    return (await directory.claims([identifier]))[identifier]


@case("a claim of another owner", claim("owner"))
async def _(directory: Directory) -> Changes:
    return Changes(claims=[replace(await claim_of(directory, PHONE), owner=EVE)])


@case("a claim of an owner who does not exist", claim("owner"))
async def _(directory: Directory) -> Changes:
    return Changes(claims=[replace(await claim_of(directory, PHONE), owner=GHOST)])


@case("a claim of nobody", claim("owner"))
async def _(directory: Directory) -> Changes:
    return Changes(claims=[replace(await claim_of(directory, PHONE), owner=None)])


@case("a mention is gone", claim("mentions"))
async def _(directory: Directory) -> Changes:
    return Changes(claims=[replace(await claim_of(directory, PHONE), mentions={BOB})])


@case("a mention too many", claim("mentions", "email"))
async def _(directory: Directory) -> Changes:
    one = await claim_of(directory, "email:ann@example.com")
    return Changes(claims=[replace(one, mentions=one.mentions | {BOB})])


@case("a mention of a contact that does not exist", claim("mentions"))
async def _(directory: Directory) -> Changes:
    one = await claim_of(directory, PHONE)
    return Changes(claims=[replace(one, mentions=one.mentions | {GHOST})])


@case("a claim is gone", claim("document"))
async def _(directory: Directory) -> Changes:
    return Changes(gone_claims=[await claim_of(directory, PHONE)])


@case("a claim too many", claim("owner", "web"))
async def _(directory: Directory) -> Changes:
    return Changes(claims=[Claim("web:ghost", ANN, {ANN})])


async def part_of(directory: Directory) -> Component:
    return (await directory.components([EVE]))[EVE]


@case("a component of another size", component("size"))
async def _(directory: Directory) -> Changes:
    return Changes(components=[replace(await part_of(directory), size=99)])


@case("a component with another latest stamp", component("latest"))
async def _(directory: Directory) -> Changes:
    return Changes(components=[replace(await part_of(directory), latest=LATER)])


@case("a component is gone", component("document"))
async def _(directory: Directory) -> Changes:
    return Changes(gone_components=[await part_of(directory)])


@case("a component of nobody", ("component", format_event_id(GHOST), "document"))
async def _(directory: Directory) -> Changes:
    return Changes(components=[Component(GHOST, LATER, 2)])


@pytest.mark.parametrize("name", CASES)
async def test_what_is_changed_is_found_and_named(name: str, pair: Pair) -> None:
    await make_everything(pair)
    corruption, expected = CASES[name]
    await pair.directory.commit(await corruption(pair.directory))
    report = await verify(pair)
    assert not report.clean
    found = {(each.kind, each.where, each.field) for each in report.findings.first}
    assert set(expected) <= found, told(report)
    assert report.findings.count == len(report.findings.first)


async def test_a_directory_that_nobody_changed_is_clean(pair: Pair) -> None:
    await make_everything(pair)
    report = await verify(pair)
    assert report.clean, told(report)
    assert report.checked["contacts"] == report.checked["rebuilt"] > 5
    assert report.checked["components"] == report.checked["rebuilt_components"] == 1


async def test_an_empty_claim_that_a_rule_left_behind_is_no_fault(pair: Pair) -> None:
    await make_everything(pair)
    await pair.directory.commit(Changes(claims=[Claim("web:nobody's")]))
    report = await verify(pair)
    assert report.clean, told(report)
