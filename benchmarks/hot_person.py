"""`python -m benchmarks.hot_person`: what one person whom two processors write all the time costs everybody else.

A log of four partitions holds the events of many people and, among them, those of one person under four addresses, so
that each partition has its share of them. Two processors apply it all. Told for each share of the one person's
events: how many events of others a second, and how many commits were made and refused for it.
"""

import argparse
import asyncio
import contextlib
import json
import random
import sys
import time
import urllib.request
from collections.abc import Iterator

import uvloop

from benchmarks.measuring import Run, Stuck, watch
from benchmarks.stage import Command, Place, Stage, fill
from contactfold.domain.stamp import format_time, parse_time
from contactfold.ports import NewRecord
from servers.found import Missing
from servers.processes import free_ports

PARTITIONS, PROCESSORS = 4, 2
START = parse_time("2026-01-01T00:00:00Z") or 0
COUNTED = {
    "commits": "contactfold_batch_seconds_count",
    "refused": "contactfold_batch_conflicts_total",
    "hot": "contactfold_hot_batches_total",
}


def make_records(others: int, share: float, seed: int) -> list[NewRecord]:
    """So many events of others and, spread evenly, those of the one person: `share` of all."""
    chance = random.Random(seed)
    records = [_record(0, "hot0", [f"hot{n}@example.com" for n in range(PARTITIONS)])]
    while others:
        if chance.random() < share:
            name = f"hot{chance.randrange(PARTITIONS)}"
        else:
            name, others = f"p{chance.randrange(10_000)}", others - 1
        records.append(_record(len(records), name, [f"{name}@example.com"]))
    return records


def _record(place: int, name: str, emails: list[str]) -> NewRecord:
    said = {"id": f"e{place}", "source": "bench", "occurred_at": format_time(START + place * 1_000_000)}
    return NewRecord(name.encode(), json.dumps({**said, "values": {"email": emails, "labels": [name]}}).encode())


def measure(stage: Stage, records: list[NewRecord]) -> tuple[Run, dict[str, float]]:
    """Apply all of it with two processors; returns the run and what they counted."""
    log = Place(stage.files / f"log-{len(records)}", stage.make_topics())
    with stage.database() as url, contextlib.ExitStack() as ends:
        place = Place(log.data_dir, log.log, url)
        ports = free_ports(PROCESSORS)
        commands = [_start(stage, place, port, ends) for port in ports]

        async def follow() -> Run:
            async with place.opened() as (opened, directory):
                partitions = list(await opened.ends())
                await _until_both_read(ports)
                await fill(log, records, lambda _: None)

                async def applied() -> int:
                    return sum(window.next for window in (await directory.positions(partitions)).values())

                return await watch(len(records), applied, lambda: all(c.pid for c in commands), lambda _: None)

        run = uvloop.run(follow())
        counted = [dict(_read_metrics(port)) for port in ports]
    return run, {name: sum(each.get(name, 0.0) for each in counted) for name in COUNTED}


def _start(stage: Stage, place: Place, port: int, ends: contextlib.ExitStack) -> Command:
    output = stage.files / f"hot-{port}.log"
    command = Command("contactfold_cli", ["processor"], place.environment(PORT=str(port)), output)
    command.start(lambda: True)
    ends.callback(command.stop)
    return command


async def _until_both_read(ports: list[int]) -> None:
    """Wait until every processor holds partitions: it tells how much waits in each of them."""
    end = time.monotonic() + 60
    for port in ports:
        while not any(line.startswith("contactfold_position_lag{") for line in _read_lines(port)):
            if time.monotonic() > end:
                raise Stuck("a processor was given no partition")
            await asyncio.sleep(0.2)


def _read_lines(port: int) -> list[str]:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        text: str = answer.read().decode()
        return text.splitlines()
    return []


def _read_metrics(port: int) -> Iterator[tuple[str, float]]:
    lines = _read_lines(port)
    for name, metric in COUNTED.items():
        yield from ((name, float(line.split()[-1])) for line in lines if line.startswith(f"{metric} "))


def main() -> int:
    """Measure one share after the other, the first without any of the one person's events."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hot_person", description=__doc__)
    parser.add_argument("--others", type=int, default=40_000, help="events of other people")
    parser.add_argument("--shares", default="0,0.002,0.01,0.05,0.25,0.5", help="of the one person's events")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    print(f"{'share':>6} {'others/s':>9} {'of all':>7} {'commits':>8} {'refused':>8} {'hot':>6} {'others/try':>11}")
    whole = 0.0
    try:
        with Stage(PARTITIONS) as stage:
            for share in map(float, options.shares.split(",")):
                records = make_records(options.others, share, options.seed)
                run, counted = measure(stage, records)
                rate = run.figure * options.others / len(records)
                whole = whole or rate
                tries = counted["commits"] + counted["refused"]
                print(
                    f"{share:>6.1%} {rate:>9,.0f} {rate / whole:>7.0%} {counted['commits']:>8,.0f} "
                    f"{counted['refused']:>8,.0f} {counted['hot']:>6,.0f} {options.others / max(1, tries):>11.1f}"
                )
    except Missing as missing:
        print(f"Nothing was measured: {missing}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
