"""From runs to figures: what counts, what is compared to what, and what was used."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
from benchmarks import measuring
from benchmarks.measuring import Meter, Row, Run, Stuck, failed, watch


def make_row(*figures: float, name: str = "ours", against: str | None = None) -> Row:
    """A row with a run for each round; 0 is one that was wrong."""
    row = Row(name, "pipelines", against=against)
    for number, figure in enumerate(figures, 1):
        run = Run(figure, 1.0, 100) if figure else failed(100, "the export is not what it must be")
        run.round = number
        row.runs.append(run)
    return row


def test_a_run_that_was_wrong_has_no_figure() -> None:
    assert make_row(0.0).median is None
    assert make_row(10.0, 0.0, 30.0).median == 20.0


def test_ratios_are_of_the_same_round() -> None:
    # The machine was half as fast in the second round, for both.
    assert make_row(80.0, 40.0).ratios(make_row(100.0, 50.0, name="theirs")) == [0.8, 0.8]


def test_a_round_that_went_wrong_for_the_other_is_held_against_its_median() -> None:
    assert make_row(80.0, 40.0).ratios(make_row(100.0, 0.0, name="theirs")) == [0.4, 0.8]


def test_nothing_is_compared_to_what_has_no_figure() -> None:
    ours, theirs = make_row(80.0, against="theirs"), make_row(0.0, name="theirs")
    assert ours.ratios(theirs) == []
    assert ours.as_object({"theirs": theirs})["ratio"] is None


async def test_the_beginning_of_a_run_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    # Ten events in the first hour, ninety in the nine seconds after it.
    looks = iter([(0, 0), (5, 1800), (10, 3600), (40, 3603), (100, 3609)])
    now = [0.0]

    async def applied() -> int:
        count, now[0] = next(looks)
        return count

    monkeypatch.setattr(measuring, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    run = await watch(100, applied, lambda: True, lambda _: None, patience=1e6)
    assert (run.figure, run.seconds, run.events) == (10.0, 3609.0, 100)


async def test_what_has_died_is_not_waited_for() -> None:
    async def applied() -> int:
        return 3

    with pytest.raises(Stuck, match="3 of 100"):
        await watch(100, applied, lambda: False, lambda _: None)


def test_memory_and_processor_time_are_those_of_the_process_named() -> None:
    script = """
import time
input()
held = bytearray(80 << 20)
end = time.process_time() + 0.3
while time.process_time() < end:
    pass
print("done", flush=True)
input()
"""
    busy = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert busy.stdin is not None
        assert busy.stdout is not None
        with Meter({"busy": busy.pid}) as meter:
            busy.stdin.write(b"\n")
            busy.stdin.flush()
            assert busy.stdout.readline() == b"done\n"
            run = meter.note(Run(1.0, 1.0, 1))
        assert run.memory["busy"] > 80
        assert run.own_cpu >= 0.2
        assert run.server_cpu == 0
    finally:
        busy.kill()
        busy.communicate()
