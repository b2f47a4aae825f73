"""Repeats: whether a batch asks beforehand which of its events are in evidence already.

An event that is known cannot be added to the evidence again, so a commit refuses what a known event has decided, and
asking first only saves such a batch its second try. Repeats come in crowds (a log that is read again, a sender that
sends again), so who has met one asks for a while, and who has met none for long does not.
"""

ASKING = 64
"""Batches that ask after the last repeat, or the last conflict."""


AT_FIRST = 8
"""Batches that ask after the beginning: nothing comes again only because a process is new, for it goes on exactly
where the directory says."""


class Repeats:
    """How likely the next batch holds an event that is known. A process that has just begun expects a few."""

    def __init__(self, asking: int) -> None:
        self._asking, self._left = asking, min(asking, AT_FIRST)

    @property
    def expected(self) -> bool:
        """Whether to ask."""
        return self._left > 0

    def hear(self, known: int) -> None:
        """A batch has asked, and so many of its events were known."""
        self._left = self._asking if known else self._left - 1

    def expect(self) -> None:
        """A batch that did not ask has failed: ask from now on."""
        self._left = max(1, self._asking)
