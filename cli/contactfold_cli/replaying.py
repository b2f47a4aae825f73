"""`contactfold replay`: the log read again into the directory, with the export's digest before and after."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from contactfold.canonical import closing, export_lines
from contactfold.config import Config, Misconfigured, Settings
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import parse_time
from contactfold.exits import Exit
from contactfold.lifetime import machine_clock, run_loop
from contactfold.ports import Directory, EventLog, Partition
from contactfold_cli.attributing import Attribution, Changed
from contactfold_cli.bars import Bars, progress_bars
from contactfold_cli.composition import opened_directory, opened_log, print_json
from contactfold_cli.footprints import Footprint, list_changed
from contactfold_cli.replay_report import Finding, describe, write_finding
from contactfold_processor.replaying import Replay

BEGINNING = "beginning"


@dataclass(slots=True)
class _Moment:
    """What a directory was when its footprint was taken."""

    positions: dict[Partition, int]
    settling: bool


def read_start(text: str) -> int | None:
    """Where `--from` says to begin: microseconds since 1970, or None for the beginning. Raises `Misconfigured`."""
    if text == BEGINNING:
        return None
    since = parse_time(text)
    if since is None:
        wanted = f"--from must be {BEGINNING} or a time such as 2026-11-21T20:21:22Z, not {text!r}."
        raise Misconfigured([wanted])
    return since


def run_replay(config: Config, settings: Settings, *, start: str, json: bool) -> int:
    """Replay from `start`; exit code 1 where a record was missing, or something changed that nothing explains."""
    return run_loop(_replay(config, settings, start, read_start(start), json=json))


async def _replay(config: Config, settings: Settings, start: str, since: int | None, *, json: bool) -> int:
    schema = config.contact_schema
    async with opened_log(settings) as log, opened_directory(settings, schema) as directory:
        with Footprint() as before, Footprint() as after, progress_bars("records", quiet=json) as bars:
            finding = await _find(log, directory, config, schema, since, (before, after), bars)
    if json:
        print_json(describe(finding, start))
    else:
        write_finding(finding, start)
    return Exit.DONE if finding.changed_nothing else Exit.NO


async def _find(
    log: EventLog,
    directory: Directory,
    config: Config,
    schema: Schema,
    since: int | None,
    footprints: tuple[Footprint, Footprint],
    bars: Bars,
) -> Finding:
    before, after = footprints
    partitions = sorted(await log.ends())
    then = await _take(directory, schema, partitions, before, bars, "before")
    replay = Replay(log, directory, then.positions, schema=schema, limits=config.limits, clock=machine_clock)
    stretches = await replay.plan(since)
    begun = time.monotonic()
    report = await replay.run(stretches, bars.begin("replay", sum(each.size for each in stretches)))
    seconds = time.monotonic() - begun
    now = await _take(directory, schema, partitions, after, bars, "after")
    live = await replay.follow()
    changed = Changed()
    if before.digest != after.digest:
        attribution = Attribution(directory, then.positions, report.events)
        changed = await attribution.attribute(list_changed(before, after))
    ends = await log.ends()
    waiting = sum(end - now.positions.get(name, first) for name, (first, end) in ends.items())
    return Finding(
        report=report,
        seconds=seconds,
        before=before.digest,
        after=after.digest,
        live=live,
        changed=changed,
        settling=then.settling or now.settling,
        waiting=max(0, waiting),
    )


async def _take(
    directory: Directory, schema: Schema, partitions: Sequence[Partition], footprint: Footprint, bars: Bars, name: str
) -> _Moment:
    """Take the footprint of a directory as of one moment."""
    advance = bars.begin(f"export {name}", (await directory.counts()).get("contacts"))
    async with directory.snapshot() as moment:
        positions = await moment.positions(partitions)
        settling = bool(await moment.settlings())
        async with closing(export_lines(moment, schema)) as lines:
            async for line in lines:
                footprint.add(line)
                advance(1)
    return _Moment({name: window.next for name, window in positions.items()}, settling)
