"""`contactfold up` killed again and again under load: what it has acknowledged is never lost and never doubled."""

import asyncio
import os
import random
from pathlib import Path

import apsw
import httpx
import pytest

from e2e.loads import Event, Load, make_events
from e2e.posting import LAST, ask_outcomes, post_last
from e2e.processes import Service, export, until
from integration.processor.rig import expected_export

KILLS = 20
pytestmark = pytest.mark.timeout(600)
POSTERS = 4
SEED = int(os.environ.get("CONTACTFOLD_TEST_SEED", "20261122"))


class Posters:
    """Clients that post events of their own and remember which ones were acknowledged."""

    def __init__(self, events: list[Event]) -> None:
        self._waiting = list(reversed(events))
        self.acknowledged: list[Event] = []
        self.unsure: list[Event] = []
        """Posted, and never answered: they may be there or not."""

    async def post(self, address: str, *, until_gone: asyncio.Event) -> None:
        async with httpx.AsyncClient(base_url=address, timeout=10) as client:
            await asyncio.gather(*(self._post(client, until_gone) for _ in range(POSTERS)))

    async def _post(self, client: httpx.AsyncClient, gone: asyncio.Event) -> None:
        while self._waiting and not gone.is_set():
            part = [self._waiting.pop() for _ in range(min(5, len(self._waiting)))]
            try:
                answer = await client.post("/v1/events", json=part)
            except httpx.HTTPError:
                self.unsure += part
                return
            assert answer.status_code in (202, 503), f"{answer.status_code}: {answer.text[:300]}"
            (self.acknowledged if answer.status_code == 202 else self.unsure).extend(part)


async def _kill_under_load(service: Service, posters: Posters, after: float) -> None:
    gone = asyncio.Event()
    posting = asyncio.create_task(posters.post(service.address, until_gone=gone))
    await asyncio.sleep(after)  # the moment of the kill is what is random here; nothing is waited for
    service.kill()
    gone.set()
    await posting


async def test_up_killed_twenty_times_under_load_has_every_acknowledged_event_once(tmp_path: Path) -> None:
    print(f"seed {SEED} (CONTACTFOLD_TEST_SEED)")  # noqa: T201 -- pytest shows it where the test fails
    chance = random.Random(SEED)
    events = make_events(SEED, Load(count=20_000, people=1_000))
    posters, service, starts = Posters(events), Service("up", data_dir=tmp_path / "data"), []
    try:
        for _ in range(KILLS):
            await asyncio.to_thread(service.start)
            starts.append(service.started_in)
            await _kill_under_load(service, posters, chance.uniform(0.0, 0.8))
        await asyncio.to_thread(service.start)
        acknowledged = posters.acknowledged
        assert len(acknowledged) > 100, f"too little was acknowledged: {len(acknowledged)}"
        await post_last(service.address, LAST)
        outcomes = await ask_outcomes(service.address, acknowledged + posters.unsure)
        lost = [event["id"] for event in acknowledged if outcomes[event["id"]] is None]
        assert not lost, f"seed {SEED}: {len(lost)} acknowledged events were lost, such as {lost[:5]}"
        code, _ = await asyncio.to_thread(service.terminate)
        assert code == 0
    finally:
        service.remove()
    print(f"{len(acknowledged)} acknowledged, {len(posters.unsure)} unsure")  # noqa: T201 -- as above
    print(f"starts took {min(starts):.1f} to {max(starts):.1f} s")  # noqa: T201 -- as above
    arrived = [event for event in acknowledged + posters.unsure if outcomes[event["id"]] is not None]
    shown = await asyncio.to_thread(lambda: export(data_dir=tmp_path / "data"))
    others = [line for line in shown.splitlines(keepends=True) if b'"web:the end"' not in line]
    assert b"".join(others) == await expected_export(arrived), f"seed {SEED}: contacts do not fit their evidence"
    for name in ("log.db", "directory.db"):
        connection = apsw.Connection(str(tmp_path / "data" / name))
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()


async def test_up_ends_within_seconds_when_told_to_and_leaves_nothing_half(tmp_path: Path) -> None:
    """SIGTERM under load: what was acknowledged is in the log, and the next start applies the rest."""
    events = make_events(SEED + 1, Load(count=4_000, people=300))
    posters, service = Posters(events), Service("up", data_dir=tmp_path / "data")
    try:
        await asyncio.to_thread(service.start)
        gone = asyncio.Event()
        posting = asyncio.create_task(posters.post(service.address, until_gone=gone))
        while len(posters.acknowledged) < 500:
            await asyncio.wait([posting], timeout=0.02)
        code, took = await asyncio.to_thread(service.terminate)
        gone.set()
        await posting
        assert code == 0, service.last_words()
        assert took < 30, f"it took {took:.1f} s"
        assert "Traceback" not in service.errors()

        await asyncio.to_thread(service.start)

        async def all_applied() -> bool:
            outcomes = await ask_outcomes(service.address, posters.acknowledged[-20:])
            return None not in outcomes.values()

        while not await all_applied():
            assert service.is_running
        outcomes = await ask_outcomes(service.address, posters.acknowledged)
        assert None not in outcomes.values()
        code, _ = await asyncio.to_thread(service.terminate)
        assert code == 0
    finally:
        service.remove()


def test_a_second_up_on_the_same_data_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    first, second = Service("up", data_dir=tmp_path / "data"), Service("up", data_dir=tmp_path / "data")
    try:
        first.start()
        second.launch()
        until(lambda: not second.is_running, "the second ends")
        assert second.code == 2
        assert "Another `contactfold up` is running" in second.errors()
        answer = httpx.post(f"{first.address}/v1/events", json={"values": {"email": "ann@example.com"}}, timeout=60)
        assert answer.status_code == 202
    finally:
        second.remove()
        first.remove()
