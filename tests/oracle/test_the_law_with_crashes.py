"""The law as a machine: processors take events in any order, settle, are killed at any call, and go on as new ones."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, cast

from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, multiple, rule

from contactfold.ports import Directory
from oracle.breaking import Breaking, Killed
from oracle.checking import check_equal, come_to_rest
from oracle.depth import deep
from oracle.histories import events
from oracle.making import ERASED, MODES, RULED_MODES, Event
from oracle.places import MemoryPlace, Tally
from oracle.real import Feed
from oracle.telling import tell

PARTITIONS = 2
partitions = st.integers(0, PARTITIONS - 1)
histories = st.sampled_from([*MODES, *RULED_MODES, *RULED_MODES, ERASED]).flatmap(events)


class Processors(RuleBasedStateMachine):
    """Two processors, each with a partition, one directory, and a history whose events come when a rule sends them."""

    waiting: Bundle[int] = Bundle("waiting")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.place = MemoryPlace(Tally())
        self.history: list[Event] = []
        self.logs: list[list[int]] = [[] for _ in range(PARTITIONS)]
        self.directories: list[Breaking] = []
        self.feeds: list[Feed] = []
        for number in range(PARTITIONS):
            self.directories.append(Breaking(self.runner.run(self.place.directory())))
            self.feeds.append(self.start(number))

    def start(self, number: int) -> Feed:
        """A processor as it begins."""
        self.directories[number].fuse = None
        return Feed(cast(Directory, self.directories[number]), f"contactfold.events/{number}")

    @initialize(target=waiting, history=histories)
    def begin(self, history: list[Event]) -> Any:
        """A history, none of which has come."""
        self.history = history
        note(tell(history))
        return multiple(*range(len(history)))

    @rule(number=partitions, place=consumes(waiting))
    def send(self, number: int, place: int) -> None:
        """An event comes to a partition, and is not read yet."""
        self.logs[number].append(place)

    @rule(number=partitions, data=st.data())
    def send_again(self, number: int, data: st.DataObject) -> None:
        """An event comes a second time, anywhere."""
        if sent := [place for log in self.logs for place in log]:
            self.logs[number].append(data.draw(st.sampled_from(sent)))

    @rule(number=partitions)
    def apply(self, number: int) -> None:
        """A processor applies what it has not read, in one batch."""
        self.runner.run(self.read_on(number))

    async def read_on(self, number: int) -> None:
        """Apply the rest of a partition."""
        feed, log = self.feeds[number], self.logs[number]
        if feed.offset < len(log):
            await feed.apply([(place, self.history[place]) for place in log[feed.offset :]])

    @rule(number=partitions, pieces=st.integers(1, 3))
    def settle(self, number: int, pieces: int) -> None:
        """A processor does some of what directives left."""
        self.runner.run(self.feeds[number].settle(pieces))

    @rule(number=partitions, fuse=st.integers(0, 12), after=st.booleans(), settling=st.booleans())
    def kill(self, number: int, fuse: int, after: bool, settling: bool) -> None:
        """A processor is killed while it applies or settles, and another takes its partition over."""
        self.directories[number].fuse, self.directories[number].after = fuse, after
        work: Coroutine[Any, Any, None] = self.feeds[number].settle() if settling else self.read_on(number)
        with contextlib.suppress(Killed):
            self.runner.run(work)
        self.feeds[number] = self.start(number)
        self.runner.run(self.feeds[number].recover())

    def teardown(self) -> None:
        """All that was sent is applied and settled: the directory is the fold of it."""
        try:
            self.runner.run(self.rest())
        finally:
            self.runner.close()

    async def rest(self) -> None:
        """Come to rest and check."""
        for number in range(PARTITIONS):
            await self.read_on(number)
        await come_to_rest(self.place, self.feeds)
        sent = {place for log in self.logs for place in log}
        await check_equal(self.place, [self.history[place] for place in sorted(sent)])


TestProcessors = Processors.TestCase
TestProcessors.settings = settings(
    max_examples=deep(40),
    stateful_step_count=25,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
