"""A large import taken back on MongoDB while live events flow: it ends, nobody waits for it, nothing is left of it.

`make rollback ROWS=200000` does it in full size and prints what it measured.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from contactfold.adapters.mongo_directory import MongoDirectory
from contactfold.adapters.sqlite_log import SqliteLog
from contactfold.domain.stamp import format_event_id, format_time, make_event_id
from contactfold.ports import Directory, EventLog, Lane, NewRecord
from e2e.loads import SECOND, START, Event
from e2e.processes import Service, export, run_command, serving
from integration.processor.rig import expected_export, waiting

SIZE = "CONTACTFOLD_TEST_ROLLBACK"
ROWS = int(os.environ.get(SIZE) or 4_000)
EACH = 0.05
"""Seconds between two live events."""


def make_row(number: int) -> Event:
    """A row about somebody; every tenth names the person of the row before, too."""
    values: dict[str, Any] = {"email": f"p{number}@example.com", "first_name": f"name {number % 97}"}
    values |= {"phone_number": f"+1415{number % 10_000_000:07}"} if number % 3 == 0 else {}
    values |= {"email": [f"p{number}@example.com", f"p{number - 1}@example.com"]} if number % 10 == 9 else {}
    return {
        "id": f"big/{number}",
        "source": "file",
        "occurred_at": format_time(START + number),
        "values": values,
        "import": {"id": "big", "row": number},
    }


def make_live(number: int) -> Event:
    """A live event about somebody whom a row names; now and then about two of them."""
    person = number * 7_919 % ROWS
    emails = [f"p{person}@example.com", *([f"p{person // 2}@example.com"] if number % 20 == 0 else [])]
    values = {"email": emails, "labels": [f"l{number % 5}"]}
    return {
        "id": f"l-{number}",
        "source": "shop",
        "occurred_at": format_time(START + 99 * SECOND + number),
        "values": values,
    }


class Traffic:
    """Live events, one after the other, and how long each took until it was applied."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.sent: list[Event] = []
        self.took: list[float] = []

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Send while the block runs."""
        self.took = []
        over = asyncio.Event()
        async with httpx.AsyncClient(base_url=self._address, timeout=70) as client, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send_all(client, tasks, over))
            try:
                yield
            finally:
                over.set()

    async def _send_all(self, client: httpx.AsyncClient, tasks: asyncio.TaskGroup, over: asyncio.Event) -> None:
        while not over.is_set():
            self.sent.append(event := make_live(len(self.sent)))
            tasks.create_task(self._send(client, event))
            await asyncio.sleep(EACH)

    async def _send(self, client: httpx.AsyncClient, event: Event) -> None:
        begun = time.monotonic()
        event_id = format_event_id(make_event_id(event["source"], event["id"]))
        await _insist(lambda: client.post("/v1/events", json=event), 202)
        await _insist(lambda: client.get(f"/v1/events/{event_id}?wait=60"), 200)
        self.took.append(time.monotonic() - begun)

    def tell(self, when: str) -> str:
        """The middle and the 99th of a hundred of the times an event took, in milliseconds."""
        ordered = sorted(self.took)
        return f"{when}: {_at(ordered, 0.5):.0f} ms, p99 {_at(ordered, 0.99):.0f} ms of {len(ordered)} live events"


async def _insist(ask: Callable[[], Awaitable[httpx.Response]], wanted: int) -> None:
    """Ask again where a server is away for a moment, as any sender does."""
    async with asyncio.timeout(60):
        while (answer := await ask()).status_code == 503:
            await asyncio.sleep(0.1)
    assert answer.status_code == wanted, f"{answer.status_code}: {answer.text}"


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


def peak(pid: int) -> int:
    """The most memory a process has had, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


async def is_done(log: EventLog, directory: Directory) -> bool:
    return not await waiting(log, directory) and not await directory.settlings()


async def until_done(log: EventLog, directory: Directory, within: float) -> float:
    """Wait until nothing waits and nothing settles; the seconds it took."""
    begun = time.monotonic()
    async with asyncio.timeout(within):
        while not await is_done(log, directory):
            await asyncio.sleep(0.05)
    return time.monotonic() - begun


async def roll_back(service: Service, log: EventLog, directory: Directory) -> tuple[list[Event], list[str]]:
    """Import, then retract the import under live events; returns those, and what there is to tell."""
    within = 60 + ROWS / 100
    for begin in range(0, ROWS, 1_000):
        rows = [make_row(number) for number in range(begin, min(begin + 1_000, ROWS))]
        await log.append(Lane.BULK, [NewRecord(str(row["id"]).encode(), json.dumps(row).encode()) for row in rows])
    seconds = await until_done(log, directory, within)
    told = [f"{ROWS:,} rows imported at {ROWS / seconds:,.0f} a second, memory {peak(service.pid)} MB"]
    traffic = Traffic(service.address)
    async with traffic.flowing():
        await asyncio.sleep(2)
    told.append(traffic.tell("before"))
    async with traffic.flowing():
        async with httpx.AsyncClient(base_url=service.address, timeout=60) as client:
            posted = await client.post("/v1/retract", json={"import": "big"})
        assert posted.status_code == 202, posted.text
        event_id = posted.json()["results"][0]["event_id"]
        async with httpx.AsyncClient(base_url=service.address, timeout=70) as client:
            assert (await client.get(f"/v1/events/{event_id}?wait=60")).status_code == 200
        begun = time.monotonic()
        async with asyncio.timeout(within):
            while await directory.settlings():
                await asyncio.sleep(0.05)
        seconds = time.monotonic() - begun
    told += [
        f"retracted at {ROWS / seconds:,.0f} rows a second, memory {peak(service.pid)} MB",
        traffic.tell("meanwhile"),
    ]
    await until_done(log, directory, 60)
    return traffic.sent, told


@pytest.mark.timeout(180 + ROWS // 40)
def test_a_large_import_is_taken_back_while_live_events_flow(
    mongo_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"data_dir": tmp_path, "directory": mongo_url}

    async def play(service: Service) -> tuple[list[Event], list[str], bytes]:
        log, directory = SqliteLog(tmp_path / "log.db"), MongoDirectory(mongo_url)
        try:
            await log.open()
            await directory.open()
            live, told = await roll_back(service, log, directory)
        finally:
            await log.close()
            await directory.close()
        return live, told, await expected_export(live)

    with serving("up", **settings) as service:
        live, told, expected = asyncio.run(play(service))
        with capsys.disabled():
            print("", *told, sep="\n")  # noqa: T201  (measured for whoever runs it in full size)
        assert len(live) > 40
        assert export(**settings) == expected
        if ROWS <= 10_000:
            verified = run_command("verify", "--all", **settings)
            assert verified.returncode == 0, verified.stdout.decode() + verified.stderr.decode()
        assert "Traceback" not in service.errors()
        assert "settling_failed" not in service.errors()
