"""A replay over directives: they are evidence like any other, and what they rule over stays as it is."""

import json

import pytest

from contactfold.domain.stamp import format_event_id, make_event_id
from contactfold.ports import Directory, EventLog, Lane, NewRecord
from e2e.loads import Event, Load, make_events
from integration.processor.rig import Site, append, at_rest, export_of, processing, until
from integration.processor.test_replaying import applied, remove_evidence, replay

EVENTS = make_events(91, Load(count=300, people=12, links=0.1))
SEPARATE: Event = {
    "id": "apart",
    "source": "load",
    "type": "contact.separate",
    "identifiers": ["email:p1@example.com", "telegram:@p1"],
}
RETRACT: Event = {
    "id": "undo",
    "source": "load",
    "type": "event.retract",
    "events": [format_event_id(make_event_id("load", event["id"])) for event in (*EVENTS[20:30], {"id": "to come"})],
}
SHARE: Event = {
    "id": "share",
    "source": "load",
    "type": "identifier.share",
    "identifiers": ["phone_number:+14155550002"],
}
ERASE: Event = {"id": "forget", "source": "load", "type": "contact.erase", "identifier": "email:p3@example.com"}
DIRECTIVES = [SEPARATE, RETRACT, SHARE, ERASE]


async def settled(site: Site, directives: list[Event]) -> tuple[EventLog, Directory]:
    """A log and a directory that has applied events with these directives among them, and nothing settles."""
    log, directory = await applied(site, EVENTS[:200])
    await log.append(Lane.LIVE, [NewRecord(b"directive", json.dumps(event).encode()) for event in directives])
    await append(log, EVENTS[200:])
    async with processing(log, directory):
        await at_rest(log, directory)

        async def nothing_settles() -> bool:
            return not await directory.settlings()

        await until(nothing_settles, "nothing settles")
    return log, directory


async def test_directives_are_found_in_evidence_and_nothing_changes(site: Site) -> None:
    log, directory = await settled(site, DIRECTIVES)
    before = await export_of(directory)
    report = await replay(log, directory)
    assert (report.records, report.missing, report.dead) == (304, 0, 0)
    assert await export_of(directory) == before


@pytest.mark.parametrize("directive", [SEPARATE, RETRACT, SHARE], ids=lambda event: event["type"])
async def test_a_directive_whose_evidence_somebody_removed_is_recorded_again(site: Site, directive: Event) -> None:
    log, directory = await settled(site, DIRECTIVES[:3])
    before = await export_of(directory)
    await remove_evidence(directory, [directive])
    report = await replay(log, directory)
    assert (report.missing, report.restored, report.failed) == (1, 1, 0), report.named
    assert await export_of(directory) == before
    assert (await replay(log, directory)).missing == 0


async def test_a_retracted_event_whose_evidence_somebody_removed_stays_retracted(site: Site) -> None:
    log, directory = await settled(site, DIRECTIVES[:3])
    before = await export_of(directory)
    await remove_evidence(directory, EVENTS[22:24])
    report = await replay(log, directory)
    assert (report.missing, report.restored) == (2, 2), report.named
    assert await export_of(directory) == before
