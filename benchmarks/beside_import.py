"""Live events beside an import: how long a POST takes to be answered, and to be visible, with and without one."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.doors import fresh_place
from benchmarks.files import write_file
from benchmarks.measuring import Meter, Run, failed
from benchmarks.serving import LoadFailed, run_steady, serving
from benchmarks.stage import Place, Stage
from benchmarks.workload import Workload, make_load

ROWS = 200_000
RATE = 100.0
"""Single events a second that are posted meanwhile."""
SECONDS = 15.0

_WARM_SECONDS = 2.0
_APART = 1_000_000
_PATIENCE = 600.0
_SETTLED = 0.02
"""The share of the rows after which the import is measured beside: counting and starting are behind it then."""


@dataclass(slots=True)
class _Rows:
    """An import while it runs."""

    address: str
    id: str = ""

    def begin(self, file: Path) -> None:
        with file.open("rb") as content:
            reply = httpx.post(f"{self.address}/v1/imports", files={"file": (file.name, content)}, timeout=120)
        self.id = reply.raise_for_status().json()["id"]

    def look(self) -> dict[str, Any]:
        told: dict[str, Any] = httpx.get(f"{self.address}/v1/imports/{self.id}", timeout=60).raise_for_status().json()
        return told

    def applied(self) -> int:
        return sum(count for name, count in self.look()["counts"].items() if name != "not_applied")

    def wait_for(self, applied: int) -> None:
        """Return once so many rows are applied. Raises `LoadFailed`."""
        end = time.monotonic() + _PATIENCE
        while self.applied() < applied:
            if time.monotonic() > end:
                raise LoadFailed(f"the import did not come to {applied} rows within {_PATIENCE:g} s: {self.look()}")
            time.sleep(0.1)

    def cancel(self) -> None:
        httpx.post(f"{self.address}/v1/imports/{self.id}/cancel", timeout=60)


def measure(
    stage: Stage,
    *,
    embedded: bool,
    rows: int = ROWS,
    rate: float = RATE,
    seconds: float = SECONDS,
    whole: bool = True,
) -> list[Run]:
    """Two runs, alone and beside an import of `rows` rows. Their figure is the p99 from POST to visible, in ms.

    `more` has `visible_p50`, `visible_p99`, `answer_p50` and `answer_p99` in ms, and beside the import its `rows` a
    second meanwhile. The import must still run when the load ends, and where it is waited for (`whole`), create
    every person.
    """
    file = write_file(Workload(rows, rows, seed=5, first=5 * _APART), stage.files / f"beside-{rows}.csv")
    try:
        with fresh_place(stage, embedded=embedded) as place, _running(stage, place, embedded=embedded) as (port, pids):
            variables = place.environment()
            run_steady(stage, port, rate, _WARM_SECONDS, 0, variables)
            with Meter(pids, stage.pids) as meter:
                alone = meter.note(_as_run(run_steady(stage, port, rate, seconds, _APART, variables)))
            importing = _Rows(f"http://127.0.0.1:{port}")
            importing.begin(file)
            importing.wait_for(round(rows * _SETTLED))
            before, began = importing.applied(), time.perf_counter()
            with Meter(pids, stage.pids) as meter:
                beside = meter.note(_as_run(run_steady(stage, port, rate, seconds, 2 * _APART, variables)))
            beside.more["rows"] = round((importing.applied() - before) / (time.perf_counter() - began))
            _finish(importing, beside, rows, whole=whole)
            return [alone, beside]
    except (LoadFailed, httpx.HTTPError) as fault:
        return [failed(make_load(1, 0).events, str(fault)) for _ in range(2)]
    finally:
        file.unlink()


@contextlib.contextmanager
def _running(stage: Stage, place: Place, *, embedded: bool) -> Iterator[tuple[int, dict[str, int | None]]]:
    """The processes of one contactfold: the port of its doors, and their ids by name."""
    variables = place.environment()
    if embedded:
        with serving(stage, "up", variables) as (up, port):
            yield port, {"up": up.pid}
        return
    with (
        serving(stage, "processor", variables) as (processor, _),
        serving(stage, "ingest", variables) as (ingest, port),
    ):
        yield port, {"processor": processor.pid, "ingest": ingest.pid}


def _as_run(told: dict[str, Any]) -> Run:
    visible, answers = told["visible"] or {"p50": 0.0, "p99": 0.0}, told["answers"]
    run = Run(visible["p99"], told["seconds"], told["sent"])
    run.more = {f"visible_{name}": value for name, value in visible.items()}
    run.more |= {f"answer_{name}": value for name, value in answers.items()}
    if told["refused"]:
        run.faults.append(f"{told['refused']} requests were not answered 202, one of them: {told['example']}")
    if told["seen"] < told["asked"]:
        run.faults.append(f"{told['asked'] - told['seen']} of {told['asked']} events never were visible")
    return run


def _finish(importing: _Rows, beside: Run, rows: int, *, whole: bool) -> None:
    """Whether what was measured was beside an import, and a right one."""
    if importing.look()["status"] != "in_progress":
        beside.faults.append(f"the import of {rows} rows was over before the load; take more rows")
    if not whole:
        importing.cancel()
        return
    importing.wait_for(rows)
    created = importing.look()["counts"]["created"]
    if created != rows:
        beside.faults.append(f"the import made {created} people of {rows}")
