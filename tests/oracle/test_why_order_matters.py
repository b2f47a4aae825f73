"""The shortest histories for each thing that makes the order of arrival count for nothing.

Random histories come by all of these, in time. Here each has one of its own, in which nothing else would save it: take
the condition out of the code, and it is this history that tells (docs/the-law.md has the table).
"""

from typing import Any

import pytest

from oracle.histories import finish
from oracle.making import Event
from oracle.properties import check_the_law
from oracle.ruling import RETRACT, SEPARATE

A, B, C, D = (f"{name}@x.com" for name in "abcd")


def said(at: int, action: str = "append", **said_too: Any) -> Event:
    """A statement at a second; `match_on` and `on_many` beside its values."""
    policy: dict[str, Any] = {
        name: said_too.pop(name) for name in ("match_on", "on_many", "organization") if name in said_too
    }
    return {"source": "shop", "occurred_at": at, "action": action, **policy, "values": said_too}


def one_by_one(*events: Event) -> None:
    """The law, where these arrive as they stand here."""
    check_the_law(finish(events), [[place] for place in range(len(events))])


# ---- late is late


def test_what_was_deleted_stays_deleted_where_the_value_comes_late() -> None:
    one_by_one(said(5, email=A), said(10, email=A, first_name=""), said(7, email=A, first_name="Ann"))


def test_a_neighbour_that_named_what_a_late_replace_lets_go_of_makes_it_late() -> None:
    """The replace reaches its own contact only, which has heard nothing since."""
    one_by_one(
        said(1, customer_id="1", email=A),
        said(2, customer_id="2", email=A),
        said(20, customer_id="2", email=A),
        said(15, "replace", customer_id="1"),
    )


# ---- stamps decide


def test_a_late_value_does_not_replace_a_later_one() -> None:
    one_by_one(said(5, email=A, first_name="Ann"), said(3, email=A, first_name="Bob"))


def test_a_late_addition_is_the_first() -> None:
    one_by_one(said(5, email=A, labels="vip"), said(3, email=A, labels=["vip"]))


def test_a_late_link_to_an_organisation_is_the_first() -> None:
    office = {"account_id": "A-1", "name": "Office"}
    one_by_one(said(5, email=A, organization=office), said(3, email=A, organization={**office, "name": "Mart"}))


def test_of_two_who_merge_the_later_value_stays() -> None:
    one_by_one(said(1, email=A, first_name="Ann"), said(3, email=B, first_name="Bob"), said(9, email=[A, B]))


def test_of_two_who_merge_the_first_addition_stays() -> None:
    """The younger of them was the first to be called so."""
    one_by_one(said(1, email=A), said(3, email=B, labels="vip"), said(6, email=A, labels="vip"), said(9, email=[A, B]))


def test_of_two_who_merge_the_elder_gives_the_id() -> None:
    """The younger of them is the first that the event names."""
    one_by_one(said(1, email=B), said(3, email=A), said(9, email=[A, B]))


def test_a_contact_takes_the_id_of_an_earlier_event_that_comes_late() -> None:
    one_by_one(said(5, email=A), said(3, email=A))


# ---- plain


PLAIN = {
    "an update": [said(5, email=A, labels="x"), said(3, "update", email=A, labels="y")],
    "a replace": [said(5, email=A, labels="x"), said(3, "replace", email=A, labels="y")],
    "an ignore": [said(5, email=A, labels="x"), said(3, "ignore", email=A, labels="y")],
    "only some identifiers are matched on": [
        said(2, email=A),
        said(1, match_on=["phone"], email=A, phone="+14155550101"),
    ],
    "nobody is merged": [said(2, email=A), said(3, email=B), said(1, on_many="first", email=[A, B])],
    "a field is deleted": [said(5, email=A, first_name="Ann"), said(3, email=A, first_name="")],
    "a channel of one value": [
        said(5, email=A, telegram="@x"),
        said(3, email=A, telegram="@y"),
        said(4, telegram="@y"),
    ],
    "an earlier one was not": [
        said(2, email=A),
        said(10, "replace", email=A),
        said(5, email=A, first_name="Ann"),
    ],
    "a key differs": [said(5, email=A, customer_id="1"), said(3, email=A, customer_id="2")],
    "a channel passes its limit": [said(5, email=[A, B, C]), said(3, email=[A, D])],
    "identifiers are apart": [
        {"source": "shop", "occurred_at": 1, "type": SEPARATE, "identifiers": [f"email:{B}", f"email:{C}"]},
        said(5, email=[A, B]),
        said(3, email=[A, C]),
    ],
    "another mentions the identifier": [
        said(1, customer_id="1", email=A),
        said(5, customer_id="2", email=A),
        said(3, email=A, first_name="Ann"),
        said(2, customer_id="2"),
    ],
}


