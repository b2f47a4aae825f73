"""Every call a processor makes goes wrong once, in every way it can; nobody can tell from what is left.

In memory every other call goes wrong in each way, of the directives one in four, and in other ways the others; on real
directories some do. `make storms` lets every call go wrong in every way on each of them.
"""

import asyncio
import os
import random
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from contactfold_processor.applying import Applier
from fakes.faults import ASLEEP, KILLED, OVERTAKEN, Fault
from integration.faults.playing import Player
from integration.faults.scenes import SCENES, Scene
from oracle.places import IN_MEMORY, MongoPlace, RealStage, SqlitePlace, Stage

ALL = bool(os.environ.get("CONTACTFOLD_TEST_STORMS"))
SEED = int(os.environ.get("CONTACTFOLD_TEST_SEED", "20261122"))
SOME = 4
"""Calls that go wrong in each way on a real directory, beside one commit."""

pytestmark = pytest.mark.timeout(1800 if ALL else 240)
in_every_way = pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())


@pytest.fixture(scope="module", params=["memory", "sqlite", "mongo"])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A directory that is emptied before each time the history is played."""
    if request.param == "memory":
        yield IN_MEMORY
        return
    place: SqlitePlace | MongoPlace
    if request.param == "sqlite":
        home: Path = tmp_path_factory.mktemp("faults")
        place = SqlitePlace(home / "directory.db")
    else:
        server: str = request.getfixturevalue("mongo")
        place = MongoPlace(str(urlunsplit(urlsplit(server)._replace(path=f"/faults{uuid.uuid4().hex[:12]}"))))
    with RealStage(place) as stage:
        yield stage


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a processor waits for is there at once."""

    async def go_on(*_: object) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr("contactfold_processor.processor._wait", go_on)


@pytest.fixture(autouse=True)
def _a_piece_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a directive leaves to do takes many turns."""
    monkeypatch.setattr("contactfold_processor.settling.AT_ONCE", 1)
    monkeypatch.setattr(Applier.settle, "__defaults__", (1,))


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
@in_every_way
def test_whatever_goes_wrong_at_whatever_call_the_directory_is_the_same(
    stage: Stage, scene: Scene, fault: Fault
) -> None:
    player = Player(stage)
    calls = player.play(scene).calls
    assert calls.count("directory.commit") > 2, f"the history is too short to show much: {calls}"
    others, happened = 0, 0
    chosen = choose(calls, fault, 1 if ALL else scene.one_in if stage is IN_MEMORY else None)
    for at in chosen:
        try:
            played = player.play(scene, fault, at)
            others, happened = others + played.others, happened + played.happened
        except (Exception, BaseExceptionGroup) as broken:
            raise AssertionError(f"{calls[at]}, call {at} of {len(calls)}, {fault.value}: {broken}") from broken
    assert 2 * happened >= len(chosen), "most of it never went wrong: this has shown little"
    assert others == (happened if fault in ASLEEP | KILLED | OVERTAKEN else 0)


def choose(calls: list[str], fault: Fault, one_in: int | None) -> list[int]:
    """The calls that go wrong in a way: one in so many, or some, the same for the same seed; one of them a commit."""
    commits = [at for at, name in enumerate(calls) if name == "directory.commit"]
    if one_in is not None:
        able = commits if fault is Fault.COLLIDED else list(range(len(calls)))
        return able[list(Fault).index(fault) % one_in :: one_in]
    chance = random.Random(f"{SEED} {fault}")
    if fault is Fault.COLLIDED:
        return chance.sample(commits, 2)
    return sorted({*chance.sample(range(len(calls)), SOME), chance.choice(commits)})
