"""The pipelines: records that wait on a log, and `contactfold processor` folds them into a directory.

Also what reads it all again: `contactfold replay` and `contactfold verify`.
"""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import uvloop

from benchmarks.checking import find_faults
from benchmarks.measuring import Meter, Run, Stuck, Tell, failed, watch
from benchmarks.stage import Command, Place, Stage
from benchmarks.workload import Workload
from contactfold.ports import Directory, EventLog, Partition
from servers.processes import free_ports

_PATIENCE = 3600


class Pipeline:
    """A filled log that is folded anew, from its beginning, in every round, by one process or several workers.

    `since` is the share of the events from which on the rate counts.
    """

    def __init__(
        self, stage: Stage, workload: Workload, log: Place, *, workers: int = 1, since: float | None = None
    ) -> None:
        self._stage, self._workload, self._log, self._workers = stage, workload, log, workers
        self._since = 0.1 if since is None else since

    def measure(self, tell: Tell) -> Run:
        """One round: an empty directory, the workers, and whether what they left is right."""
        with empty_directory(self._stage, self._log) as place:
            return self.apply(place, tell)

    def apply(self, place: Place, tell: Tell) -> Run:
        """Fold the log into the directory of a place, which is empty."""
        with contextlib.ExitStack() as ends:
            command = self._start(place, ends)
            meter = ends.enter_context(Meter({"processor": command.pid}, self._stage.pids if place.log else []))

            async def follow() -> Run:
                async with place.opened() as (log, directory):
                    early: dict[str, float] = {}
                    run = await self._watch(log, directory, command, tell, lambda: early or early.update(meter.peaks()))
                    meter.note(run)
                    run.more |= {f"MiB of {name} at a tenth": peak for name, peak in early.items()}
                    command.stop()
                    run.faults = await find_faults(directory, self._workload)
                    return run

            try:
                return uvloop.run(follow())
            except Stuck as stuck:
                return failed(self._workload.events, f"{stuck}. Its last words: {command.last_words()[-500:]}")

    async def _watch(
        self, log: EventLog, directory: Directory, command: Command, tell: Tell, at_a_tenth: Callable[[], object]
    ) -> Run:
        partitions: list[Partition] = list(await log.ends())

        async def applied() -> int:
            count = sum(window.next for window in (await directory.positions(partitions)).values())
            if count >= self._workload.events / 10:
                at_a_tenth()
            return count

        return await watch(self._workload.events, applied, lambda: command.pid is not None, tell, since=self._since)

    def _start(self, place: Place, ends: contextlib.ExitStack) -> Command:
        variables = place.environment(PORT=str(free_ports(1)[0]) if self._workers == 1 else "0")
        arguments = ["processor"] if self._workers == 1 else ["processor", "--workers", str(self._workers)]
        command = Command("contactfold_cli", arguments, variables, self._stage.files / "processor.log")
        command.start(lambda: True)
        ends.callback(command.stop)
        return command


@contextlib.contextmanager
def empty_directory(stage: Stage, log: Place) -> Iterator[Place]:
    """A place with this log and nothing applied."""
    if log.log is None:
        for path in log.data_dir.glob("directory.db*"):
            path.unlink()
        yield log
        return
    with stage.database() as url:
        yield Place(_emptied(log.data_dir), log.log, url)


def _emptied(path: Path) -> Path:
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


class Rereading:
    """`replay` and `verify` of a directory that has applied a log, each timed from its start to its end."""

    def __init__(self, stage: Stage, workload: Workload, log: Place) -> None:
        self._stage, self._workload, self._log = stage, workload, log

    def measure(self, tell: Tell) -> list[Run]:
        """One run of each command, in this order. Both must find nothing."""
        with empty_directory(self._stage, self._log) as place:
            applied = Pipeline(self._stage, self._workload, self._log, workers=1).apply(place, tell)
            if applied.faults:
                return [applied, applied]
            return [self._time(command, place) for command in ("replay", "verify")]

    def _time(self, name: str, place: Place) -> Run:
        events = self._workload.events
        command = Command("contactfold_cli", [name, "--json"], place.environment(), self._stage.files / f"{name}.log")
        began = time.perf_counter()
        command.start(lambda: True)
        with Meter({name: command.pid}, self._stage.pids if place.log else []) as meter:
            try:
                code = command.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                command.kill()
                return failed(events, f"{name} did not end")
            seconds = time.perf_counter() - began
            run = meter.note(Run(events / seconds, seconds, events))
        if code != 0:
            run.faults.append(f"{name} ended with {code}: {command.last_words()[-500:]}")
        return run
