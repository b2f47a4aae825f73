"""What `contactfold hooks` does."""

import sys
import time
from pathlib import Path

from contactfold.config import Config, Misconfigured, Settings, Source
from contactfold.exits import Exit
from contactfold.faults import suggest
from contactfold.web.problems import Problem
from contactfold_cli.composition import print_json
from contactfold_cli.hook_report import Report, report_object, tell_report
from contactfold_cli.tables import print_table
from contactfold_ingest.hooks.trying import Trial

_STANDARD_INPUT = Path("-")
_LINES = (".ndjson", ".jsonl")
"""Names of files that hold one request's body a line."""


def run_try(config: Config, _: Settings, *, name: str, sample: Path, json: bool) -> int:
    """Try a sample against a source; exit code 1 where the door would refuse any of it.

    Raises `Misconfigured` for a source there is not, or a file that cannot be read.
    """
    source = _find_source(config, name)
    bodies = _read_bodies(sample)
    trial = Trial(name, source, config.contact_schema, config.limits, now=time.time_ns() // 1000)
    refused = []
    for where, body in bodies:
        try:
            trial.add(body)
        except Problem as problem:
            refused.append(f"{where}{problem.detail}")
    shown = "standard input" if sample == _STANDARD_INPUT else str(sample)
    report = Report(name, shown, trial.tried, trial.find_silence(), refused)
    if json:
        print_json(report_object(report))
    else:
        print("\n".join(tell_report(report)))
    return Exit.DONE if report.ok else Exit.NO


def run_list(config: Config, _: Settings, *, json: bool) -> int:
    """Show every source: its address, who may send to it, and what it does."""
    rows = [_summarise(name, source) for name, source in config.sources.items()]
    if json:
        print_json(rows)
    elif rows:
        print_table(rows)
    else:
        print("The configuration has no source; docs/configuration.md tells how one is written.")
    return Exit.DONE


def _summarise(name: str, source: Source) -> dict[str, object]:
    return {
        "source": name,
        "address": f"/hooks/{name}",
        "needs": "a signature" if source.signing_secrets else "an API key",
        "action": source.action,
        "match_on": list(source.match_on or ()),
        "values": ["the item's own keys"] if source.values is None else list(source.values),
    }


def _find_source(config: Config, name: str) -> Source:
    source = config.sources.get(name)
    if source is None:
        known = ", ".join(config.sources) or "none"
        meant = suggest(name, config.sources) or "."
        raise Misconfigured([f"There is no source {name!r}{meant} The sources are: {known}."])
    return source


def _read_bodies(sample: Path) -> list[tuple[str, bytes]]:
    """Each request's body of a sample, with where it stands if there may be several."""
    try:
        raw = sys.stdin.buffer.read() if sample == _STANDARD_INPUT else sample.read_bytes()
    except FileNotFoundError:
        raise Misconfigured([f"{sample}: there is no such file"]) from None
    except OSError as error:
        raise Misconfigured([f"{sample}: the file cannot be read: {error.strerror}"]) from None
    if sample.suffix.lower() not in _LINES:
        return [("", raw)]
    lines = enumerate(raw.split(b"\n"), 1)
    return [(f"Line {number}: ", line) for number, line in lines if line.strip()] or [("", raw)]
