"""What is played with faults: the history as it is, with records the log has lost, and with many deaths in a row."""

from collections.abc import Sequence

from contactfold.config import Limits
from contactfold.domain.stamp import parse_time
from contactfold.ports import Directory, Lane
from contactfold_processor.applying import Applier
from contactfold_processor.gaps import list_gaps
from fakes.memory_log import MemoryLog
from integration.faults.history import ANN, BULK, LIVE, RULED, Event, at, events_of, record_of, write
from integration.processor.rig import SCHEMA

NOW = parse_time("2026-04-01T00:00:00Z") or 0


class Scene:
    """A history, and how processors are told to work on it."""

    name = "history"
    limits = Limits()
    accept_gap = False
    one_in = 2
    """In memory, one call in so many goes wrong in each way where not all are asked for; other calls in other ways."""
    live, bulk = LIVE, BULK
    events: Sequence[Event] = events_of((*LIVE, *BULK))

    @property
    def deaths(self) -> int:
        """How many records say nothing."""
        return sum(isinstance(one, bytes) for one in (*self.live, *self.bulk))

    async def prepare(self, log: MemoryLog, directory: Directory) -> None:
        """Bring log and directory to where the scene begins; nothing goes wrong yet."""
        del directory
        await write(log, Lane.LIVE, self.live)
        await write(log, Lane.BULK, self.bulk)

    async def look(self, directory: Directory) -> None:
        """Look at what is particular to the scene once it has ended."""


class Gap(Scene):
    """The log has lost three records that wait to be applied, and processors are told to go on without them."""

    name = "gap"
    accept_gap = True
    applied = at(1, "applied", {"email": ANN, "city": "Oslo"})
    lost = tuple(at(28 + n, f"lost {n}", {"email": ANN, "city": "Lost"}) for n in range(3))
    live, bulk = LIVE[:7], ()
    events = (applied, *events_of(LIVE[:7]))

    async def prepare(self, log: MemoryLog, directory: Directory) -> None:
        """One record is applied, the three behind it are gone."""
        await log.append(Lane.LIVE, [record_of(b"gap", event) for event in (self.applied, *self.lost)])
        (records,) = filter(None, log.records.values())
        await Applier(directory, SCHEMA, self.limits, lambda: NOW).apply(records[:1])
        self.partition = records[0].partition
        await directory.set_setting(f"gap:{self.partition}", None)
        log.forget(self.partition, len(records))
        await super().prepare(log, directory)

    async def look(self, directory: Directory) -> None:
        """What is missing is written down, once."""
        gaps = await list_gaps(directory, self.partition)
        assert [(gap.position, gap.earliest) for gap in gaps] == [(1, 4)], gaps


class Deaths(Scene):
    """So many records die in a row that processors stand still; each time somebody resumes them."""

    name = "deaths"
    limits = Limits(dead_window=6, dead_share=0.5)
    live, bulk = (*LIVE[:3], *[b"nothing"] * 20, *LIVE[2:6]), ()
    events = events_of(LIVE[:6])


class Ruled(Scene):
    """Directives, which rule over what came before them and after."""

    name = "directives"
    one_in = 4
    live, bulk = RULED, ()
    events = events_of(RULED)


SCENES = (Scene(), Gap(), Deaths(), Ruled())
