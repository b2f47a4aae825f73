"""For each kind of document that a batch raises (SEMANTICS 8), two batches that nothing else keeps apart.

In each, the second batch happened before the first, so that what the first decided is wrong once it is there.
"""

from typing import Any

from integration.concurrency.meeting import Meeting
from oracle.making import Event
from oracle.ruling import ERASE, RETRACT, SEPARATE, SHARE


def said(at: int, action: str = "append", **values: Any) -> Event:
    """A statement at a second."""
    return {"source": "shop", "occurred_at": at, "action": action, "values": values}


def rule(at: int, kind: str, *identifiers: str) -> Event:
    """A directive about identifiers at a second."""
    named = {"identifier": identifiers[0]} if kind == ERASE else {"identifiers": list(identifiers)}
    return {"source": "shop", "occurred_at": at, "type": kind, **named}


def retract(at: int, *places: int, rows_of: str | None = None) -> Event:
    """A retraction at a second, of the events at these places of the meeting, or of all rows of an import."""
    named: dict[str, Any] = {"events": list(places)} if rows_of is None else {"import": rows_of}
    return {"source": "shop", "occurred_at": at, "type": RETRACT, **named}


def of(account: str, event: Event, **fields: str) -> Event:
    """The same event, which speaks of an organisation too."""
    return {**event, "organization": {"account_id": account, **fields}}


def row(number: int, event: Event) -> Event:
    """The same event as a row of the import i."""
    return {**event, "import": {"id": "i", "row": number}}


ANN = said(1, customer_id="1", email="x@x.com")
"""Owns the customer id and the address."""

CLEARED = said(15, "replace", customer_id="1")
"""Ann lets go of the address, of which nothing else tells: from now on it is anybody's."""

STATEMENTS = (
    Meeting(
        "an ignored statement names an identifier that its owner lets go of",
        before=[ANN],
        first=[said(20, "ignore", email="x@x.com")],
        second=[CLEARED],
        common=("contact",),
    ),
    Meeting(
        "a statement that changes nothing names an identifier that its owner lets go of",
        before=[ANN],
        first=[said(20, email="x@x.com")],
        second=[CLEARED],
        common=("contact",),
    ),
    Meeting(
        "a statement names an identifier that its contact only mentions, and the owner lets go of it",
        before=[ANN, said(2, customer_id="2", email="x@x.com")],
        first=[said(20, customer_id="2", email="x@x.com")],
        second=[CLEARED],
        common=("component",),
    ),
    Meeting(
        "a statement names an identifier of somebody it clashes with, who ceases to",
        before=[said(1, customer_id="1", email="a@x.com"), said(2, customer_id="2", email="x@x.com")],
        first=[said(20, email=["a@x.com", "x@x.com"])],
        second=[said(15, email="x@x.com", customer_id="")],
        common=("contact",),
    ),
    Meeting(
        "two statements name an identifier that nobody has named",
        before=[],
        first=[said(20, email="x@x.com", first_name="Ann")],
        second=[said(15, email="x@x.com", first_name="Bob")],
        common=("claim",),
    ),
    Meeting(
        "a statement names an identifier that nobody has named and leaves it aside, and another makes it somebody's",
        before=[said(1, customer_id="1", email="a@x.com")],
        first=[said(20, "update", customer_id="1", email="x@x.com")],
        second=[said(15, email="x@x.com")],
        common=("claim",),
    ),
    Meeting(
        "a rebuild in which nothing changes goes over an identifier that its owner lets go of",
        before=[ANN, said(10, customer_id="1")],
        first=[said(5, "ignore", email="x@x.com"), said(20, "ignore", email="x@x.com")],
        second=[CLEARED],
        common=("contact",),
    ),
    Meeting(
        "a rebuild of two people in which nothing changes names an identifier that its owner lets go of",
        before=[ANN, said(2, customer_id="2", email="x@x.com"), said(10, customer_id="2")],
        first=[said(5, "ignore", customer_id="2"), said(20, customer_id="2", email="x@x.com")],
        second=[CLEARED],
        common=("component",),
    ),
    Meeting(
        "a statement joins the components of two people who clash, and they cease to",
        before=[
            said(1, customer_id="1", email="a@x.com"),
            said(2, customer_id="2", email="a@x.com"),
            said(3, customer_id="2"),
            said(4, customer_id="3", email=["x@x.com", "z@x.com"]),
            said(5, customer_id="4", email="x@x.com"),
        ],
        first=[said(20, email=["a@x.com", "x@x.com"])],
        second=[said(15, email="z@x.com", customer_id="")],
        common=("component",),
    ),
)

