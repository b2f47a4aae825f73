"""A directory whose process is killed at a call of one's choice: before it, or after it, when nobody hears back."""

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any

from contactfold.ports import Directory


class Killed(BaseException):
    """No handler of any fault may catch this: a process that is gone handles nothing."""


class Breaking:
    """Hands every call on to a directory until its fuse has burnt down."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self.fuse: int | None = None
        """How many calls are still answered; None where nothing breaks."""
        self.after = False
        """Whether the last call is carried out all the same."""

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._directory, name)
        return self._count(method) if iscoroutinefunction(method) else method

    def _count(self, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def call(*given: Any, **named: Any) -> Any:
            if self.fuse is None or self.fuse > 0:
                self.fuse = None if self.fuse is None else self.fuse - 1
                return await method(*given, **named)
            if self.after:
                await method(*given, **named)
            raise Killed

        return call
