"""How often: a bound on one sender's requests in any minute, counted in this process alone (CONTRACT 4).

The count of the minute before fades while the present one goes on, so nobody gets twice the number around its turn.
Two counts a sender are all that is kept (docs/decisions/0015-requests-are-counted-without-a-library.md).
"""

from dataclasses import dataclass

from contactfold.ports import Clock
from contactfold.web.problems import Problem

_MINUTE = 60_000_000
"""Microseconds."""


@dataclass(slots=True)
class _Window:
    """A sender's requests in the minute of this number, and in the one before it."""

    minute: int
    count: int = 0
    former: int = 0


class Rates:
    """The requests of every sender that has a limit. One without any costs nothing: it is never counted."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._minute = 0
        self._windows: dict[str, _Window] = {}

    def count(self, sender: str, most: int) -> None:
        """Count one request of a sender. Raises `Problem` 429 for one more than `most` in a minute."""
        now = self._clock()
        minute = now // _MINUTE
        if minute != self._minute:
            self._turn(minute)
        window = self._windows.get(sender)
        if window is None:
            window = self._windows[sender] = _Window(minute)
        elif window.minute != minute:
            window.minute, window.former, window.count = minute, window.count, 0
        left = _MINUTE - 1 - now % _MINUTE
        if window.former * left // _MINUTE + window.count >= most:
            raise _refuse_for(_find_wait(window, left, most), most)
        window.count += 1

    def _turn(self, minute: int) -> None:
        """Forget whoever was silent for a minute, once each."""
        self._minute = minute
        self._windows = {sender: one for sender, one in self._windows.items() if one.minute in {minute - 1, minute}}


def _find_wait(window: _Window, left: int, most: int) -> int:
    """The microseconds after which one more request passes; `left` are those of this minute after the present one."""
    if window.count < most:
        return left - _fade_to(most - window.count, window.former)
    return left + _MINUTE - _fade_to(most, window.count)


def _fade_to(room: int, count: int) -> int:
    """How much of a minute is left when the count of the one before it is less than `room`."""
    return min(_MINUTE - 1, (room * _MINUTE - 1) // count)


def _refuse_for(wait: int, most: int) -> Problem:
    seconds = max(1, -(-wait // 1_000_000))
    return Problem(
        429,
        "too_many_requests",
        f"There were more than {most} requests within a minute; go on in {seconds} s.",
        headers={"Retry-After": str(seconds)},
    )