X, Y, Z = "email:x@x.com", "email:y@x.com", "email:z@x.com"
BOTH = said(20, email=["x@x.com", "y@x.com"])

SEPARATIONS = (
    Meeting(
        "a separation of two identifiers that nobody has named, and a statement that names both",
        before=[],
        first=[rule(30, SEPARATE, X, Y)],
        second=[BOTH],
        common=("claim", "claim"),
        ruled=True,
    ),
    Meeting(
        "a separation, and a statement that would give the owner of the one the other",
        before=[ANN],
        first=[rule(30, SEPARATE, X, Y)],
        second=[BOTH],
        common=("claim", "contact"),
        ruled=True,
    ),
    Meeting(
        "a statement that changes nothing, and a separation of what its contact holds",
        before=[said(1, email=["x@x.com", "y@x.com"])],
        first=[said(20, email="y@x.com")],
        second=[rule(30, SEPARATE, X, Y)],
        common=("contact",),
    ),
    Meeting(
        "a separation taken back, and a statement that names both",
        before=[rule(2, SEPARATE, X, Y)],
        first=[retract(30, 0)],
        second=[BOTH],
        common=("claim", "claim"),
        ruled=True,
    ),
)

SHARES = (
    Meeting(
        "a share of an identifier that nobody has named, and a statement that names it",
        before=[ANN],
        first=[rule(30, SHARE, Y)],
        second=[BOTH],
        common=("claim",),
        ruled=True,
    ),
    Meeting(
        "a statement that changes nothing, and a share of the identifier it names",
        before=[ANN],
        first=[said(20, email="x@x.com")],
        second=[rule(30, SHARE, X)],
        common=("contact",),
    ),
    Meeting(
        "a share taken back, and the first statement that names the identifier",
        before=[ANN, rule(2, SHARE, Y)],
        first=[retract(30, 1)],
        second=[said(20, email="y@x.com")],
        common=("gate",),
        ruled=True,
    ),
    Meeting(
        "a share taken back, and one more statement that names the identifier",
        before=[ANN, rule(2, SHARE, Y), said(3, email="y@x.com")],
        first=[retract(30, 1)],
        second=[said(20, email="y@x.com")],
        common=("gate",),
        ruled=True,
    ),
)

RETRACTIONS = (
    Meeting(
        "a retraction of an event that has not arrived, and its arrival",
        before=[ANN],
        first=[retract(30, 2)],
        second=[said(20, email="x@x.com", first_name="Eve")],
        common=("event",),
    ),
    Meeting(
        "a second retraction of an event that has not arrived, the first being taken back, and its arrival",
        before=[ANN, retract(20, 5), retract(21, 1), retract(19, 5)],
        first=[retract(30, 3)],
        second=[said(20, email="x@x.com", first_name="Eve")],
        common=("event",),
    ),
    Meeting(
        "a retraction that takes back the retraction of an event that has not arrived, and its arrival",
        before=[ANN, retract(20, 3)],
        first=[retract(30, 1)],
        second=[said(20, email="x@x.com", first_name="Eve")],
        common=("event",),
    ),
    Meeting(
        "a retraction three deep, and the arrival of the event at the bottom",
        before=[ANN, retract(20, 4), retract(21, 1)],
        first=[retract(30, 2)],
        second=[said(20, email="x@x.com", first_name="Eve")],
        common=("event",),
    ),
    Meeting(
        "a retraction of a separation that has not arrived, and its arrival",
        before=[said(1, email=["x@x.com", "y@x.com"])],
        first=[retract(30, 2)],
        second=[rule(20, SEPARATE, X, Y)],
        common=("event",),
    ),
    Meeting(
        "a statement that changes nothing, and a retraction of what led it to its contact",
        before=[ANN, said(2, customer_id="1", email="z@x.com")],
        first=[said(20, email="z@x.com")],
        second=[retract(30, 1)],
        common=("contact",),
    ),
)

