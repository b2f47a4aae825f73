"""Schedules of the directory in memory."""

import copy
from collections.abc import Awaitable, Callable, Sequence

from contactfold.domain.errors import RetryOnFreshState
from contactfold.ports.schedules import ScheduledFile, ScheduleState
from fakes.memory_stored import Stored


class MemorySchedules:
    """The part of the directory that keeps schedules."""

    stored: Stored
    pause: Callable[[], Awaitable[None]]

    async def keep_schedule(self, state: ScheduleState) -> None:
        """Write a state whose version is the stored one's."""
        await self.pause()
        present = self.stored.schedules.get(state.name)
        _require(present.version if present else 0, state.version)
        state.version += 1
        self.stored.schedules[state.name] = copy.deepcopy(state)

    async def schedules(self, names: Sequence[str]) -> list[ScheduleState]:
        """Those of these schedules that have a state."""
        await self.pause()
        return copy.deepcopy([one for one in self.stored.schedules.values() if one.name in names])

    async def keep_scheduled_file(self, file: ScheduledFile) -> None:
        """Write a file whose version is the stored one's."""
        await self.pause()
        present = self.stored.scheduled_files.get((file.schedule, file.name))
        _require(present.version if present else 0, file.version)
        file.version += 1
        self.stored.scheduled_files[file.schedule, file.name] = copy.deepcopy(file)

    async def scheduled_files(self, schedule: str, names: Sequence[str]) -> list[ScheduledFile]:
        """Those of these files that the schedule has seen."""
        await self.pause()
        found = self.stored.scheduled_files.values()
        return copy.deepcopy([one for one in found if one.schedule == schedule and one.name in set(names)])

    async def list_scheduled_files(self, schedule: str, *, after: str | None, limit: int) -> list[ScheduledFile]:
        """The files of a schedule in the order of their names."""
        await self.pause()
        found = sorted(name.encode() for one, name in self.stored.scheduled_files if one == schedule)
        names = [name.decode() for name in found if after is None or name > after.encode()]
        return copy.deepcopy([self.stored.scheduled_files[schedule, name] for name in names[: max(0, limit)]])

    async def forget_scheduled_files(self, schedule: str, names: Sequence[str]) -> None:
        """Remove these files."""
        await self.pause()
        for name in names:
            self.stored.scheduled_files.pop((schedule, name), None)


def _require(stored: int, given: int) -> None:
    if stored != given:
        raise RetryOnFreshState("Another writer has changed this schedule since it was loaded.")
