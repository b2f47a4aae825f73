"""What `contactfold replay` says at its end, to people and to programs."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from contactfold.domain.stamp import format_event_id
from contactfold_cli.attributing import Changed
from contactfold_processor.replaying import Live, Report
from contactfold_processor.restoring import Failed, Restored

_SHOWN = 20
"""Records that people are shown; programs get all that are named."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a replay has found. `before` and `after` are digests of the export; `seconds` is how long reading took."""

    report: Report
    seconds: float
    before: str
    after: str
    live: Live
    changed: Changed
    settling: bool
    waiting: int

    @property
    def explained(self) -> bool:
        """Whether everything that changed is known to be somebody's doing."""
        return not self.changed.unknown or self.settling or bool(self.live.directives)

    @property
    def changed_nothing(self) -> bool:
        """Whether the replay has found every record in the directory, and no change that nothing explains."""
        return not self.report.missing and self.explained


def describe(finding: Finding, start: str) -> dict[str, object]:
    """The JSON object of `--json`."""
    report, changed = finding.report, finding.changed
    return {
        "from": start,
        "records": report.records,
        "in_evidence": report.in_evidence,
        "dead_letters": report.dead,
        "redriven": report.settled,
        "missing": report.missing,
        "restored": report.restored,
        "failed": report.failed,
        "named": [_describe_record(one) for one in report.named],
        "lost": [{"partition": one.partition, "from": one.begin, "to": one.end} for one in report.lost],
        "live": {"records": finding.live.records, "directives": finding.live.directives},
        "changed": {
            "live": changed.live,
            "replay": changed.replay,
            "unknown": changed.unknown,
            "examples": changed.examples,
        },
        "settling": finding.settling,
        "waiting": finding.waiting,
        "digest": {"before": finding.before, "after": finding.after},
        "changed_nothing": finding.changed_nothing,
        "seconds": round(finding.seconds, 3),
    }


def _describe_record(one: Restored | Failed) -> dict[str, object]:
    if isinstance(one, Failed):
        return {"record": one.place, "reason": one.reason}
    return {
        "record": one.place,
        "became": one.fate,
        "event_id": None if one.event_id is None else format_event_id(one.event_id),
    }


def write_finding(finding: Finding, start: str) -> None:
    """Tell people; what must be looked at goes to standard error."""
    for line in _tell(finding, start):
        print(line)
    for line in _warn(finding):
        print(line, file=sys.stderr)


def _tell(finding: Finding, start: str) -> Iterator[str]:
    report, live, changed = finding.report, finding.live, finding.changed
    speed = f"{report.records / finding.seconds:,.0f} a second" if finding.seconds > 0 else "at once"
    yield f"{_count(report.records, 'record')} read again from {_where(start)} up to the positions, {speed}:"
    yield f"{report.in_evidence:,} in evidence, {report.dead:,} dead letters, {report.missing:,} missing."
    if report.settled:
        yield f"{_count(report.settled, 'dead letter')} had been applied with another body."
    if finding.before == finding.after:
        yield f"Nothing changed. The digest of the export is {finding.after}, as before."
    else:
        yield f"The digest of the export was {finding.before} and is {finding.after}."
    if live.records:
        yield f"Meanwhile the processor applied {_count(live.records, 'live record')}."
    if changed.live:
        yield f"{_count(changed.live, 'contact or organization', 'contacts and organizations')} changed by these."
    if finding.before != finding.after and finding.changed_nothing and not changed.unknown:
        yield "Nothing else changed."
    if finding.waiting:
        yield f"{_count(finding.waiting, 'record')} beyond the positions left to the processor."


def _warn(finding: Finding) -> Iterator[str]:
    report, changed = finding.report, finding.changed
    for lost in report.lost:
        yield f"The log no longer holds {lost.partition} from {lost.begin} to {lost.end}: not read again."
    if report.restored:
        was, are = ("was", "it is") if report.restored == 1 else ("were", "they are")
        yield f"{_count(report.restored, 'record')} {was} not in the directory; {are} now."
    if report.failed:
        was = "was" if report.failed == 1 else "were"
        yield f"{_count(report.failed, 'record')} {was} not in the directory and cannot be applied:"
    for one in report.named[:_SHOWN]:
        yield f"  {_name(one)}"
    if report.missing > _SHOWN:
        yield f"  and {report.missing - _SHOWN:,} more"
    if not changed.unknown:
        return
    told = _count(changed.unknown, "contact or organization", "contacts and organizations")
    if finding.explained:
        yield f"{told} changed that no new record speaks of, as directives do that are new or settling."
    else:
        yield f"{told} changed, neither by this replay nor by a live record; run `contactfold verify`:"
        yield f"  {', '.join(changed.examples)}"


def _name(one: Restored | Failed) -> str:
    if isinstance(one, Failed):
        return f"{one.place}: {one.reason}"
    return f"{one.place}: {one.fate}{'' if one.event_id is None else f', event {format_event_id(one.event_id)}'}"


def _where(start: str) -> str:
    return f"the {start}" if start == "beginning" else start


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
