"""The oracle itself, held against rules of SEMANTICS that a reader can check by eye."""

from typing import Any

from oracle.burying import check_who_died, find_component, is_late_for_others_only, needs_too_much
from oracle.fold import fold
from oracle.histories import finish
from oracle.making import Event
from oracle.reading import Reading, event_id, read
from oracle.world import World


def play(*events: Event) -> World:
    """The world after events that happen one second after another."""
    return fold(finish([{"source": "shop", "occurred_at": at, **event} for at, event in enumerate(events)]))


def upsert(**values: Any) -> Event:
    """A statement of values."""
    return {"values": values}


def test_an_event_id_is_a_number_of_128_bits_in_crockfords_base32() -> None:
    """Taken from an independent computation: `b2sum -l 128` of `shop`, a zero byte and `o-17`."""
    assert event_id("shop", "o-17") == "775TTHNTEEWBYANQGJ5MTGKM2A"


def test_the_elder_of_two_contacts_gives_a_merged_one_its_id() -> None:
    """The second candidate is the elder here."""
    world = play(upsert(phone="+14155550101"), upsert(email="a@x.com"), upsert(email="a@x.com", phone="+14155550101"))
    (person,) = world.people
    assert person.id == event_id("shop", "e0")
    assert world.results[event_id("shop", "e2")].merged == {event_id("shop", "e1")}


def test_contacts_with_different_keys_never_merge() -> None:
    """The event belongs to the first candidate, and the other keeps its identifier."""
    world = play(
        upsert(customer_id="1", email="a@x.com"),
        upsert(customer_id="2", phone="+14155550101"),
        upsert(email="a@x.com", phone="+14155550101"),
    )
    assert len(world.people) == 2
    assert world.results[event_id("shop", "e2")].contested == {"phone:+14155550101"}


def test_a_replace_releases_what_it_does_not_name() -> None:
    """A later event that names the released identifier makes a contact of its own."""
    world = play(
        upsert(customer_id="1", email="a@x.com"),
        {"action": "replace", **upsert(customer_id="1")},
        upsert(email="a@x.com"),
    )
    assert [sorted(person.owns) for person in world.people] == [["customer_id:1"], ["email:a@x.com"]]


def test_an_element_past_the_limit_is_left_out_and_named() -> None:
    """Two phones are the most a contact of this schema has; labels are no channel and have no limit."""
    labels = [f"l{n}" for n in range(30)]
    world = play(upsert(phone=["+14155550101", "+14155550102", "+14155550103"], labels=labels))
    (person,) = world.people
    assert world.results[person.id].over_limit == {"phone:+14155550103"}
    assert len(person.fields["labels"]) == 30


def test_the_first_spelling_of_an_address_is_the_one_shown() -> None:
    """Addresses are compared without case."""
    world = play(upsert(email="Ann@X.com"), upsert(email="ANN@x.com"))
    assert [entry.word.shown for entry in world.people[0].fields["email"]] == ["Ann@x.com"]
    assert world.people[0].owns == {"email:ann@x.com"}


def test_a_clock_in_the_future_cannot_win_for_ever() -> None:
    """The stamp's time is never later than when the event was received."""
    future: Event = {**upsert(email="a@x.com", first_name="Bob"), "occurred_at": 900, "received_at": 1}
    world = play(upsert(email="a@x.com"), future, upsert(email="a@x.com", first_name="Ann"))
    assert world.people[0].fields["first_name"][0].word.shown == "Ann"


def test_only_visitors_are_merged_where_the_policy_is_anonymous() -> None:
    """A contact that holds anything but a visitor's mark stays."""
    link = {"on_many": "anonymous", **upsert(email=["a@x.com", "b@x.com"], web="v1")}
    world = play(upsert(email="a@x.com"), upsert(email="b@x.com"), upsert(web="v1"), link)
    assert [sorted(person.owns) for person in world.people] == [["email:a@x.com", "web:v1"], ["email:b@x.com"]]


def test_an_organisation_hears_what_a_contact_ignored() -> None:
    """An ignored event links nothing, and its organisation counts all the same."""
    told = {"action": "ignore", "organization": {"account_id": "A-1", "name": "Office"}, **upsert(email="a@x.com")}
    world = play(upsert(email="a@x.com"), told)
    assert "@organizations" not in world.people[0].fields
    assert world.accounts["A-1"].fields["name"][1] == "Office"


def bury(*events: Event, arrive: list[list[int]], limit: int) -> list[str]:
    """Which of these events, one second after another, die: their own ids in order of arrival."""
    finished = finish([{"source": "shop", "occurred_at": at, **event} for at, event in enumerate(events)])
    living: list[Reading] = []
    dead: list[str] = []
    for at in (at for batch in arrive for at in sorted(batch)):
        said = read(finished[at])
        component = find_component(said, living)
        if needs_too_much(said, component, limit) and not is_late_for_others_only(said, component):
            dead.append(f"e{at}")
        else:
            living.append(said)
    check_who_died(finished, [(batch, {event_id("shop", one) for one in dead}) for batch in arrive], limit)
    return dead


def update(**values: Any) -> Event:
    """A statement that is not plain."""
    return {"action": "update", "values": values}


def test_a_late_event_dies_where_its_component_and_itself_are_more_than_the_limit() -> None:
    """Three pieces of evidence, and the limit is two or three."""
    events = (update(email="a@x.com"), upsert(email="a@x.com"), upsert(email="a@x.com"))
    assert bury(*events, arrive=[[1], [2], [0]], limit=2) == ["e0"]
    assert bury(*events, arrive=[[1], [2], [0]], limit=3) == []


def test_an_event_in_order_never_dies() -> None:
    """Not plain, and the limit is one; also in one batch, since that is stepped through in the order of stamps."""
    events = [update(email="a@x.com") for _ in range(4)]
    assert bury(*events, arrive=[[0], [1], [2], [3]], limit=1) == []
    assert bury(*events, arrive=[[3, 1, 0, 2]], limit=1) == []


def test_a_late_plain_event_never_dies_unless_it_clashes_with_its_component() -> None:
    """A key that differs makes what is late matter."""
    plain = [upsert(email="a@x.com") for _ in range(3)]
    assert bury(*plain, arrive=[[2], [1], [0]], limit=1) == []
    clashing = (upsert(email="a@x.com", customer_id="2"), *plain, upsert(email="a@x.com", customer_id="1"))
    assert bury(*clashing, arrive=[[4], [3], [2], [1], [0]], limit=3) == ["e0"]


def test_only_what_hangs_together_counts() -> None:
    """Somebody else's evidence is no part of a component, however much it is, until an event names both."""
    events = (update(email="a@x.com"), upsert(email="a@x.com"), upsert(email="b@x.com"), upsert(email="b@x.com"))
    assert bury(*events, arrive=[[1], [2], [3], [0]], limit=2) == []
    link = upsert(email=["a@x.com", "b@x.com"])
    assert bury(*events, link, arrive=[[1], [2], [3], [4], [0]], limit=4) == ["e0"]
