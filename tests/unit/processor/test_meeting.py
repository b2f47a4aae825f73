"""Turns at writing, which processors take whose partitions hold events of the same people."""

import asyncio
from dataclasses import dataclass

import pytest

from contactfold.domain.errors import Unavailable
from contactfold_processor import meeting
from contactfold_processor.meeting import LEASE, PATIENCE, TURN, TURN_SETTING, Meeting
from fakes.memory_directory import MemoryDirectory


@dataclass
class Clock:
    """A clock of seconds that stands still."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for: each wait looks once, and another is asked for."""
    monkeypatch.setattr(meeting, "_LOOKS", 1)
    monkeypatch.setattr(meeting, "LOOK_EVERY", 0.0001)


def make_two(clock: Clock) -> tuple[MemoryDirectory, Meeting, Meeting]:
    """Two processors of one directory that have met widely."""
    directory = MemoryDirectory()
    one, other = Meeting(directory, clock), Meeting(directory, clock)
    one.meet()
    other.meet()
    return directory, one, other


async def may(one: Meeting) -> bool:
    return await one.wait(asyncio.Event())


async def test_one_has_its_turn_and_then_the_other(clock: Clock) -> None:
    _, one, other = make_two(clock)
    assert await may(one)
    assert not await may(other)
    await one.succeed(last=False)
    assert not await may(other)
    await one.succeed(last=True)
    assert not await may(one), "whoever waits is first"
    assert await may(other)
    clock.now += 0.1
    assert not await may(one)
    await other.end()
    assert await may(one)


async def test_a_turn_goes_on_for_its_time(clock: Clock) -> None:
    _, one, _ = make_two(clock)
    assert not one.goes_on
    await may(one)
    assert one.goes_on
    clock.now += TURN
    assert not one.goes_on
    assert one.has_turn


async def test_the_turn_of_somebody_who_is_gone_is_over_in_the_end(clock: Clock) -> None:
    directory, one, other = make_two(clock)
    await may(one)
    assert not await may(other)
    clock.now += LEASE / 2
    assert not await may(other)
    clock.now += LEASE / 2
    assert await may(other)
    # It was not gone, and must not end what is not its own.
    await one.end()
    assert await directory.setting(TURN_SETTING) is not None
    await other.end()
    assert await directory.setting(TURN_SETTING) is None


async def test_a_turn_is_renewed_for_as_long_as_a_batch_takes(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meeting, "_RENEW_EVERY", 0.01)
    directory, one, other = make_two(clock)
    await may(one)
    async with one.holding():
        for _ in range(5):
            before = await directory.setting(TURN_SETTING)
            assert not await may(other)
            while await directory.setting(TURN_SETTING) == before:
                await asyncio.sleep(0.001)
            clock.now += LEASE / 2
    await one.succeed(last=True)
    assert await directory.setting(TURN_SETTING) is None
    assert await may(other)


async def test_a_turn_that_another_has_taken_meanwhile_is_not_renewed(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meeting, "_RENEW_EVERY", 0.001)
    directory, one, _ = make_two(clock)
    await may(one)
    async with one.holding():
        await directory.set_setting(TURN_SETTING, b"another's")
        await asyncio.sleep(0.02)
    assert await directory.setting(TURN_SETTING) == b"another's"


async def test_a_turn_is_given_back_though_it_could_not_be_renewed(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meeting, "_RENEW_EVERY", 0.001)
    directory, one, other = make_two(clock)
    await may(one)
    keep, failed = directory.set_setting, asyncio.Event()

    async def fail(name: str, value: bytes | None) -> None:
        failed.set()
        raise Unavailable("directory", f"{name} could not be set to {value!r}.")

    monkeypatch.setattr(directory, "set_setting", fail)
    async with one.holding():
        await failed.wait()
    monkeypatch.setattr(directory, "set_setting", keep)
    await one.succeed(last=True)
    assert await may(other)


async def test_nobody_waits_for_ever(clock: Clock) -> None:
    directory, one, _ = make_two(clock)
    began = clock.now
    while True:
        await directory.set_setting(TURN_SETTING, b"%d" % clock.now)  # each time another's
        if await may(one):
            break
        clock.now += 1.0
        assert clock.now - began <= 2 * PATIENCE, "it is always another's turn"
    assert clock.now - began >= PATIENCE
    assert not one.has_turn
    assert not await may(one), "from then on it waits again"


async def test_who_meets_nobody_sees_that_others_take_turns(clock: Clock) -> None:
    directory = MemoryDirectory()
    one, other = Meeting(directory, clock), Meeting(directory, clock)
    assert not await other.sees_others()
    one.meet()
    await may(one)
    assert await other.sees_others()
    assert not await one.sees_others()
    other.meet()
    assert not await other.sees_others(), "it takes turns itself"


async def test_turns_are_taken_for_so_many_batches(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meeting, "_BATCHES", 3)
    directory = MemoryDirectory()
    one = Meeting(directory, clock)
    one.meet()
    await may(one)
    for _ in range(3):
        assert one.takes_turns
        await one.succeed(last=False)
    assert not one.takes_turns
    assert not one.has_turn
    assert await directory.setting(TURN_SETTING) is None


async def test_a_turn_that_was_never_taken_is_not_ended(clock: Clock) -> None:
    directory, one, other = make_two(clock)
    await may(one)
    await other.end()
    assert await directory.setting(TURN_SETTING) is not None


async def test_waiting_ends_when_all_is_to_end(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    _, one, other = make_two(clock)
    await may(one)
    monkeypatch.setattr(meeting, "_LOOKS", 1_000_000)
    monkeypatch.setattr(meeting, "LOOK_EVERY", 1000)
    stop = asyncio.Event()
    stop.set()
    assert not await other.wait(stop)