ROWS = (
    Meeting(
        "a retraction of an import, and its first row",
        before=[ANN],
        first=[retract(30, rows_of="i")],
        second=[row(1, said(20, email="x@x.com", first_name="Eve"))],
        common=("gate",),
    ),
    Meeting(
        "a retraction of an import, and one more row of a partition",
        before=[row(1, ANN)],
        first=[retract(30, rows_of="i")],
        second=[row(2, said(20, email="y@x.com", first_name="Eve"))],
        common=("gate",),
    ),
    Meeting(
        "a retraction of an import taken back, and one more row",
        before=[row(1, ANN), retract(2, rows_of="i")],
        first=[retract(30, 1)],
        second=[row(2, said(20, email="y@x.com", first_name="Eve"))],
        common=("gate",),
    ),
)

ORGANIZATIONS = (
    Meeting(
        "a statement that wins no field of an organisation, and a retraction of the one that did",
        before=[ANN, of("A-1", said(10, email="y@x.com"), name="Office")],
        first=[of("A-1", said(5, email="z@x.com"), name="Mart")],
        second=[retract(30, 1)],
        common=("fragment",),
        by_first=True,
    ),
)

ERASURES = (
    Meeting(
        "an erasure of an identifier that nobody has named, and an older statement that names it",
        before=[ANN],
        first=[rule(30, ERASE, Y)],
        second=[said(20, email="y@x.com", first_name="Eve")],
        common=("claim",),
        ruled=True,
    ),
    Meeting(
        "a statement that changes nothing, and an erasure of its contact",
        before=[ANN],
        first=[said(20, email="x@x.com")],
        second=[rule(15, ERASE, X)],
        common=("contact",),
    ),
    Meeting(
        "an event that is erased as it comes, and a later one that names what else it names",
        before=[said(5, email="x@x.com"), rule(50, ERASE, X)],
        first=[said(10, email=["x@x.com", "y@x.com"])],
        second=[said(20, email="y@x.com", first_name="Eve")],
        common=("claim", "claim"),
    ),
    Meeting(
        "an erasure of an identifier that only a rule has named, and an older statement that names it",
        before=[rule(5, SEPARATE, Y, Z), retract(6, 0)],
        first=[rule(30, ERASE, Y)],
        second=[said(20, email="y@x.com", first_name="Eve")],
        common=("claim",),
        ruled=True,
    ),
)

DIRECTIVES = (*SEPARATIONS, *SHARES, *RETRACTIONS, *ROWS, *ORGANIZATIONS, *ERASURES)

STRANGERS = (
    Meeting(
        "two statements about people who share nothing",
        before=[ANN],
        first=[said(20, email="x@x.com", first_name="Ann")],
        second=[said(15, email="y@x.com", first_name="Bob")],
        common=(),
    ),
    Meeting(
        "two statements about one organisation",
        before=[ANN],
        first=[{**said(20, email="x@x.com"), "organization": {"account_id": "A-1", "name": "Office"}}],
        second=[{**said(15, email="y@x.com"), "organization": {"account_id": "A-1", "name": "Mart", "city": "Rome"}}],
        common=(),
    ),
)
"""Batches that could not influence one another: nobody waits for anybody."""
