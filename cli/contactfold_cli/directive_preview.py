"""What a directive would change, for people and for programs; unmasked, as whoever may run the command may see it."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from contactfold.domain.directives import Directive
from contactfold.domain.directory import Contact
from contactfold.domain.event import ERASE, RETRACT, SEPARATE, SHARE
from contactfold.domain.outcome import UNCHANGED
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import format_event_id
from contactfold.profile import contact_object
from contactfold_cli.tables import clean
from contactfold_processor.previewing import Preview, Regrouping

_LONGEST = 10
"""Values of one field that are shown to people, and events that are named."""

_NOTHING = {
    SEPARATE: "No contact changes now; from now on no two of these identifiers come to belong to one contact.",
    SHARE: "No contact changes now; from now on these identifiers identify nobody.",
    RETRACT: "No contact changes.",
    ERASE: "No contact changes now; what comes late, and was said before now, will be erased.",
}
_NAMES = {SEPARATE: "separation", SHARE: "share", RETRACT: "retraction", ERASE: "erasure"}


def describe(shown: Preview, schema: Schema, *, limit: int) -> dict[str, object]:
    """The object of `--json`; `changes` holds the first `limit` of each kind of change."""
    before, after = _count(shown.regroupings)
    return {
        "outcome": shown.outcome.status,
        "contacts": {"before": before, "after": after},
        "evidence": {"retracted": shown.retracted, "returned": shown.returned, "erased": shown.erased},
        "named": shown.named,
        "looked_at": shown.looked_at,
        "complete": shown.complete,
        "mentioning": shown.mentioning,
        "not_found": [format_event_id(event_id) for event_id in shown.absent],
        "directives": [
            {"event_id": format_event_id(one.event_id), "type": one.kind, "in_force": in_force}
            for one, in_force in shown.turned
        ],
        "changes": [
            {
                "before": [contact_object(one, schema) for one in group.before],
                "after": [contact_object(one, schema) for one in group.after],
            }
            for groups in _by_kind(shown.regroupings)
            for group in groups[:limit]
        ],
        "organizations": [
            {"account_id": one.account_id, "before": one.before, "after": one.after}
            for one in shown.organizations[:limit]
        ],
    }


def print_preview(shown: Preview, directive: Directive, schema: Schema, *, limit: int) -> None:
    """Print what would change."""
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    if not console.is_terminal:
        # Nobody's terminal is 80 columns wide here: never cut or wrap what a program may read.
        console.width = 10_000
    for groups in _by_kind(shown.regroupings):
        console.print(f"{_head(groups)}:")
        for group in groups[:limit]:
            console.print(_draw(group, schema))
        if len(groups) > limit:
            console.print(f"  and {len(groups) - limit:,} more like this")
    for line in _tell(shown, directive, limit):
        console.print(Text(clean(line)))


def _tell(shown: Preview, directive: Directive, limit: int) -> Iterator[str]:
    """What there is to say beside the contacts."""
    if shown.organizations:
        names = ", ".join(one.account_id for one in shown.organizations[:limit])
        yield f"{_number(len(shown.organizations), 'organization')} would change: {names or '...'}"
    for one, in_force in shown.turned:
        becomes = "would be in force again" if in_force else "would be taken back"
        yield f"The {_NAMES[one.kind]} {format_event_id(one.event_id)} {becomes}: {_name(one)}"
    counted = ((shown.retracted, "left out"), (shown.returned, "counted again"), (shown.erased, "emptied for good"))
    if told := ", ".join(f"{count:,} {what}" for count, what in counted if count):
        yield f"Pieces of evidence: {told}."
    if not shown.regroupings and not shown.turned and shown.complete:
        yield "Nothing changes: it is so already." if shown.outcome.status == UNCHANGED else _NOTHING[directive.kind]
    if directive.kind == ERASE:
        yield "An erasure is for good. Refused events and dead letters that name this person are emptied, too."
    yield from _tell_extent(shown, directive)


def _tell_extent(shown: Preview, directive: Directive) -> Iterator[str]:
    """How much it is in all, and what of it is not in the directory."""
    if not shown.complete and shown.looked_at < shown.named and directive.kind == RETRACT:
        things = "rows" if directive.import_id is not None else "events"
        yield f"This is what the first {shown.looked_at:,} of {shown.named:,} {things} change; the others follow."
    elif not shown.complete:
        yield "This is the first part of it; the rest follows."
    if shown.mentioning:
        verb = "mentions" if shown.mentioning == 1 else "mention"
        yield f"{_number(shown.mentioning, 'contact')} {verb} what would be shared."
    if directive.import_id is not None and not shown.named:
        yield "The directory has no row of this import; rows that come are left out."
    if shown.absent:
        ids = [format_event_id(event_id) for event_id in shown.absent]
        yield f"Not in the directory, and left out when they come: {_list(ids)}"


def _by_kind(regroupings: Iterable[Regrouping]) -> list[list[Regrouping]]:
    """Regroupings by how many contacts become how many: those where people part or join first."""
    kinds: dict[tuple[int, int], list[Regrouping]] = {}
    for group in regroupings:
        kinds.setdefault((len(group.before), len(group.after)), []).append(group)
    return list(kinds.values())


def _head(groups: Sequence[Regrouping]) -> str:
    before, after = _count(groups)
    if not before:
        return f"{_number(after, 'contact')} would be there again"
    if not after:
        return f"{_number(before, 'contact')} would be gone"
    if len(groups[0].before) == len(groups[0].after) == 1:
        return f"{_number(before, 'contact')} would change"
    return f"{_number(before, 'contact')} would become {after:,}"


def _count(regroupings: Iterable[Regrouping]) -> tuple[int, int]:
    groups = list(regroupings)
    return sum(len(group.before) for group in groups), sum(len(group.after) for group in groups)


def _draw(group: Regrouping, schema: Schema) -> Table:
    """Contacts with their fields; of one that stays one, the fields that differ."""
    table = Table.grid(padding=(0, 2, 0, 0))
    alone = len(group.before) == len(group.after) == 1
    before = [_flatten(one, schema) for one in group.before]
    after = [_flatten(one, schema) for one in group.after]
    # Who owns what is told by the values of several; of one, it may be all that differs.
    fields = {name for one in (*before, *after) for name in one if alone or name != "identifiers"}
    if alone:
        same = {name for name in fields if before[0].get(name) == after[0].get(name)}
        if fields == same:
            table.add_row("", "", _id(group.after[0]), "the same values, given by other events")
            return table
        fields -= same
    for side, style, contacts, shown in (
        ("before", "red", group.before, before),
        ("after", "green", group.after, after),
    ):
        for contact, one in zip(contacts, shown, strict=True):
            table.add_row("", side, _id(contact), "", style="bold")
            for name in (name for name in one if name in fields):
                table.add_row("", "", Text(f"  {clean(name)}"), Text(clean(one[name]), style=style))
            if not fields & one.keys():
                table.add_row("", "", "  no such value", "")
    return table


def _flatten(contact: Contact, schema: Schema) -> dict[str, str]:
    """A contact's fields as text, in the schema's order, with what it does not own of what it holds."""
    shown: Any = contact_object(contact, schema)
    fields = {name: value if isinstance(value, list) else [value] for name, value in shown["values"].items()}
    fields |= {"identifiers": shown["identifiers"], "contested": shown["contested"]}
    fields["organizations"] = shown["organizations"]
    return {name: _list(list(map(str, values))) for name, values in fields.items() if values}


def _id(contact: Contact) -> str:
    return format_event_id(contact.id)


def _list(values: Sequence[str]) -> str:
    more = f" and {len(values) - _LONGEST:,} more" if len(values) > _LONGEST else ""
    return ", ".join(values[:_LONGEST]) + more


def _name(directive: Directive) -> str:
    if directive.import_id is not None:
        return f"import {directive.import_id}"
    return _list(directive.identifiers or [format_event_id(event_id) for event_id in directive.events])


def _number(count: int, one: str) -> str:
    return f"{count:,} {one}{'' if count == 1 else 's'}"
