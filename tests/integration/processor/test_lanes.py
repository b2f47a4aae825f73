"""Two lanes: live events come before imports, and imports go on beside live events that never pause."""

from contactfold.ports import Changes, Lane
from e2e.loads import Load, make_events
from integration.processor.rig import Meddling, Site, append, at_rest, check_applied_once, processing, until

BACKLOG = make_events(31, Load(count=4000, people=400, plain=True))
LIVE = [{**event, "id": f"live-{event['id']}"} for event in make_events(32, Load(count=2000, people=200, plain=True))]


def lanes_of(meddling: Meddling) -> list[str]:
    """For each batch the lane it was of."""
    return ["live" if ".events/" in changes.positions[0].partition else "bulk" for changes in meddling.commits]


async def test_live_records_are_applied_before_a_bulk_backlog_that_waits(embedded: Site) -> None:
    log, directory = await embedded.log(), await embedded.directory()
    await append(log, BACKLOG, lane=Lane.BULK)
    await append(log, LIVE)
    meddling = Meddling(directory)
    async with processing(log, meddling.port):
        await at_rest(log, directory)
    lanes = lanes_of(meddling)
    assert "bulk" not in lanes[: lanes.count("live")], lanes
    await check_applied_once(directory, BACKLOG + LIVE)


async def test_a_live_record_overtakes_a_bulk_backlog_that_is_being_applied(site: Site) -> None:
    log, directory = await site.log(), await site.directory()
    await append(log, BACKLOG, lane=Lane.BULK)
    meddling = Meddling(directory)

    async def send_one(_: Changes) -> None:
        if len(meddling.commits) == 1:
            await append(log, LIVE[:1])

    meddling.after = send_one
    async with processing(log, meddling.port):
        await at_rest(log, directory)
    lanes = lanes_of(meddling)
    assert lanes[0] == "bulk"
    overtaken = len(lanes) - lanes.index("live") - 1
    assert overtaken > 0, f"the live record was applied last: {lanes}"
    if site.kind == "embedded":
        assert lanes.index("live") <= 2, lanes
    await check_applied_once(directory, [*BACKLOG, *LIVE[:1]])


async def test_a_backlog_goes_on_beside_live_records_that_never_pause(embedded: Site) -> None:
    log, directory = await embedded.log(), await embedded.directory()
    backlog = BACKLOG[:1500]
    await append(log, backlog, lane=Lane.BULK)
    await append(log, LIVE[:20])
    meddling, sent = Meddling(directory), 20

    async def send_more(_: Changes) -> None:
        nonlocal sent
        if sent < len(LIVE):
            await append(log, LIVE[sent : sent + 20])
            sent += 20

    meddling.after = send_more
    async with processing(log, meddling.port):
        await until(lambda: sent == len(LIVE), "every live record is sent")
        await at_rest(log, directory)
    lanes = lanes_of(meddling)
    last_bulk = len(lanes) - lanes[::-1].index("bulk")
    assert last_bulk < len(lanes), "the backlog ended while live records still came"
    assert last_bulk <= 8 * (lanes.count("bulk") + 1), lanes
    await check_applied_once(directory, backlog + LIVE)
