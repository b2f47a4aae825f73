"""Tokens at a key ring: known at once wherever they are shown, and no flood of made-up ones reaches the directory."""

import asyncio
import hmac
from collections.abc import Sequence
from typing import Any

import pytest
from starlette.types import Scope

from contactfold.ports import AccessToken, ApiKey
from contactfold.web import tokens
from contactfold.web.access import Grant, KeyRing, digest_key
from contactfold.web.problems import Problem
from fakes.memory_directory import MemoryDirectory

KEY = "k" * 40
CLIENT = [(b"kkkk", KEY.encode())]
HOUR = 3_600_000_000


class Directory(MemoryDirectory):
    """A directory that counts what it is asked, and may take its time over it."""

    def __init__(self) -> None:
        super().__init__()
        self.loads = 0
        self.questions: list[int] = []
        self.asked_at_once = 0
        self.free = asyncio.Event()
        self.free.set()

    async def keys(self) -> list[ApiKey]:
        self.loads += 1
        return await super().keys()

    async def tokens(self, digests: Sequence[bytes]) -> list[AccessToken]:
        self.questions.append(len(digests))
        self.asked_at_once += 1
        assert self.asked_at_once == 1, "one question at a time"
        await self.free.wait()
        self.asked_at_once -= 1
        return await super().tokens(digests)


class Clock:
    now = 1_000_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def directory() -> Directory:
    directory = Directory()
    await directory.add_key(ApiKey("kkkk", digest_key(KEY), frozenset({"ingest", "read"}), "", 0, "shop"))
    return directory


def request(secret: str) -> Scope:
    headers = [(b"host", b"localhost"), (b"authorization", b"Bearer " + secret.encode())]
    return {"type": "http", "scheme": "http", "headers": headers, "client": ("127.0.0.1", 1)}


def made_up(number: int, key_id: str = "kkkk") -> str:
    return f"cft_{key_id}_{number:064x}"


async def refused(ring: KeyRing, secret: str) -> int:
    with pytest.raises(Problem) as problem:
        await ring.authorize(request(secret))
    return problem.value.status


async def test_a_token_given_out_by_one_process_works_at_once_in_another(directory: Directory, clock: Clock) -> None:
    one, other = KeyRing(directory, None, clock), KeyRing(directory, None, clock)
    await other.authorize(request(KEY))
    token = await one.give_token(CLIENT, frozenset({"ingest"}))
    assert await other.authorize(request(token)) == Grant("kkkk", frozenset({"ingest"}), "shop")


async def test_a_token_of_a_key_that_is_new_everywhere_works_at_once(directory: Directory, clock: Clock) -> None:
    one, other = KeyRing(directory, None, clock), KeyRing(directory, None, clock)
    await other.authorize(request(KEY))
    clock.now += 200_000
    await directory.add_key(ApiKey("new", digest_key("n" * 40), frozenset({"ingest"}), "", 1))
    token = await one.give_token([(b"new", b"n" * 40)], None)
    assert (await other.authorize(request(token))).key_id == "new"


async def test_a_known_token_is_asked_about_once(directory: Directory, clock: Clock) -> None:
    token = await KeyRing(directory, None, clock).give_token(CLIENT, None)
    ring = KeyRing(directory, None, clock)
    for _ in range(100):
        clock.now += 10_000_000
        assert (await ring.authorize(request(token))).key_id == "kkkk"
    assert directory.questions == [1]


async def test_the_process_that_gave_it_out_never_asks(directory: Directory, clock: Clock) -> None:
    ring = KeyRing(directory, None, clock)
    await ring.authorize(request(await ring.give_token(CLIENT, None)))
    assert directory.questions == []


async def test_wrong_keys_and_tokens_of_no_key_ask_the_directory_nothing(directory: Directory, clock: Clock) -> None:
    """But for a look at the keys now and then, however many come."""
    ring = KeyRing(directory, None, clock)
    for number in range(500):
        for secret in (f"wrong {number}", made_up(number, "nobody"), f"cft_kkkk_{number}", "cft__", "cft_"):
            assert await refused(ring, secret) == 401
    assert directory.questions == []
    assert directory.loads == 1
    clock.now += 1_000_000
    for number in range(500):
        await refused(ring, made_up(number, "nobody"))
    assert directory.loads == 2


