"""Of what changed between two footprints it is told whose doing it is: live events, a replay, or nobody known."""

from contactfold.canonical import export_lines
from contactfold.config import Limits
from contactfold.ports import Changes, Directory, EventLog, Partition
from contactfold_cli.attributing import Attribution, Changed
from contactfold_cli.footprints import Footprint, list_changed
from contactfold_processor.replaying import Replay
from e2e.loads import Event, Load, make_events
from integration.processor.rig import SCHEMA, Site, all_contacts, append, at_rest, clock, export_of, processing
from integration.processor.test_replaying import applied, remove_evidence

EVENTS = make_events(71, Load(count=900, people=60))


async def taken(directory: Directory) -> Footprint:
    footprint = Footprint()
    async for line in export_lines(directory, SCHEMA):
        footprint.add(line)
    return footprint


async def positions_of(log: EventLog, directory: Directory) -> dict[Partition, int]:
    return {name: window.next for name, window in (await directory.positions(sorted(await log.ends()))).items()}


async def apply_live(log: EventLog, directory: Directory, events: list[Event]) -> None:
    await append(log, events)
    async with processing(log, directory):
        await at_rest(log, directory)


async def test_what_live_events_changed_is_theirs_also_by_merges_rebuilds_and_for_organizations(site: Site) -> None:
    log, directory = await applied(site, EVENTS[:600])
    found, before = await positions_of(log, directory), await taken(directory)
    await apply_live(log, directory, EVENTS[600:])
    after = await taken(directory)
    changed = list(list_changed(before, after))
    assert len(changed) > 20
    told = await Attribution(directory, found, set()).attribute(changed)
    assert told == Changed(live=len(changed))


async def test_a_change_that_no_event_made_is_nobodys_and_named(site: Site) -> None:
    log, directory = await applied(site, EVENTS[:600])
    found, before = await positions_of(log, directory), await taken(directory)
    contact = next(one for one in await all_contacts(directory) if "city" in one.single and one.component is None)
    stamp, _, source = contact.single["city"]
    contact.single["city"] = (stamp, "Atlantis", source)
    await directory.commit(Changes(contacts=[contact]))
    late = {"id": "live", "source": "load", "values": {"email": "nobody@else.example"}}
    await apply_live(log, directory, [late])
    changed = list_changed(before, await taken(directory))
    told = await Attribution(directory, found, set()).attribute(changed)
    assert (told.live, told.replay, told.unknown) == (1, 0, 1)
    (example,) = told.examples
    assert example.encode() in next(line for line in (await export_of(directory)).splitlines() if b"Atlantis" in line)


async def test_what_a_replay_restored_is_the_replays(site: Site) -> None:
    event: Event = {"id": "lost", "source": "load", "values": {"email": "lost@x.example", "first_name": "Lou"}}
    log, directory = await applied(site, [*EVENTS[:200], event])
    whole = await export_of(directory)
    (contact,) = [one for one in await all_contacts(directory) if "email:lost@x.example" in one.owned]
    claims = (await directory.claims(["email:lost@x.example"])).values()
    await directory.commit(Changes(gone_contacts=[contact], gone_claims=list(claims)))
    await remove_evidence(directory, [event])
    found, before = await positions_of(log, directory), await taken(directory)
    replay = Replay(log, directory, found, schema=SCHEMA, limits=Limits(), clock=clock)
    report = await replay.run(await replay.plan(None), lambda more: None)
    assert report.restored == 1
    changed = list_changed(before, await taken(directory))
    assert await Attribution(directory, found, report.events).attribute(changed) == Changed(replay=1)
    assert await export_of(directory) == whole


async def test_what_a_neighbours_late_event_changed_is_the_live_processors(site: Site) -> None:
    """A late event takes an identifier from a contact that it does not belong to: both are folded anew."""
    first, second, late = (
        {
            "id": str(day),
            "source": "load",
            "occurred_at": f"2025-01-0{day}T00:00:00Z",
            "values": {"external_customer_id": key, "email": "both@x.example"},
        }
        for day, key in ((2, "c-1"), (3, "c-2"), (1, "c-2"))
    )
    log, directory = await applied(site, [first, second])
    found, before = await positions_of(log, directory), await taken(directory)
    await apply_live(log, directory, [late])
    changed = list(list_changed(before, await taken(directory)))
    assert len(changed) == 3, "the robbed contact, and the other under its old and its new id"
    assert await Attribution(directory, found, set()).attribute(changed) == Changed(live=3)
