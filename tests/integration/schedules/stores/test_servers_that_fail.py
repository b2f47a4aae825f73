"""Servers that break off, fall silent or are not there: a sentence within a bounded time, and never half a file."""

import asyncio
import gc
import logging
import resource
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from contactfold.locations import Location
from contactfold_ingest.schedules.stores import RemoteFile, Store, StoreAway, Timeouts
from integration.schedules.stores.sites import QUICK, Opened, S3Site, SftpSite
from servers.https import HttpsServer
from servers.processes import free_ports
from servers.relay import Relay

LARGE = bytes(range(256)) * 16_000  # 4 MB, more than the buffers on the way hold
LIMIT = 1 << 30
SHORT = Timeouts(connect=20.0, answer=1.0)
"""For servers that never answer: nothing has to happen within these times."""


class Remote:
    """A large file behind a relay. `location` leads through it."""

    def __init__(self, port: int, location: Any) -> None:
        self.port, self._location = port, location

    def location(self, port: int) -> Location:
        found: Location = self._location(port)
        return found


@pytest.fixture(params=["sftp", "s3", "https"])
def remote(request: pytest.FixtureRequest) -> Remote:
    if request.param == "https":
        server: HttpsServer = request.getfixturevalue("https_server")
        server.put("/people.csv", LARGE)
        return Remote(
            server.port,
            lambda port: Location(url=f"https://localhost:{port}/people.csv", ca_file=str(server.ca_file)),
        )
    site: SftpSite | S3Site = request.getfixturevalue(f"{request.param}_site")
    site.put("people.csv", LARGE)
    server_port: int = request.getfixturevalue(f"{request.param}_server").port
    return Remote(server_port, lambda port: site.location(port=port))


@pytest.fixture
def relay(remote: Remote) -> Iterator[Relay]:
    with Relay(remote.port) as relay:
        yield relay


@pytest.fixture(autouse=True)
def nothing_is_left_behind(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What a library begins for an answer that never comes must not end as an error in the log."""
    yield
    gc.collect()
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING] == []


async def find(store: Store) -> RemoteFile:
    (found,) = await store.list("*")
    return found


async def test_a_server_that_is_gone_in_the_middle_of_a_fetch_is_away_and_the_next_try_is_whole(
    remote: Remote, relay: Relay, open_site: Opened, tmp_path: Path
) -> None:
    store = open_site(remote.location(relay.port))
    file = await find(store)
    relay.break_after(1_000_000)
    with pytest.raises(StoreAway, match=r"broke the connection off\.$"):
        await store.fetch(file, tmp_path / "copy", LIMIT)
    assert not (tmp_path / "copy").exists()
    relay.pass_all()
    assert await store.fetch(file, tmp_path / "copy", LIMIT) == sha256(LARGE).hexdigest()


async def test_a_server_that_falls_silent_in_the_middle_of_a_fetch_is_away(
    remote: Remote, relay: Relay, open_site: Opened, tmp_path: Path
) -> None:
    store = open_site(remote.location(relay.port), SHORT)
    file = await find(open_site(remote.location(relay.port)))
    await store.list("*")
    relay.stall_after(1_000_000)
    with pytest.raises(StoreAway, match=r"did not answer in time\.$"):
        await asyncio.wait_for(store.fetch(file, tmp_path / "copy", LIMIT), 60)
    assert not (tmp_path / "copy").exists()
    await asyncio.wait_for(store.close(), 30)


async def test_a_server_that_never_says_a_word_is_away(remote: Remote, relay: Relay, open_site: Opened) -> None:
    relay.stall_after(0)
    store = open_site(remote.location(relay.port), Timeouts(connect=1.0, answer=1.0))
    with pytest.raises(StoreAway, match=r"did not answer in time\.$"):
        await asyncio.wait_for(store.list("*"), 60)
    await asyncio.wait_for(store.close(), 30)


async def test_a_file_that_takes_too_long_as_a_whole_is_given_up(
    remote: Remote, relay: Relay, open_site: Opened, tmp_path: Path
) -> None:
    file = await find(open_site(remote.location(relay.port)))
    store = open_site(remote.location(relay.port), Timeouts(connect=20.0, answer=20.0, fetch=1.0))
    relay.stall_after(1_000_000)
    with pytest.raises(StoreAway, match=r"did not answer in time\.$"):
        await asyncio.wait_for(store.fetch(file, tmp_path / "copy", LIMIT), 60)


async def test_a_server_that_is_not_there_is_away(remote: Remote, open_site: Opened) -> None:
    (port,) = free_ports(1)
    with pytest.raises(StoreAway) as told:
        await open_site(remote.location(port), QUICK).list("*")
    assert str(told.value).endswith("."), told.value


async def test_a_fetch_that_is_cancelled_leaves_nothing_and_the_store_goes_on(
    remote: Remote, relay: Relay, open_site: Opened, tmp_path: Path
) -> None:
    store = open_site(remote.location(relay.port))
    file = await find(store)
    relay.stall_after(1_000_000)
    fetching = asyncio.create_task(store.fetch(file, tmp_path / "copy", LIMIT))
    while not (tmp_path / "copy").exists() or (tmp_path / "copy").stat().st_size == 0:
        assert not fetching.done()
        await asyncio.sleep(0.01)
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    assert not (tmp_path / "copy").exists()
    relay.pass_all()
    assert await store.fetch(file, tmp_path / "copy", LIMIT) == sha256(LARGE).hexdigest()


async def test_a_disk_that_takes_no_more_is_no_fault_of_the_server(
    remote: Remote, open_site: Opened, tmp_path: Path
) -> None:
    store = open_site(remote.location(remote.port))
    file = await find(store)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
    try:
        with pytest.raises(StoreAway, match=r"^The file cannot be kept on this machine: file too large\.$"):
            await store.fetch(file, tmp_path / "copy", LIMIT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not (tmp_path / "copy").exists()
    with pytest.raises(StoreAway, match=r"^The file cannot be kept on this machine: no such file or directory\.$"):
        await store.fetch(file, tmp_path / "absent" / "copy", LIMIT)
