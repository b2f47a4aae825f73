"""What `contactfold verify` says, for people and for programs."""

from contactfold.domain.stamp import format_event_id
from contactfold_cli.tables import print_table
from contactfold_processor.verifying.findings import TOO_LARGE, UNSETTLED, Mismatch, Report

_KINDS = {
    "evidence": "pieces of evidence",
    "dead_letters": "dead letters",
    "organizations": "fragments of organisations",
    "rebuilt": "contacts folded anew",
    "rebuilt_components": "components folded anew",
}


def describe(report: Report) -> dict[str, object]:
    """The report as JSON."""
    records, findings = report.records, report.findings
    return {
        "clean": report.clean,
        "records": {
            "read": records.read,
            "evidence": records.evidence,
            "duplicates": records.duplicates,
            "dead_letters": records.dead,
            "redriven": records.redriven,
            "waiting": records.waiting,
            "gone": records.gone,
        },
        "checked": dict(report.checked),
        "gaps": [
            {"partition": partition, "position": gap.position, "earliest": gap.earliest, "taken": gap.taken}
            for partition, gap in report.gaps
        ],
        "settling": [
            {"directive": format_event_id(one.directive), "done": one.done, "total": one.total}
            for one in report.settling
        ],
        "unsettled": findings.noted[UNSETTLED],
        "too_large": findings.noted[TOO_LARGE],
        "mismatches": {
            "count": findings.count,
            "by_kind": dict(findings.counts),
            "first": [_describe(mismatch) for mismatch in findings.first],
        },
    }


def write_report(report: Report) -> None:
    """The report on standard output."""
    _write_records(report)
    told = (f"{count:,} {_KINDS.get(name, name)}" for name, count in report.checked.items() if name != "records")
    print(f"Checked: {', '.join(told) or 'nothing, for there is nothing'}.")
    _write_remarks(report)
    findings = report.findings
    if report.clean:
        print("Everything agrees.")
        return
    by_kind = ", ".join(f"{kind} {count:,}" for kind, count in sorted(findings.counts.items()))
    print(f"Mismatches: {findings.count:,} ({by_kind}).")
    if findings.first:
        print_table([_describe(mismatch) for mismatch in findings.first])
    if findings.count > len(findings.first):
        print(f"These are the first {len(findings.first)}; --first N shows more.")


def _write_records(report: Report) -> None:
    records = report.records
    parts = [
        (records.evidence, "in evidence"),
        (records.duplicates, "duplicates"),
        (records.dead, "dead letters"),
        (records.redriven, "redriven with another body"),
    ]
    told = ", ".join(f"{count:,} {what}" for count, what in parts if count) or "none applied"
    print(f"Records: {records.read:,} on the log before the positions: {told}.")
    if records.waiting:
        print(f"Waiting: {records.waiting:,} records beyond the positions, not applied yet.")
    if records.gone:
        print(f"Gone: {records.gone:,} applied records are no longer on the log.")


def _write_remarks(report: Report) -> None:
    """What an operator should know and is no mismatch."""
    for partition, gap in report.gaps:
        how = "was done without" if gap.taken else "is to be done without"
        print(f"Gap: {partition} from {gap.position} to {gap.earliest} {how}, as somebody accepted.")
    for one in report.settling:
        print(f"Settling: {format_event_id(one.directive)}, {one.done:,} of about {one.total:,} done.")
    noted = report.findings.noted
    if noted[UNSETTLED]:
        print(f"Unsettled: {noted[UNSETTLED]:,} differences that settling may still resolve; verify again afterwards.")
    if noted[TOO_LARGE]:
        print(f"Too large to rebuild: {noted[TOO_LARGE]:,} components (limits.component_events).")


def _describe(mismatch: Mismatch) -> dict[str, object]:
    return {
        "kind": mismatch.kind,
        "where": mismatch.where,
        "field": mismatch.field,
        "stored": mismatch.stored,
        "expected": mismatch.expected,
    }
