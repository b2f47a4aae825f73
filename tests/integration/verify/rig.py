"""What the tests of verification share: a directory with one of everything, and what a verification says of it."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from contactfold.config import Limits
from contactfold.domain.stamp import EventId, format_event_id, make_event_id
from contactfold.ports import Directory, EventLog
from contactfold_processor.verifying.findings import Mismatch, Report
from contactfold_processor.verifying.verification import Verification
from e2e.loads import Event
from integration.processor.rig import SCHEMA, append, at_rest, processing

SOURCE = "shop"


@dataclass
class Pair:
    """A log and the directory it made. `remove_evidence` takes a piece out of the store behind the port's back."""

    log: EventLog
    directory: Directory
    remove_evidence: Callable[[EventId], Awaitable[None]]


def said(number: int, values: dict[str, Any], **more: Any) -> Event:
    """An event that happened in the order of its number."""
    at = f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z"
    return {"id": f"e{number}", "source": SOURCE, "occurred_at": at, "received_at": at, "values": values, **more}


def id_of(number: int) -> EventId:
    return make_event_id(SOURCE, f"e{number}")


MAIN_STREET = {"account_id": "A-1", "name": "Office Mart", "city": "Oslo"}

EVENTS: list[Event] = [
    # Ann, whom three events tell of; the third joins the first two, so a handle is absorbed.
    said(1, {"email": "ann@example.com", "first_name": "Ann", "labels": ["a", "b"]}),
    said(2, {"phone_number": "+14155550101", "city": "Oslo"}),
    said(3, {"email": "ann@example.com", "phone_number": "+14155550101", "last_name": "Lee"}),
    # Two customers who share a telephone: one component.
    said(4, {"external_customer_id": "c-1", "phone_number": "+14155550199", "first_name": "Bob"}),
    said(5, {"external_customer_id": "c-2", "phone_number": "+14155550199", "first_name": "Eve"}),
    # An organisation, told of twice.
    said(6, {"email": "dan@example.com"}, organization=MAIN_STREET),
    said(7, {"email": "dan@example.com"}, organization={"account_id": "A-1", "city": "Bergen"}),
    # Refused: evidence that belongs to nobody.
    said(8, {"email": "no address"}),
    # Two addresses that a directive keeps apart, a telephone of two that it shares, and an event that it takes back.
    said(9, {"email": "kim@example.com", "first_name": "Kim"}),
    said(10, {"email": ["kim@example.com", "kay@example.com"], "city": "Lima"}),
    said(11, {"phone_number": "+14155550777", "first_name": "Front", "email": "front@example.com"}),
    said(12, {"phone_number": "+14155550777", "first_name": "Desk", "email": "desk@example.com"}),
    said(13, {"email": "front@example.com", "city": "Wrong"}, organization={"account_id": "A-1", "name": "Wrong"}),
]


def _directive(number: int, kind: str, **more: Any) -> Event:
    event = said(number, {}, type=kind, **more)
    del event["values"]
    return event


DIRECTIVES: list[Event] = [
    _directive(20, "contact.separate", identifiers=["email:kim@example.com", "email:kay@example.com"]),
    _directive(21, "identifier.share", identifiers=["phone_number:+14155550777"]),
    _directive(22, "event.retract", events=[format_event_id(id_of(13))]),
]

LETTERS = [b"not json", b'["no", "event"]']


async def verify(pair: Pair, **options: Any) -> Report:
    """What a verification says; every contact is rebuilt unless told otherwise."""
    return await Verification(pair.log, pair.directory, schema=SCHEMA, limits=Limits(), **options).run()


async def make_everything(pair: Pair) -> None:
    """Have one of everything applied."""
    await apply(pair, EVENTS[:2])  # by themselves, so that a contact that is stored is absorbed
    await append(pair.log, [*EVENTS[2:], *EVENTS[:2], *LETTERS])
    await apply(pair, DIRECTIVES)


async def apply(pair: Pair, events: list[Event]) -> None:
    """Write events to the log and have them applied."""
    await append(pair.log, [event for event in events if "values" in event])
    # The processor's rig keys a record by what it says of a person.
    await append(pair.log, [json.dumps(event).encode() for event in events if "values" not in event])
    async with processing(pair.log, pair.directory):
        await at_rest(pair.log, pair.directory)


def told(report: Report) -> str:
    """All that a report names, for a failure's message."""
    return "\n".join(map(tell, report.findings.first)) or "nothing"


def tell(mismatch: Mismatch) -> str:
    where = f"{mismatch.kind} {mismatch.where}, {mismatch.field}"
    return f"{where}: stored {mismatch.stored}, expected {mismatch.expected}"
