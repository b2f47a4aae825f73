"""Playing a history with one call that goes wrong, and looking whether anybody could tell from what is left."""

import asyncio
from dataclasses import dataclass, field

from contactfold.domain.stamp import make_event_id
from contactfold.ports import Directory, EventLog
from contactfold_processor import Processor
from contactfold_processor.breaker import resume
from contactfold_processor.pacing import Pace
from fakes.faults import OVERTAKEN, Fault, Faults, Killed
from fakes.memory_log import MemoryLog
from integration.faults.history import Event
from integration.faults.scenes import Scene
from integration.processor.rig import SCHEMA, Ticking, all_letters, expected_export, export_of, waiting
from oracle.audit import audit, find_leftovers
from oracle.places import Place, Stage

AT_ONCE = 5
"""Records a batch has at most, so that there are many."""

WITHIN = 30.0


@dataclass
class Played:
    """What was played: the calls of the processor that the fault was for, and how often others worked.

    The fault has not `happened` where there were fewer calls: what a processor does at the same time takes turns
    differently on a real directory each time it is played.
    """

    calls: list[str] = field(default_factory=list)
    others: int = 0
    happened: bool = False


class Player:
    """Plays scenes on a stage, on an empty directory each time."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def play(self, scene: Scene, fault: Fault | None = None, at: int = -1) -> Played:
        """Play with a fault at one call. Raises `AssertionError` where the directory is not what it always is."""
        played = Played()

        async def on(place: Place) -> None:
            log = MemoryLog()
            async with asyncio.timeout(WITHIN):
                await scene.prepare(log, await place.directory())
                await _play(scene, place, log, Faults(fault, at), played)
            await check(scene, place, log)

        self._stage.play(on)
        return played


async def _play(scene: Scene, place: Place, log: EventLog, faults: Faults, played: Played) -> None:
    """Let one processor work with the fault, and others while it sleeps or after it was killed."""
    one, other = await place.directory(), await place.directory()

    async def let_another_work() -> None:
        played.others += 1
        await work(scene, log, other, Faults(), only_a_batch=faults.fault in OVERTAKEN)

    faults.meanwhile = let_another_work
    try:
        await work(scene, log, one, faults)
    except Killed:
        await let_another_work()
    played.calls = faults.calls
    played.happened = faults.has_happened


async def work(
    scene: Scene, log: EventLog, directory: Directory, faults: Faults, *, only_a_batch: bool = False
) -> None:
    """Run a processor, whose calls pass through `faults`, until nothing waits (or for one batch at most).

    Where it stands still, whoever runs it resumes.
    """
    stop = asyncio.Event()

    async def look(call: str, answer: object) -> None:
        if processor.stopped_because is not None:
            await resume(directory, sorted(await log.ends()))
        done = only_a_batch and call == "commit"
        if done or (call == "fetch" and not answer and await is_at_rest(log, directory)):
            stop.set()

    faults.watch = look
    processor = Processor(
        faults.log(log),
        faults.directory(directory),
        schema=SCHEMA,
        limits=scene.limits,
        clock=Ticking(),
        accept_gap=scene.accept_gap,
    )
    processor._pace = Pace(largest=AT_ONCE, size=AT_ONCE)
    await processor.run(stop)


async def is_at_rest(log: EventLog, directory: Directory) -> bool:
    """Whether nothing waits and nothing is settling."""
    return not await waiting(log, directory) and not await directory.settlings()


_expected: dict[str, bytes] = {}


async def _export_without_faults(scene: Scene) -> bytes:
    if scene.name not in _expected:
        _expected[scene.name] = await expected_export(scene.events)
    return _expected[scene.name]


async def check(scene: Scene, place: Place, log: EventLog) -> None:
    """The export is the expected one, every event has one outcome, every other record is one dead letter."""
    directory = await place.directory()
    contents = await place.contents()
    assert await export_of(directory) == await _export_without_faults(scene)
    assert set(contents.evidence) == {_id_of(event) for event in scene.events}
    assert len(await all_letters(directory)) == scene.deaths
    faults = await audit(directory, SCHEMA) + await find_leftovers(directory, contents)
    assert not faults, "\n".join(faults)
    assert await is_at_rest(log, directory)
    await scene.look(directory)


def _id_of(event: Event) -> bytes:
    return make_event_id(event["source"], event["id"])
