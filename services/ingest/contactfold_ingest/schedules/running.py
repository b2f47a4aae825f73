"""One run of a schedule: looks at its place until nothing is left to do there.

A look lists the files, takes those that are new and no longer grow, and clears away those whose imports are completed.
Between two looks the store is closed. What is known of a file is written at each step, so a run that ends in the middle
is gone on with by whoever signs for it next.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from contactfold import telemetry
from contactfold.ports import ScheduledFile
from contactfold.ports.imports import COMPLETED
from contactfold.ports.schedules import FAILED, GROWING, IMPORTED, IMPORTING, RETRYING, SETTLED, UNCHANGED
from contactfold.schedule_settings import ARCHIVE, KEEP, Schedule
from contactfold.tables.options import Options
from contactfold_ingest.imports.cutting import GONE
from contactfold_ingest.schedules.files import find_forgettable, is_told, load_files, remote, see
from contactfold_ingest.schedules.stores import FileAway, FileRefused, RemoteFile, Store, StoreAway, StoreRefused
from contactfold_ingest.schedules.taking import Means, take

MOST_FILES = 10_000
"""Files that may match at one place."""

AT_ONCE = 4
"""Imports of one schedule that go on at the same time: each has its file on this machine.

One begins when all rows of the one before are on the log. The rows of an import happen after it began, a microsecond
after one another: so whatever a later file says happened after whatever an earlier one said.
"""

PAUSES = (5, 15, 60, 300, 900)
"""Seconds after which what failed is tried again within a run."""

_MOST_CHANGES = 3
"""Times that a file may change under a run's eyes, before it is left to the next run."""

_SHORTEST, _LONGEST = 0.25, 2.0
"""Seconds between two looks at how imports are going."""

_MOMENTS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 0.0)
"""Seconds between the looks at whether the next import may begin, while the store is open."""

_SECOND = 1_000_000
_NEVER = 1 << 62

Rest = Callable[[float], Awaitable[None]]
"""Waits for so many seconds."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a run is to do. `confirm` signs for it again, or raises `Overtaken` where another process has."""

    name: str
    schedule: Schedule
    options: Options
    open_store: Callable[[], Store]
    confirm: Callable[[], Awaitable[None]]
    rest: Rest


