"""What came of a sample, for people and for programs. Values are shown: they are the reader's own file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from json import dumps
from typing import Any

import orjson

from contactfold.domain.outcome import Reason
from contactfold.web.problems import reason_objects
from contactfold_ingest.hooks.trying import Silence, Tried

_NO_ID = "(that of the request's header webhook-id or Idempotency-Key, else one that the door makes)"
_NO_TIME = "(when it is received)"


@dataclass(frozen=True)
class Report:
    """What came of a sample. `refused` are bodies that the door would refuse as a whole, each with a sentence."""

    source: str
    sample: str
    tried: list[Tried]
    silent: list[Silence]
    refused: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether all of it would be accepted."""
        return not self.refused and not any(one.reasons for one in self.tried)


def report_object(report: Report) -> dict[str, Any]:
    """The report as JSON has it."""
    return {
        "source": report.source,
        "sample": report.sample,
        "ok": report.ok,
        "items": [_item_object(one) for one in report.tried],
        "refused": report.refused,
        "nothing_found": [
            {"place": one.place, "expression": one.expression, "message": one.message} for one in report.silent
        ],
    }


def tell_report(report: Report) -> Iterator[str]:
    """The report line by line."""
    yield _tell_sum(report)
    yield from report.refused
    for place, one in enumerate(report.tried):
        yield ""
        yield from _tell_item(place, one)
    if report.silent:
        yield ""
        yield "These expressions found nothing anywhere in the sample:"
        for silent in report.silent:
            yield f"  {silent.place}: {silent.expression}"
            yield f"    {silent.message}"


def _item_object(one: Tried) -> dict[str, Any]:
    return {
        "status": "rejected" if one.reasons else "accepted",
        "event_id": one.event_id,
        "event": one.event,
        "identifiers": list(one.identifiers),
        "ignored_fields": list(one.ignored_fields),
        "remarks": reason_objects(one.remarks),
        "reasons": reason_objects(one.reasons),
    }


def _tell_sum(report: Report) -> str:
    items, refused = len(report.tried), sum(1 for one in report.tried if one.reasons)
    if report.refused and not items:
        return f"{report.sample} would be refused by the source {report.source}:"
    told = f"{report.sample} makes {_count(items - refused, 'event')} of the source {report.source}"
    if refused:
        told += f"; {refused} of {_count(items, 'item')} would be refused"
    return told + (f"; {_count(len(report.refused), 'request')} would be refused whole:" if report.refused else ".")


def _tell_item(place: int, one: Tried) -> Iterator[str]:
    yield f"Item {place}, " + ("refused:" if one.reasons else f"event {one.event_id or 'with an id of the request'}:")
    yield from (f"  {_tell_reason(reason)}" for reason in one.reasons)
    rows = dict(_list_rows(one))
    widest = max(map(len, rows), default=0)
    for name, value in rows.items():
        yield f"  {name:<{widest}}  {value}"
    yield from (f"  {_tell_reason(remark)}" for remark in one.remarks)


def _list_rows(one: Tried) -> Iterator[tuple[str, str]]:
    event: Mapping[str, Any] = one.event
    brought = {} if one.reasons else {"id": _NO_ID, "occurred_at": _NO_TIME}
    for name in ("id", "occurred_at", "action", "match_on", "on_many"):
        if name in event:
            yield name, _show(event[name])
        elif name in brought:
            yield name, brought[name]
    for part in ("values", "organization"):
        yield from ((f"{part}.{_plain(name)}", _show(value)) for name, value in event.get(part, {}).items())
    if one.identifiers:
        yield "identifiers", " ".join(map(_plain, one.identifiers))
    if one.ignored_fields:
        yield "ignored", " ".join(map(_plain, one.ignored_fields))


def _tell_reason(reason: Reason) -> str:
    position = "" if reason.position is None else f"[{reason.position}]"
    where = f"{_plain(reason.field)}{position}: " if reason.field else ""
    return f"{where}{reason.message} ({reason.code})"


def _show(value: object) -> str:
    """A text as it is, anything else as JSON."""
    if isinstance(value, str) and value:
        return _plain(value)
    return _escape(value, orjson.dumps(value).decode())


def _plain(text: str) -> str:
    """Text that a terminal only shows: one with a character that it would obey is written as JSON escapes it."""
    return _escape(text, text)


def _escape(value: object, shown: str) -> str:
    return shown if shown.isprintable() else dumps(value)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
