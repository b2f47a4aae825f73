"""The pipelines: records that wait on a log, and `contactfold processor` processes that fold them into a directory."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import uvloop

from benchmarks.checking import find_faults
from benchmarks.measuring import CpuMeter, Run, Stuck, watch
from benchmarks.stage import Command, Place, Stage
from benchmarks.workload import Workload
from contactfold.ports import Partition
from servers.processes import free_ports

Tell = Callable[[int], None]


class Pipeline:
    """A filled log that is folded anew, from its beginning, in every round."""

    def __init__(self, stage: Stage, workload: Workload, log: Place, *, processors: int = 1) -> None:
        self._stage, self._workload, self._log, self._processors = stage, workload, log, processors

    def measure(self, tell: Tell) -> Run:
        """One round: an empty directory, the processors, and whether what they left is right."""
        with self._empty_directory() as place, contextlib.ExitStack() as ends:
            commands = [self._start(place, number, ends) for number in range(self._processors)]
            meter = CpuMeter([command.pid for command in commands], self._servers())

            async def follow() -> Run:
                async with place.opened() as (log, directory):
                    partitions: list[Partition] = list(await log.ends())

                    async def applied() -> int:
                        return sum(window.next for window in (await directory.positions(partitions)).values())

                    run = await watch(self._workload.events, applied, lambda: all(c.pid for c in commands), tell)
                    meter.note(run)
                    for command in commands:
                        command.stop()
                    run.faults = await find_faults(directory, self._workload)
                    return run

            try:
                return uvloop.run(follow())
            except Stuck as stuck:
                words = commands[0].last_words()[-500:]
                return Run(0.0, 0.0, self._workload.events, faults=[f"{stuck}. Its last words: {words}"])

    def _start(self, place: Place, number: int, ends: contextlib.ExitStack) -> Command:
        variables = place.environment(PORT=str(free_ports(1)[0]))
        output = self._stage.files / f"processor-{number}.log"
        command = Command("contactfold_cli", ["processor"], variables, output)
        command.start(lambda: True)
        ends.callback(command.stop)
        return command

    def _servers(self) -> list[int | None]:
        return self._stage.pids if self._log.log else []

    @contextlib.contextmanager
    def _empty_directory(self) -> Iterator[Place]:
        if self._log.log is None:
            for path in self._log.data_dir.glob("directory.db*"):
                path.unlink()
            yield self._log
            return
        with self._stage.database() as url:
            yield Place(_emptied(self._log.data_dir), self._log.log, url)


def _emptied(path: Path) -> Path:
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path