class Run:
    """A run that this process has signed for."""

    def __init__(self, means: Means, task: Task) -> None:
        self._means, self._task, self._schedule = means, task, task.schedule
        self._known: dict[str, ScheduledFile] = {}
        self._there: set[str] = set()
        self._running: dict[str, str] = {}
        """The imports that go on, by their files; of these `_cutting` have rows that are not on the log."""
        self._cutting: set[str] = set()
        self._unmade: set[str] = set()
        """Files whose imports were decided and not made: a process ended in between."""
        self._is_full = False
        self._failures: Counter[str] = Counter()
        self._retry_at: dict[str, int] = {}
        self._changes: Counter[str] = Counter()
        self._fetched: set[str] = set()
        self._wake: int | None = None
        self._longest_wait = max(PAUSES[-1], task.schedule.settle_seconds)
        """Seconds; what is further away was planned by a clock that was put back since."""
        self._is_answer = task.schedule.from_.kind == "https"
        """Whether what is fetched is a server's answer, which is whole whenever it comes."""
        self._is_over = False
        """Whether nobody looks there any more in this run."""
        self._place_fault = ""
        self._file_faults: dict[str, str] = {}
        self.touched: dict[str, None] = {}
        """The files that this run had to do with, in the order it came to them."""

    @property
    def error(self) -> str:
        """What is left undone, and why: one sentence, or nothing."""
        return self._place_fault or next(iter(self._file_faults.values()), "")

    async def do(self) -> None:
        """Do all there is to do; `error` says what was left undone. Raises `Overtaken` and `Unavailable`."""
        self._known = await load_files(self._means.directory, self._task.name)
        while True:
            self._wake = None
            await self._follow()
            if not self._is_over:
                await self._try_look()
            if not await self._wait():
                return

    # ---- imports that were begun

    async def _follow(self) -> None:
        """Note how the imports go that were begun, and which have ended."""
        self._running, self._cutting, self._unmade = {}, set(), set()
        begun = [one for one in self._known.values() if one.status == IMPORTING]
        imports = {one.id: one for one in await self._means.directory.imports([file.import_id for file in begun])}
        for file in begun:
            self.touched[file.name] = None
            one = imports.get(file.import_id)
            if one is None:
                self._unmade.add(file.name)
            elif one.has_ended:
                await self._end(file)
            else:
                self._running[file.name] = file.import_id
                self._cutting |= set() if one.whole else {file.import_id}

    async def _end(self, file: ScheduledFile) -> None:
        """Note what became of a file whose import has ended."""
        told = await self._means.find_import(file.import_id) or {}
        status, detail = str(told.get("status")), str(told.get("detail"))
        if status == COMPLETED:
            await self._keep(replace(file, status=IMPORTED, detail=""))
        elif detail.startswith(GONE):
            # It went with the process that had fetched it, not at its place: it is fetched anew.
            await self._keep(replace(file, status=RETRYING, digest="", import_id="", detail=detail))
        else:
            await self._keep(replace(file, status=FAILED, detail=f"The import is {status}. {detail}".strip()))

    async def _wait(self) -> bool:
        """Wait until there is something to do again; False where nothing is left to be done."""
        pause = _SHORTEST
        while self._running or self._wake is not None:
            left = _LONGEST if self._wake is None else (self._wake - self._means.clock()) / _SECOND
            if not 0 < left <= self._longest_wait or await self._has_one_moved():
                return True
            await self._task.rest(max(0.001, min(left, pause) if self._running else left))
            pause = min(2 * pause, _LONGEST)
        return False

    async def _has_one_moved(self) -> bool:
        """Whether an import has ended, or its file is cut, so that the next one may begin."""
        ids = list(self._running.values())
        found = await self._means.directory.imports(ids) if ids else []
        return any(one.has_ended or (one.whole and one.id in self._cutting) for one in found)

    # ---- looking

    async def _try_look(self) -> None:
        store: Store | None = None
        try:
            store = await asyncio.to_thread(self._task.open_store)  # the first of a kind imports its packages
            await self._look(store)
        except StoreAway as away:
            self._place_fault = str(away)
            self._is_over = not self._put_off("")
        except StoreRefused as refused:
            self._place_fault, self._is_over = str(refused), True
        finally:
            if store is not None:
                await store.close()

    async def _look(self, store: Store) -> None:
        found = await self._list(store)
        self._place_fault, self._is_full = "", False
        self._there = {one.name for one in found}
        for name in self._file_faults.keys() - self._there:
            del self._file_faults[name]
        gone = find_forgettable(self._known, self._there)
        if gone:
            await self._means.directory.forget_scheduled_files(self._task.name, gone)
            for name in gone:
                del self._known[name]
        for name in self._unmade - self._there:
            detail = "It was gone before it was imported."
            await self._keep(replace(self._known[name], status=FAILED, digest="", import_id="", detail=detail))
        for file in sorted(found, key=lambda one: (one.modified or 0, one.name)):
            await self._see(file)
            await self._step(store, file.name)

    async def _list(self, store: Store) -> list[RemoteFile]:
        schedule = self._schedule
        without = schedule.archive_folder if schedule.after == ARCHIVE else None
        only = len(self._known) == 1 and self._is_answer
        seen = remote(next(iter(self._known.values()))) if only else None
        found = await store.list(schedule.pattern, without=without, seen=seen)
        if len(found) > MOST_FILES:
            raise StoreRefused(
                f"More than {MOST_FILES:,} files match at {schedule.from_.shown}: let them be archived or deleted "
                "(`after`), or say with `pattern` which are meant."
            )
        return found

    async def _see(self, file: RemoteFile) -> None:
        """Note a file that is new, or another than it was."""
        known = self._known.get(file.name)
        if self._is_answer and file.name in self._fetched:
            return  # an answer that is made anew for each request is another each time; once a run is enough
        news = see(self._task.name, known, file, self._means.clock())
        if news is not None:
            self._changes[file.name] += known is not None
            self._retry_at.pop(file.name, None)
            self._file_faults.pop(file.name, None)
            await self._keep(news)

    async def _step(self, store: Store, name: str) -> None:
        """Take a file as much further as it can be now."""
        try:
            if self._is_to_be_taken(self._known[name]) and await self._has_room():
                await self._take(store, name)
            if self._is_to_be_cleared(self._known[name]):
                await self._clear(store, name)
        except (StoreAway, FileRefused) as error:
            file = self._known[name]
            status = file.status if file.status in {IMPORTED, UNCHANGED} else RETRYING
            await self._keep(replace(file, status=status, detail=str(error), tries=file.tries + 1))
            self._file_faults[name] = str(error)
            self._put_off(name, give_up=isinstance(error, FileRefused))
            if not isinstance(error, FileAway | FileRefused):
                raise

    def _is_to_be_taken(self, file: ScheduledFile) -> bool:
        if file.status == FAILED:
            self.touched[file.name] = None  # it is told of for as long as it lies there
        if file.status in SETTLED:
            return not is_told(remote(file)) and file.name not in self._fetched
        self.touched[file.name] = None
        if file.status == IMPORTING:
            return file.name in self._unmade and self._is_time(file.name)
        if file.status == GROWING:
            if self._changes[file.name] > _MOST_CHANGES:
                return False
            settled_at = file.seen_at + (0 if self._is_answer else self._schedule.settle_seconds * _SECOND)
            if settled_at > self._means.clock():
                self._wake_at(settled_at)
                return False
        return self._is_time(file.name)

    async def _has_room(self) -> bool:
        """Whether the next import may begin, now or in a moment; where not, no further one does in this look."""
        for pause in _MOMENTS:
            if self._is_full or (not self._cutting and len(self._running) < AT_ONCE):
                return not self._is_full
            await self._task.rest(pause)
            for one in await self._means.directory.imports(list(self._running.values())):
                if one.whole or one.has_ended:
                    self._cutting.discard(one.id)
                if one.has_ended:
                    self._running = {name: id_ for name, id_ in self._running.items() if id_ != one.id}
                    self._wake_at(self._means.clock())
        self._is_full = True
        return False

    def _is_to_be_cleared(self, file: ScheduledFile) -> bool:
        return self._schedule.after != KEEP and file.status in {IMPORTED, UNCHANGED} and self._is_time(file.name)

    async def _take(self, store: Store, name: str) -> None:
        self.touched[name] = None
        file = await take(self._means, store, self._known[name], self._task.options)
        self._tell(self._known[name], file)
        self._known[name] = file
        self._unmade.discard(name)
        self._fetched.add(name)
        if file.status == IMPORTING:
            self._running[name] = file.import_id
            self._cutting.add(file.import_id)
        self._succeed(name)

    async def _clear(self, store: Store, name: str) -> None:
        """Archive or delete a file: never before its import is completed, and never one that has changed since."""
        self.touched[name] = None
        await self._task.confirm()
        file = self._known[name]
        if self._schedule.after == ARCHIVE:
            await store.archive(remote(file), self._schedule.archive_folder)
        else:
            await store.delete(remote(file))
        self._there.discard(name)
        if file.detail or file.tries:
            await self._keep(replace(file, detail="", tries=0))
        self._succeed(name)

    async def _keep(self, file: ScheduledFile) -> None:
        kept = await self._means.keep(file)
        known = self._known.get(file.name)
        self._tell(known, kept)
        self._known[file.name] = kept

    def _tell(self, known: ScheduledFile | None, kept: ScheduledFile) -> None:
        if kept.status in SETTLED and (known is None or known.status != kept.status):
            telemetry.SCHEDULED_FILES.labels(self._task.name, kept.status).inc()

    # ---- when to look again

    def _succeed(self, name: str) -> None:
        self._file_faults.pop(name, None)
        self._retry_at.pop(name, None)
        self._failures[name] = self._failures[""] = 0

    def _put_off(self, name: str, *, give_up: bool = False) -> bool:
        """Try something again after a while; False where it has failed too often to be tried again in this run."""
        failures = self._failures[name]
        self._failures[name] += 1
        if give_up or failures >= len(PAUSES):
            self._retry_at[name] = _NEVER
            return False
        self._retry_at[name] = self._means.clock() + PAUSES[failures] * _SECOND
        self._wake_at(self._retry_at[name])
        return True

    def _is_time(self, name: str) -> bool:
        at = self._retry_at.get(name, 0)
        if at == _NEVER:
            return False
        if 0 < at - self._means.clock() <= PAUSES[-1] * _SECOND:
            self._wake_at(at)
            return False
        return True

    def _wake_at(self, at: int) -> None:
        self._wake = at if self._wake is None else min(self._wake, at)
