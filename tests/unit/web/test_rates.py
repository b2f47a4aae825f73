"""How often a key may be used: at the key ring, where no door can forget it."""

import pytest
from starlette.types import Scope

from contactfold.ports import ApiKey
from contactfold.web.access import KeyRing, digest_key
from contactfold.web.problems import Problem
from fakes.memory_directory import MemoryDirectory

MINUTE = 60_000_000
BEGIN = 30_000_000 * MINUTE


class Clock:
    now = BEGIN

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def request(secret: str = "", client: str = "127.0.0.1") -> Scope:
    headers = [(b"host", b"localhost"), (b"x-api-key", secret.encode())]
    return {"type": "http", "scheme": "http", "headers": headers, "client": (client, 1)}


async def keys(**limits: int | None) -> MemoryDirectory:
    directory = MemoryDirectory()
    for name, limit in limits.items():
        digest = digest_key(name * 40)
        await directory.add_key(ApiKey(name, digest, frozenset({"ingest"}), "", 0, requests_per_minute=limit))
    return directory


async def passes(ring: KeyRing, scope: Scope) -> int | None:
    """None where the request passes, else the seconds after which to come again."""
    try:
        await ring.authorize(scope)
    except Problem as problem:
        return int(problem.headers["Retry-After"])
    return None


async def count(ring: KeyRing, scope: Scope, *, of: int = 100) -> int:
    """How many of so many requests pass."""
    return sum([await passes(ring, scope) is None for _ in range(of)])


async def test_without_a_limit_nobody_is_counted(clock: Clock) -> None:
    ring = KeyRing(await keys(a=None), None, clock)
    assert await count(ring, request("a" * 40), of=1_000) == 1_000
    assert ring._rates._windows == {}


async def test_a_key_has_the_limit_of_the_configuration_or_its_own(clock: Clock) -> None:
    ring = KeyRing(await keys(a=None, b=30, c=0), None, clock, 7)
    assert [await count(ring, request(name * 40)) for name in "abc"] == [7, 30, 100]


async def test_the_admin_key_has_the_limit_of_the_configuration(clock: Clock) -> None:
    ring = KeyRing(await keys(), "s" * 32, clock, 7)
    assert await count(ring, request("s" * 32)) == 7


async def test_one_key_does_not_use_up_anothers(clock: Clock) -> None:
    ring = KeyRing(await keys(a=5, b=5), None, clock)
    assert await count(ring, request("a" * 40)) == 5
    assert await count(ring, request("b" * 40)) == 5


async def test_a_token_counts_as_its_key(clock: Clock) -> None:
    ring = KeyRing(await keys(a=5), None, clock)
    token = await ring.give_token([(b"a", b"a" * 40)], None)
    assert await count(ring, request(token)) == 4, "asking for it was the first"
    assert await passes(ring, request("a" * 40)) is not None
    with pytest.raises(Problem) as refused:
        await ring.give_token([(b"a", b"a" * 40)], None)
    assert refused.value.status == 429


@pytest.mark.parametrize("most", [1, 2, 7, 60, 1_000])
async def test_who_waits_as_long_as_it_is_told_passes_and_not_much_sooner(clock: Clock, most: int) -> None:
    ring = KeyRing(await keys(a=most), None, clock)
    clock.now = BEGIN + 13_700_000
    for _ in range(7):
        while (wait := await passes(ring, request("a" * 40))) is None:
            clock.now += 1_000
        assert 1 <= wait <= 120
        clock.now += (wait - 1) * 1_000_000 - 1
        assert wait == 1 or await passes(ring, request("a" * 40)) is not None
        clock.now += 1_000_001


async def test_no_minute_holds_many_more_than_the_limit_however_it_lies(clock: Clock) -> None:
    """The usual trick: all at the end of one minute, and all again at the beginning of the next."""
    ring = KeyRing(await keys(a=100), None, clock)
    clock.now = BEGIN + 59_900_000
    assert await count(ring, request("a" * 40), of=300) == 100
    clock.now = BEGIN + 60_100_000
    assert await count(ring, request("a" * 40), of=300) <= 1


async def test_who_sends_without_end_passes_as_often_as_it_may(clock: Clock) -> None:
    ring = KeyRing(await keys(a=60), None, clock)
    passed = 0
    for _ in range(10 * 60 * 4):
        clock.now += 250_000
        passed += await passes(ring, request("a" * 40)) is None
    assert 590 <= passed <= 610


async def test_who_was_silent_is_forgotten(clock: Clock) -> None:
    ring = KeyRing(await keys(), None, clock, 5)
    for number in range(1, 200):
        await passes(ring, request(client=f"127.0.0.{number}"))
    assert len(ring._rates._windows) == 199
    clock.now += 2 * MINUTE
    await passes(ring, request())
    assert len(ring._rates._windows) == 1


async def test_a_clock_that_is_put_back_locks_nobody_out(clock: Clock) -> None:
    ring = KeyRing(await keys(a=5), None, clock)
    assert await count(ring, request("a" * 40)) == 5
    clock.now -= 60 * MINUTE
    assert await count(ring, request("a" * 40)) == 5


async def test_an_open_door_counts_by_address(clock: Clock) -> None:
    ring = KeyRing(await keys(), None, clock, 5)
    assert await count(ring, request(client="127.0.0.1")) == 5
    assert await count(ring, request(client="127.0.0.2")) == 5


async def test_a_wrong_key_uses_up_nobodys_limit(clock: Clock) -> None:
    ring = KeyRing(await keys(a=5), None, clock, 5)
    for _ in range(20):
        with pytest.raises(Problem) as refused:
            await ring.authorize(request("wrong"))
        assert refused.value.status == 401
    assert await count(ring, request("a" * 40)) == 5


async def test_a_changed_limit_holds_from_the_next_look_at_the_keys(clock: Clock) -> None:
    directory = await keys(a=5)
    ring = KeyRing(directory, None, clock)
    assert await count(ring, request("a" * 40)) == 5
    directory.stored.keys["a"].requests_per_minute = 0
    clock.now += 2_000_000
    assert await count(ring, request("a" * 40)) == 100
