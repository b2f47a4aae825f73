"""Two decisions made on one state: what stands there in the end, one of the two serial orders would have left.

The law says so of histories without erasures. What an erasure takes may depend on arrival; that it is some arrival's,
and never a mixture of two, is more than `check_equal` can tell, and is told here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from contactfold.ports import Directory
from oracle.checking import come_to_rest
from oracle.histories import Arrival
from oracle.making import Event
from oracle.places import IN_MEMORY, Pause, Place, Stage
from oracle.real import Feed, export_of


class _Overtaken:
    """A directory whose first commit is overtaken: `overtake` is awaited when everything is read and decided."""

    def __init__(self, directory: Directory, overtake: Pause) -> None:
        self._directory = directory
        self._overtake: Pause | None = overtake

    def __getattr__(self, name: str) -> Any:
        return getattr(self._directory, name)

    async def commit(self, changes: Any) -> None:
        overtake, self._overtake = self._overtake, None
        if overtake is not None:
            await overtake()
        await self._directory.commit(changes)


@dataclass
class _Meeting:
    """A history of single events, the last two of which meet; `left` are the exports of the scenes played."""

    events: Sequence[Event]
    order: Sequence[int]
    rested: bool
    left: list[bytes] = field(default_factory=list)

    async def meet(self, place: Place) -> None:
        """The last event is decided, then the last but one decided and committed, then the last committed."""
        await self._begin(place)
        faster = Feed(await place.directory(), "contactfold.events/1")

        async def overtake() -> None:
            await faster.apply(self._pick(self.order[-2]))

        overtaken: Any = _Overtaken(await place.directory(), overtake)
        slower = Feed(overtaken, "contactfold.events/2")
        await slower.apply(self._pick(self.order[-1]))
        place.tally.conflicts += slower.conflicts
        await self._end(place, [faster, slower])

    async def in_order(self, place: Place) -> None:
        """One after the other."""
        await self._in_turn(place, self.order[-2:])

    async def in_reverse(self, place: Place) -> None:
        """The other after the one."""
        await self._in_turn(place, self.order[:-3:-1])

    async def _in_turn(self, place: Place, last: Sequence[int]) -> None:
        await self._begin(place)
        feeds = [Feed(await place.directory(), f"contactfold.events/{number}") for number in (1, 2)]
        for feed, at in zip(feeds, last, strict=True):
            await feed.apply(self._pick(at))
        await self._end(place, feeds)

    async def _begin(self, place: Place) -> None:
        feed = Feed(await place.directory(), "contactfold.events/0")
        for at in self.order[:-2]:
            await feed.apply(self._pick(at))
        if self.rested:
            await come_to_rest(place, [feed])

    async def _end(self, place: Place, feeds: Sequence[Feed]) -> None:
        await come_to_rest(place, feeds)
        self.left.append(await export_of(await place.directory()))

    def _pick(self, at: int) -> list[tuple[int, Event]]:
        return [(at, self.events[at])]


def check_that_two_decisions_are_serial(
    events: Sequence[Event], arrival: Arrival, *, rested: bool, on: Stage = IN_MEMORY
) -> None:
    """Two decisions on the state that all events but the last two to arrive have made, one event a batch.

    With `rested` everything is settled before them; without, nothing that those events left to be settled is.
    """
    order = list(dict.fromkeys(at for batch in arrival for at in batch))
    if len(order) < 2:
        return
    meeting = _Meeting(events, order, rested)
    on.play(meeting.meet)
    on.play(meeting.in_order)
    if meeting.left[0] == meeting.left[1]:
        return
    on.play(meeting.in_reverse)
    assert meeting.left[0] == meeting.left[2], "neither serial order leaves what the two left together"
