"""A key ring by itself: what it loads, when, and what it refuses."""

import asyncio

import pytest
from starlette.types import Scope

from contactfold.domain.errors import Misconfigured
from contactfold.ports import ApiKey
from contactfold.web.access import OPEN, Grant, KeyRing, digest_key
from contactfold.web.loopback import is_loopback_address
from contactfold.web.problems import Problem
from fakes.memory_directory import MemoryDirectory

ADMIN = "a" * 32


class Directory(MemoryDirectory):
    """A directory that counts how often its keys are loaded, and may take its time over it."""

    def __init__(self) -> None:
        super().__init__()
        self.loads = 0
        self.free = asyncio.Event()
        self.free.set()

    async def keys(self) -> list[ApiKey]:
        self.loads += 1
        await self.free.wait()
        return await super().keys()


def request(*headers: tuple[str, str], client: str = "127.0.0.1") -> Scope:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return {"type": "http", "scheme": "http", "headers": [(b"host", b"localhost"), *raw], "client": (client, 1)}


def make_key(secret: str, *scopes: str, revoked_at: int | None = None) -> ApiKey:
    return ApiKey(secret[:4], digest_key(secret), frozenset(scopes), "test", 0, None, revoked_at)


@pytest.mark.parametrize("key", ["", "short", "x" * 31])
def test_an_admin_key_that_could_be_guessed_is_refused(key: str) -> None:
    with pytest.raises(Misconfigured):
        KeyRing(Directory(), key, lambda: 0)


async def test_the_admin_key_has_every_scope_and_closes_the_open_door() -> None:
    ring = KeyRing(Directory(), ADMIN, lambda: 0)
    grant = await ring.authorize(request(("x-api-key", ADMIN)), need=("admin",))
    assert grant == Grant("admin", frozenset({"ingest", "read", "pii", "admin"}))
    with pytest.raises(Problem) as refused:
        await ring.authorize(request())
    assert refused.value.status == 401


async def test_keys_are_loaded_once_a_second_at_most() -> None:
    directory, now = Directory(), [0]
    ring = KeyRing(directory, None, lambda: now[0])
    for _ in range(100):
        now[0] += 20_000
        assert await ring.authorize(request()) == OPEN
    await asyncio.sleep(0)
    assert directory.loads <= 3


async def test_many_requests_share_one_load() -> None:
    directory = Directory()
    ring = KeyRing(directory, None, lambda: 0)
    await asyncio.gather(*(ring.authorize(request()) for _ in range(50)))
    assert directory.loads == 1


async def test_a_directory_that_hangs_does_not_hold_up_requests_with_known_keys() -> None:
    directory, now = Directory(), [0]
    await directory.add_key(make_key("k" * 40, "ingest"))
    ring = KeyRing(directory, None, lambda: now[0])
    known = request(("x-api-key", "k" * 40))
    await ring.authorize(known)
    directory.free.clear()
    now[0] += 10_000_000
    async with asyncio.timeout(10):
        for _ in range(100):
            assert (await ring.authorize(known)).key_id == "kkkk"
    directory.free.set()


async def test_a_revoked_key_still_keeps_the_door_closed() -> None:
    directory = Directory()
    await directory.add_key(make_key("k" * 40, "ingest", revoked_at=1))
    ring = KeyRing(directory, None, lambda: 0)
    assert not await ring.is_open()
    for headers in ((), (("x-api-key", "k" * 40),)):
        with pytest.raises(Problem) as refused:
            await ring.authorize(request(*headers))
        assert refused.value.status == 401


async def test_any_of_several_scopes_will_do() -> None:
    directory = Directory()
    await directory.add_key(make_key("k" * 40, "read"))
    ring = KeyRing(directory, None, lambda: 0)
    assert (await ring.authorize(request(("x-api-key", "k" * 40)), need=("ingest", "read"))).scopes == {"read"}


async def test_an_open_door_answers_no_other_machine() -> None:
    ring = KeyRing(Directory(), None, lambda: 0)
    with pytest.raises(Problem) as refused:
        await ring.authorize(request(client="10.1.2.3"))
    assert (refused.value.status, refused.value.code) == (403, "address_not_allowed")


async def test_a_request_with_two_hosts_is_refused() -> None:
    ring = KeyRing(Directory(), None, lambda: 0)
    with pytest.raises(Problem) as refused:
        await ring.authorize(request(("host", "localhost")))
    assert refused.value.code == "host_not_allowed"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.0.1", False),
        ("example.com", False),
        ("", False),
    ],
)
def test_loopback_addresses_are_known(address: str, expected: bool) -> None:
    assert is_loopback_address(address) is expected
