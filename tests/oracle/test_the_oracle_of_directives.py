"""The oracle's directives, held against rules of SEMANTICS 5 that a reader can check by eye."""

from typing import Any

import pytest

from oracle.fold import fold
from oracle.histories import finish
from oracle.making import Event
from oracle.reading import event_id
from oracle.ruling import ERASE, RETRACT, SEPARATE, SHARE
from oracle.world import World

PHONE = "+14155550101"


def play(*events: Event, reached: dict[int, list[int]] | None = None) -> World:
    """The world after events that happen one second after another; what erasures took before, by places."""
    history = finish([{"source": "shop", "occurred_at": at, **event} for at, event in enumerate(events)])
    return fold(history, {name(at): [name(one) for one in taken] for at, taken in (reached or {}).items()})


def name(place: int) -> str:
    """The id of the event at a place."""
    return event_id("shop", f"e{place}")


def said(*, row: int | None = None, **values: Any) -> Event:
    """A statement of values, of a row of the import `i1` where a number is given."""
    return {"values": values} | ({} if row is None else {"import": {"id": "i1", "row": row}})


def separate(*identifiers: str) -> Event:
    """A separation."""
    return {"type": SEPARATE, "identifiers": list(identifiers)}


def retract(*places: int) -> Event:
    """A retraction of the events at these places."""
    return {"type": RETRACT, "events": list(places)}


def erase(identifier: str) -> Event:
    """An erasure."""
    return {"type": ERASE, "identifier": identifier}


def owned(world: World) -> list[list[str]]:
    """What each person owns."""
    return sorted(sorted(person.owns) for person in world.people)


def test_a_separation_gives_both_sides_back_what_they_would_have_had() -> None:
    """A statement that named both belongs to the first, and says nothing of the second's address."""
    link = said(email=["a@x.com", "b@x.com"])
    world = play(said(email="a@x.com"), said(email="b@x.com"), link, separate("email:a@x.com", "email:b@x.com"))
    assert owned(world) == [["email:a@x.com"], ["email:b@x.com"]]
    assert world.results[name(2)].set_aside == {"email:b@x.com"}
    assert world.contact_ids()[name(2)] == name(0)


def test_people_who_hold_what_was_put_apart_do_not_merge() -> None:
    """The phone both are found by cannot make them one."""
    world = play(
        separate("email:a@x.com", "email:b@x.com"),
        said(email="a@x.com", phone=PHONE),
        said(email="b@x.com", phone=PHONE),
    )
    assert owned(world) == [["email:a@x.com", f"phone:{PHONE}"], ["email:b@x.com"]]


def test_a_shared_identifier_is_kept_as_a_value_and_identifies_nobody() -> None:
    """Whoever is known by nothing else has an own contact that owns nothing."""
    world = play(said(phone=PHONE), said(phone=PHONE), {"type": SHARE, "identifiers": [f"phone:{PHONE}"]})
    assert owned(world) == [[], []]
    assert all(person.fields["phone"][0].word.shown == PHONE for person in world.people)
    assert not any(world.holds(person) for person in world.people)


def test_what_is_retracted_has_never_been() -> None:
    """The link is gone, and so is what it said; whom it belongs to is not asked."""
    link = said(email=["a@x.com", "b@x.com"], first_name="Ann")
    world = play(said(email="a@x.com"), said(email="b@x.com"), link, retract(2))
    assert owned(world) == [["email:a@x.com"], ["email:b@x.com"]]
    assert not any("first_name" in person.fields for person in world.people)
    assert name(2) not in world.contact_ids()


def test_a_retraction_holds_for_events_of_a_later_stamp_and_for_every_row_of_an_import() -> None:
    """Whatever the stamps."""
    import_gone: Event = {"type": RETRACT, "import": "i1"}
    world = play(
        import_gone, retract(3), said(email="a@x.com", row=0), said(email="b@x.com"), said(email="c@x.com", row=7)
    )
    assert not world.people


def test_an_organisation_with_no_statement_left_is_gone() -> None:
    """A retracted statement says nothing of it."""
    told: Event = {"organization": {"account_id": "A-1", "name": "Office"}, **said(email="a@x.com")}
    assert play(told).accounts
    assert not play(told, retract(0)).accounts
    assert not play(told, erase("email:a@x.com")).accounts


def test_separations_and_shares_can_be_retracted() -> None:
    """The link links again, and the phone is somebody's."""
    both = (separate("email:a@x.com", "email:b@x.com"), {"type": SHARE, "identifiers": [f"phone:{PHONE}"]})
    link = said(email=["a@x.com", "b@x.com"], phone=PHONE)
    assert owned(play(*both, link)) == [["email:a@x.com"]]
    assert owned(play(*both, link, retract(0, 1))) == [["email:a@x.com", "email:b@x.com", f"phone:{PHONE}"]]


def test_only_a_later_retraction_takes_a_retraction_back() -> None:
    """And one that is itself taken back does not."""
    told = said(email="a@x.com")
    assert len(play(told, retract(0), retract(1)).people) == 1
    assert len(play(told, retract(0), retract(1), retract(2)).people) == 0
    assert len(play(told, retract(2), retract(0)).people) == 0
    assert len(play(told, retract(0, 1)).people) == 0


def test_an_erasure_removes_who_owned_the_identifier_then() -> None:
    """What was said later of the same address is a person of its own."""
    world = play(said(email="a@x.com", phone=PHONE), erase("email:a@x.com"), said(email="a@x.com"), said(phone=PHONE))
    assert sorted(person.id for person in world.people) == sorted([name(2), name(3)])
    assert world.erased[name(1)] == {name(0)}
    assert world.contact_ids()[name(0)] is None


def test_an_erasure_of_what_nobody_owned_removes_nobody() -> None:
    """Also where somebody names it later, or it is shared."""
    assert len(play(erase("email:a@x.com"), said(email="a@x.com")).people) == 1
    share: Event = {"type": SHARE, "identifiers": ["email:a@x.com"]}
    assert len(play(said(email="a@x.com"), erase("email:a@x.com"), share).people) == 1


def test_an_erasure_is_never_taken_back() -> None:
    """By whatever retraction."""
    assert not play(said(email="a@x.com"), erase("email:a@x.com"), retract(1)).people


def test_whoever_holds_what_an_erasure_once_reached_is_erased_too() -> None:
    """A late event gave the first statement to somebody else; its payload is lost all the same."""
    history = (said(email="z@x.com", phone=PHONE), said(email="a@x.com", phone=PHONE), erase("email:a@x.com"))
    apart = separate("email:a@x.com", "email:z@x.com")
    assert owned(play(*history, apart)) == [["email:z@x.com", f"phone:{PHONE}"]]
    assert not play(*history, apart, reached={2: [0, 1]}).people


@pytest.mark.parametrize(
    "nothing",
    [
        separate("email:a@x.com", "email:A@X.com"),
        separate("email:a@x.com", "email:b@x.com", "shoe_size:44"),
        {"type": SHARE, "identifiers": ["email:a@x.com", "first_name:Ann"]},
        {"type": SHARE, "identifiers": []},
        {"type": RETRACT, "events": []},
        {"type": RETRACT, "events": [0], "import": "i1"},
    ],
)
def test_a_refused_directive_rules_nothing(nothing: Event) -> None:
    """One identifier in two spellings, what is no identifier, nothing at all, and two things at once."""
    world = play(said(email=["a@x.com", "b@x.com"], row=1), nothing)
    assert owned(world) == [["email:a@x.com", "email:b@x.com"]]
    assert world.results[name(1)].status == "rejected"
