"""One short history in which everything happens: late and repeated events, merges, clashes, organisations, deaths.

It is written in the order of arrival. `at` is a minute, so that whoever reads sees what comes late.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from contactfold.domain.stamp import format_event_id, format_time, make_event_id, parse_time
from contactfold.ports import EventLog, Lane, NewRecord

Event = dict[str, Any]

MINUTE = 60_000_000
START = parse_time("2026-03-01T00:00:00Z") or 0


def at(minute: int, id: str, values: dict[str, Any], **more: Any) -> Event:
    """A statement about somebody."""
    return {
        "id": id,
        "source": "shop",
        "occurred_at": format_time(START + minute * MINUTE),
        "values": values,
        **more,
    }


def ruled(minute: int, id: str, type: str, **more: Any) -> Event:
    """A directive."""
    return {"id": id, "source": "shop", "type": type, "occurred_at": format_time(START + minute * MINUTE), **more}


def id_of(id: str) -> str:
    """The id that the directory gives to an event."""
    return format_event_id(make_event_id("shop", id))


ANN, BOB, EVE = "ann@example.com", "bob@example.com", "eve@example.com"

LIVE: tuple[Event | bytes, ...] = (
    at(1, "ann", {"email": ANN, "first_name": "Ann"}),
    at(2, "bob", {"email": BOB, "phone_number": "+14155550102", "first_name": "Bob", "city": "Oslo"}),
    at(3, "ann buys", {"external_customer_id": "c-1", "email": ANN, "labels": ["buyer"]}),
    b"no event at all",
    at(9, "bob moves", {"phone_number": "+14155550102", "city": "Lima"}),
    at(4, "bob was elsewhere", {"email": BOB, "city": "Quito"}),
    at(11, "a visitor", {"web": "v-7", "labels": ["visitor"]}),
    at(12, "the visitor is ann", {"web": "v-7", "external_customer_id": "c-1"}),
    at(3, "ann buys", {"external_customer_id": "c-1", "email": ANN, "labels": ["buyer"]}),
    at(14, "eve", {"telegram": "@eve", "first_name": "Eve"}, organization={"account_id": "A-1", "name": "Mart"}),
    at(15, "eve's address", {"email": EVE, "telegram": "@eve"}),
    at(5, "eve was a customer", {"external_customer_id": "c-2", "email": EVE}),
    at(16, "eve and ann", {"email": [EVE, ANN], "labels": ["both"]}),
    b'{"type": "contact.unheard_of", "values": {}}',
    at(17, "refused", {"email": "no address", "first_name": "Nobody"}),
    at(18, "start anew", {"email": BOB, "first_name": "Robert"}, action="replace"),
    at(10, "late, and released since", {"phone_number": "+14155550102", "labels": ["late"]}),
    at(19, "who has the number", {"phone_number": "+14155550102", "first_name": "Dan"}),
    at(20, "seen before", {"email": ANN, "city": "Nowhere"}, action="ignore"),
    at(21, "only what is empty", {"email": ANN, "first_name": "Anna", "city": "Lagos"}, action="update"),
    at(22, "bob and dan", {"email": BOB, "phone_number": "+14155550102"}),
    at(6, "dan at first", {"phone_number": "+14155550102", "telegram": "@dan"}, on_many="first"),
    at(23, "which of them", {"telegram": "@dan", "email": EVE}, on_many="reject"),
    at(24, "the mart moves", {"telegram": "@eve"}, organization={"account_id": "A-1", "city": "Lima"}),
    at(13, "the mart as it was", {"email": EVE}, organization={"account_id": "A-1", "name": "Shop", "city": "Oslo"}),
    at(25, "ann forgets", {"external_customer_id": "c-1", "labels": ""}),
    at(8, "a label from before", {"email": ANN, "labels": ["old"]}),
)
"""What programs write to the live lane."""

BULK: tuple[Event | bytes, ...] = (
    at(7, "row 1", {"email": "fay@example.com", "external_customer_id": "c-3"}),
    at(7, "row 2", {"email": [BOB, "fay@example.com"], "city": "Quito"}),
    b"[1, 2",
    at(26, "row 3", {"telegram": "@gus", "web": "v-9"}, organization={"account_id": "A-2", "name": "Fold"}),
    at(2, "bob", {"email": BOB, "phone_number": "+14155550102", "first_name": "Bob", "city": "Oslo"}),
    at(1, "row 4", {"web": "v-9", "email": "gus@example.com", "labels": ["imported"]}),
    at(27, "row 5", {"email": ["gus@example.com", EVE]}, match_on=["email"]),
)
"""What an import writes; one of its rows is an event of the live lane once more."""

IDA, HAL = "ida@example.com", "+14155550199"

RULED: tuple[Event | bytes, ...] = (
    *LIVE[:7],
    ruled(30, "apart", "contact.separate", identifiers=[f"email:{ANN}", f"email:{BOB}"]),
    at(31, "ann and bob", {"email": [ANN, BOB], "labels": ["both"]}),
    at(27, "ida", {"email": IDA, "phone_number": HAL}),
    at(28, "hal", {"telegram": "@hal", "phone_number": HAL}),
    ruled(32, "a switchboard", "identifier.share", identifiers=[f"phone_number:{HAL}"]),
    at(33, "at the switchboard", {"phone_number": HAL, "viber": "jim"}),
    ruled(34, "never mind", "event.retract", events=[id_of("bob moves"), id_of("still to come")]),
    at(29, "still to come", {"email": BOB, "city": "Nowhere"}),
    ruled(34, "never mind", "event.retract", events=[id_of("bob moves"), id_of("still to come")]),
    at(35, "kim", {"email": "kim@example.com", "first_name": "Kim"}),
    at(36, "kim calls", {"email": "kim@example.com", "voice": "+14155550177"}),
    ruled(37, "they are one after all", "event.retract", events=[id_of("apart")]),
    ruled(38, "forget kim", "contact.erase", identifier="email:kim@example.com"),
    at(39, "kim is back", {"email": "kim@example.com", "city": "Oslo"}),
)
"""What directives rule over: two people apart and together again, a number that is shared, an event that is retracted
before it comes, and somebody who is erased and comes back."""


def events_of(said: Iterable[Event | bytes]) -> list[Event]:
    """What can be read of it."""
    return [one for one in said if isinstance(one, dict)]


async def write(log: EventLog, lane: Lane, said: Sequence[Event | bytes]) -> None:
    """Write to a lane. What people share comes to several partitions."""
    await log.append(lane, [record_of(b"%d" % (place % 5), one) for place, one in enumerate(said)])


def record_of(key: bytes, said: Event | bytes) -> NewRecord:
    """A record as a program writes it."""
    return NewRecord(key, said if isinstance(said, bytes) else json.dumps(said).encode())