@pytest.mark.parametrize("events", PLAIN.values(), ids=PLAIN)
def test_what_is_not_plain_is_rebuilt_when_it_comes_late(events: list[Event]) -> None:
    """What stands last in each would be another if it were merely stepped."""
    one_by_one(*events)


# ---- late for others only


FOR_OTHERS_TOO = {
    "it lets go of everything": [
        said(1, customer_id="1", email=A),
        said(2, customer_id="2", email=A),
        said(20, customer_id="2", email=A),
        said(15, "replace", customer_id="1"),
    ],
    "it lets go of what identifies": [
        said(1, customer_id="1", email=A),
        said(2, customer_id="2", email=A),
        said(20, customer_id="2", email=A),
        said(15, customer_id="1", email=""),
    ],
    "it names what nobody owns": [
        said(1, customer_id="1", email=A),
        said(2, customer_id="2", email=A),
        said(3, "replace", customer_id="1"),
        said(4, member_id="m", email=B),
        said(20, "update", member_id="m", email=A),
        said(15, customer_id="2", email=A),
    ],
    "who owns what it names is known by something else since": [
        said(1, email=A),
        said(2, match_on=["customer_id"], customer_id="2", email=A),
        said(20, customer_id="1", email=A),
        said(15, customer_id="2", email=A),
    ],
    "whom it is about has heard something later": [
        said(1, customer_id="1", email=A),
        said(2, customer_id="2", email=A),
        said(20, customer_id="1", first_name=""),
        said(15, customer_id="1", first_name="Ann"),
    ],
    "whom it is about gets a key, by which a later one would have told them from others": [
        said(1, email=A),
        said(2, email=B),
        said(20, on_many="reject", email=[B, A], customer_id="8", first_name="Bob"),
        said(15, email=A, customer_id="7"),
    ],
    "whom it is about was known by something else": [
        said(1, customer_id="1", telegram="@x"),
        said(2, customer_id="3", telegram="@y"),
        said(20, customer_id="2", telegram="@x"),
        said(15, customer_id="1", telegram="@y"),
    ],
}


@pytest.mark.parametrize("events", FOR_OTHERS_TOO.values(), ids=FOR_OTHERS_TOO)
def test_what_is_late_for_somebody_it_concerns_is_not_merely_stepped(events: list[Event]) -> None:
    """What stands last in each would be another if it were taken for late to its neighbours alone."""
    one_by_one(*events)


def test_two_late_statements_of_one_batch_that_make_one_of_two_are_not_merely_stepped() -> None:
    """Neither would do any harm alone. Together they make the elder let go of what a neighbour names later."""
    events = [
        said(1, customer_id="1", telegram="@x"),
        said(2, customer_id="2", telegram="@x"),
        said(20, customer_id="2", telegram="@x"),
        said(14, member_id="m", email=D, telegram="@n"),
        said(15, customer_id="1", email=D),
    ]
    check_the_law(finish(events), [[0], [1], [2], [3, 4]])


LET_GO_BY_THE_SECOND = {
    "deleted": [
        said(1, customer_id="1", telegram="@x"),
        said(40, customer_id="2", telegram="@x"),
        said(13, customer_id="1", email=D),
        said(14, email=D, telegram=""),
    ],
    "replaced": [
        said(1, customer_id="1", telegram="@x"),
        said(3, customer_id="3", telegram="@y"),
        said(40, customer_id="2", telegram="@x"),
        said(13, customer_id="1", email=D),
        said(14, match_on=["email"], email=D, telegram="@y"),
    ],
}


@pytest.mark.parametrize("events", LET_GO_BY_THE_SECOND.values(), ids=LET_GO_BY_THE_SECOND)
def test_two_late_statements_of_one_batch_of_which_the_second_lets_go_are_not_merely_stepped(
    events: list[Event],
) -> None:
    """The second is about somebody only by what the first one brings them."""
    *stored, first, second = range(len(events))
    check_the_law(finish(events), [*([place] for place in stored), [first, second]])


# ---- rules


def test_people_who_hold_what_is_apart_do_not_merge_by_what_is_not() -> None:
    one, other = "+14155550101", "+14155550102"
    one_by_one(
        {"source": "shop", "occurred_at": 1, "type": SEPARATE, "identifiers": [f"email:{A}", f"email:{B}"]},
        said(2, email=A, phone=one),
        said(3, email=B, phone=other),
        said(9, phone=[one, other]),
    )


def test_an_event_that_two_retractions_named_before_it_came_stays_out_when_one_of_them_is_taken_back() -> None:
    one_by_one(
        {"source": "shop", "occurred_at": 10, "type": RETRACT, "events": [2]},
        {"source": "shop", "occurred_at": 11, "type": RETRACT, "events": [2]},
        said(5, email=A),
        {"source": "shop", "occurred_at": 12, "type": RETRACT, "events": [0]},
    )
