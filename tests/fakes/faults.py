"""A log and a directory in which one call goes wrong, in one of the ways a call to a server can.

`Faults` counts the calls that a processor makes to both of them and lets the chosen one go wrong. All calls pass: a
method that a port gets tomorrow is counted too.
"""

from collections.abc import Awaitable, Callable
from enum import Enum
from inspect import iscoroutinefunction
from typing import Any, cast

from contactfold.domain.errors import Collided, Unavailable
from contactfold.ports import Directory, EventLog, LogReader


class Fault(Enum):
    """What goes wrong with a call."""

    REFUSED = "is away before the call"
    UNANSWERED = "is away after the call: it took effect, and the answer is lost"
    KILLED_BEFORE = "is never asked: the process is killed"
    KILLED_AFTER = "has done it when the process is killed"
    ASLEEP_BEFORE = "is asked late: the process sleeps while another does all there is to do"
    ASLEEP_AFTER = "has answered, and the process sleeps while another does all there is to do"
    OVERTAKEN_BEFORE = "is asked late: another applies one batch first"
    OVERTAKEN_AFTER = "has answered, and then another applies one batch"
    COLLIDED = "tells of another transaction, and has written nothing"


BEFORE = {Fault.REFUSED, Fault.KILLED_BEFORE, Fault.ASLEEP_BEFORE, Fault.OVERTAKEN_BEFORE, Fault.COLLIDED}
KILLED = {Fault.KILLED_BEFORE, Fault.KILLED_AFTER}
ASLEEP = {Fault.ASLEEP_BEFORE, Fault.ASLEEP_AFTER}
OVERTAKEN = {Fault.OVERTAKEN_BEFORE, Fault.OVERTAKEN_AFTER}


class Killed(BaseException):
    """The process is gone: no code of contactfold's gets to deal with this."""


class Faults:
    """Numbers calls from 0 in `calls`, and lets the call `at` go wrong.

    `meanwhile` is awaited while the process sleeps or is overtaken, `watch` after each call, with its name and answer.
    """

    def __init__(self, fault: Fault | None = None, at: int = -1) -> None:
        self.calls: list[str] = []
        self.meanwhile: Callable[[], Awaitable[None]] | None = None
        self.watch: Callable[[str, Any], Awaitable[None]] | None = None
        self.fault, self._at = fault, at
        self._killed = False

    @property
    def has_happened(self) -> bool:
        """Whether the call that was to go wrong was made."""
        return self.fault is None or len(self.calls) > self._at

    async def pass_on(self, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        """Make a call, or let it go wrong."""
        if self._killed:
            raise Killed
        number = len(self.calls)
        self.calls.append(name)
        if number != self._at or self.fault is None:
            return await call()
        if self.fault in BEFORE:
            await self._go_wrong(self.fault)
            return await call()
        try:
            return await call()
        finally:
            await self._go_wrong(self.fault)

    async def _go_wrong(self, fault: Fault) -> None:
        if fault in KILLED:
            self._killed = True
            raise Killed
        if fault in ASLEEP | OVERTAKEN:
            assert self.meanwhile is not None
            await self.meanwhile()
        elif fault is Fault.COLLIDED:
            raise Collided("Another writer has written one of these objects at the same time.")
        else:
            raise Unavailable("server", "the test has cut the line.")

    def directory(self, directory: Directory) -> Directory:
        """The directory with its calls counted."""
        return cast(Directory, _Counted(directory, self, "directory"))

    def log(self, log: EventLog) -> EventLog:
        """The log and its readers with their calls counted."""
        return cast(EventLog, _Counted(log, self, "log"))


class _Counted:
    def __init__(self, part: Directory | EventLog | LogReader, faults: Faults, name: str) -> None:
        self._part, self._faults, self._name = part, faults, name

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._part, name)
        if not iscoroutinefunction(method):
            return method

        async def call(*given: Any, **named: Any) -> Any:
            answer = await self._faults.pass_on(f"{self._name}.{name}", lambda: method(*given, **named))
            if self._faults.watch is not None:
                await self._faults.watch(name, answer)
            return _Counted(answer, self._faults, "reader") if name == "reader" else answer

        return call

    async def acknowledge(self, positions: Any) -> None:
        """Never fails, by its contract; killed it can be."""
        try:
            await self.__getattr__("acknowledge")(positions)
        except (Unavailable, Collided):
            return