async def test_a_flood_of_made_up_tokens_is_one_question_at_a_time(
    directory: Directory, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "_PATIENCE", 60.0)
    ring = KeyRing(directory, None, clock)
    await ring.authorize(request(KEY))
    directory.free.clear()
    flood = [asyncio.create_task(refused(ring, made_up(number))) for number in range(2_500)]
    while not directory.questions:
        await asyncio.sleep(0)
    token = await KeyRing(directory, None, clock).give_token(CLIENT, None)
    real = asyncio.create_task(ring.authorize(request(token)))
    await asyncio.sleep(0)
    directory.free.set()
    assert set(await asyncio.gather(*flood)) == {401}
    assert (await real).key_id == "kkkk", "a real token is found among them"
    assert len(directory.questions) <= 5
    assert max(directory.questions) <= 1_000


async def test_what_is_not_there_is_not_asked_again_for_a_while(directory: Directory, clock: Clock) -> None:
    ring = KeyRing(directory, None, clock)
    for _ in range(100):
        assert await refused(ring, made_up(1)) == 401
    assert directory.questions == [1]
    clock.now += 60_000_000
    assert await refused(ring, made_up(1)) == 401
    assert directory.questions == [1, 1]


async def test_what_is_remembered_is_bounded_and_no_flood_drives_real_tokens_out(
    directory: Directory, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "_MOST_KNOWN", 10)
    ring = KeyRing(directory, None, clock)
    token = await ring.give_token(CLIENT, None)
    for number in range(50):
        assert await refused(ring, made_up(number)) == 401
    asked = len(directory.questions)
    await ring.authorize(request(token))
    assert len(directory.questions) == asked
    assert len(ring._tokens._missing) == 10
    for _ in range(50):
        await ring.give_token(CLIENT, None)
    assert len(ring._tokens._known) == 10
    assert (await ring.authorize(request(token))).key_id == "kkkk", "one that was forgotten is asked about again"


async def test_a_directory_that_hangs_leaves_nobody_waiting_for_ever(
    directory: Directory, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "_PATIENCE", 0.05)
    ring = KeyRing(directory, None, clock)
    directory.free.clear()
    assert await refused(ring, made_up(1)) == 503
    assert await refused(ring, made_up(1)) == 503
    assert (await ring.authorize(request(KEY))).key_id == "kkkk"
    directory.free.set()
    await asyncio.sleep(0)
    assert await refused(ring, made_up(1)) == 401


async def test_a_token_of_another_key_with_the_same_id_is_none(directory: Directory, clock: Clock) -> None:
    """The admin key was changed, and kept its id."""
    old, new = KeyRing(directory, "a" * 32, clock), KeyRing(directory, "b" * 32, clock)
    token = await old.give_token([(b"admin", b"a" * 32)], None)
    assert (await old.authorize(request(token))).key_id == "admin"
    assert await refused(new, token) == 401


async def test_a_token_never_does_more_than_its_key_does_now(directory: Directory, clock: Clock) -> None:
    ring = KeyRing(directory, None, clock)
    token = await ring.give_token(CLIENT, None)
    directory.stored.keys["kkkk"].scopes = frozenset({"ingest"})
    clock.now += 2_000_000
    assert (await ring.authorize(request(token))).scopes == {"ingest"}


async def test_tokens_are_compared_in_constant_time(
    directory: Directory, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = KeyRing(directory, None, clock)
    compared: list[tuple[Any, Any]] = []
    compare = hmac.compare_digest

    def watch(one: Any, other: Any) -> bool:
        compared.append((one, other))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watch)
    token = await ring.give_token(CLIENT, None)
    assert (b"kkkk", b"kkkk") in compared, "ids, too"
    compared.clear()
    await ring.authorize(request(token))
    (kept,) = directory.stored.tokens
    assert compared == [(kept, kept)]
