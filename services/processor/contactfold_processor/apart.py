"""Apart: how a processor keeps out of the way of others that write the same people.

A few people are kept apart (`heat`). Where they are many, others with every batch, processors take turns (`meeting`).
"""

from contactfold.ports import Changes
from contactfold_processor.heat import HOT_AFTER, Heat
from contactfold_processor.meeting import Meeting
from contactfold_processor.pacing import Pace

WIDELY = 16
"""More people than these that a refused batch has in common with others make it a wide meeting."""

QUICK = 100
"""Records of a batch at most that waits for no turn unless it has been refused: it is done in a moment."""


class Apart:
    """What refused batches have taught a processor. `pace` is that of its batches without hot people."""

    def __init__(self, pace: Pace, heat: Heat, meeting: Meeting) -> None:
        self._pace, self._heat, self._meeting = pace, heat, meeting

    async def may_write(self, waiting: int) -> bool:
        """Whether the next batch, with so many records waiting, needs to wait for no turn."""
        if waiting <= QUICK and not self._pace.conflicts:
            return True
        if await self._meeting.sees_others():
            self._take_turns()
        return not self._meeting.takes_turns or self._meeting.has_turn

    async def learn(self, refused: Changes | None, pace: Pace) -> None:
        """Find out whom a refused batch of this pace has met; None where it came to no commit.

        A few people are hot after two conflicts in a row; for many of them, or for a third conflict, turns are taken.
        """
        if self._meeting.takes_turns:
            return
        again = pace.conflicts % HOT_AFTER == 0
        many = pace is self._pace and pace.conflicts > HOT_AFTER
        overtaken = None
        if refused is not None and (again or len(refused.contacts) > WIDELY):
            overtaken = await self._heat.find_overtaken(refused)
            many = many or overtaken.people > WIDELY
        if many:
            self._take_turns()
        elif overtaken is not None and again and self._heat.learn(overtaken) and pace is self._pace:
            pace.part()

    def _take_turns(self) -> None:
        """Take turns from now on: nobody need be kept apart, then, and no batch be small."""
        self._meeting.meet()
        self._heat.cool()
        self._pace.start_over()
