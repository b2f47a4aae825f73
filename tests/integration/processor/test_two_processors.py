"""Two processors on one log and one directory, with people whose identifiers meet on several partitions."""

import asyncio

from contactfold import telemetry
from e2e.loads import Load, make_events, with_repeats
from integration.processor.rig import Site, append, at_rest, check_applied_once, export_of, processing, until

LOAD = Load(count=3000, people=25)
SEED = 41


def conflicts_met() -> float:
    return float(telemetry.BATCH_CONFLICTS._value.get())


async def test_two_processors_that_meet_keep_every_event_once_and_the_embedded_result(
    servers: Site, embedded: Site
) -> None:
    """The same people come under different first identifiers, so that both processors want the same documents."""
    events = make_events(SEED, LOAD)
    first_log, second_log = await servers.log(), await servers.log()
    first, second = await servers.directory(), await servers.directory()
    before = conflicts_met()
    async with processing(first_log, first) as one, processing(second_log, second) as two:
        sent, begun = with_repeats(events, SEED), 0
        # On a busy machine it takes its time until they share the partitions: until then one of them has all.
        while not (one._applier.windows and two._applier.windows) and begun < len(sent) // 2:
            await append(first_log, sent[begun : begun + 15])
            begun += 15
            await asyncio.sleep(0.2)
        for begin in range(begun, len(sent), 150):
            await append(first_log, sent[begin : begin + 150])
        await at_rest(first_log, first, within=90)
        assert one.stopped_because is None
        assert two.stopped_because is None
    assert conflicts_met() > before, "the two never met: this test has shown nothing"
    await check_applied_once(first, events)

    log, alone = await embedded.log(), await embedded.directory()
    await append(log, events)
    async with processing(log, alone):
        await at_rest(log, alone)
    assert await export_of(first) == await export_of(alone), f"seed {SEED}"


async def test_workers_that_come_and_go_lose_nothing_and_double_nothing(servers: Site) -> None:
    """Every arrival and every leave makes the group agree anew, with batches under way."""
    events = make_events(SEED + 1, Load(count=4000, people=500))
    logs = [await servers.log() for _ in range(3)]
    directories = [await servers.directory() for _ in range(3)]
    async with processing(logs[0], directories[0]):
        await append(logs[0], events[:1300])
        for turn in (1, 2, 1):
            async with processing(logs[turn], directories[turn]):
                await append(logs[0], events[700 * turn : 700 * turn + 1700])
                half = len(await directories[0].list_contacts(after=None, limit=10_000)) + 1

                async def has_gone_on(least: int = half) -> bool:
                    return len(await directories[0].list_contacts(after=None, limit=10_000)) >= min(least, 250)

                await until(has_gone_on, "records are applied meanwhile")
        await append(logs[0], events[2700:])
        await at_rest(logs[0], directories[0], within=90)
    await check_applied_once(directories[0], events)
