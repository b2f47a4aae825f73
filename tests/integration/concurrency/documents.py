"""What a batch writes over the version it has loaded: names of those documents, and the same batch without some."""

from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeAlias

from contactfold.ports import Changes

Name: TypeAlias = tuple[str, Hashable]
"""A document: its kind and its id."""

_KINDS: dict[str, tuple[tuple[str, ...], Callable[[Any], Hashable]]] = {
    "contact": (("contacts", "gone_contacts"), lambda contact: contact.handle),
    "claim": (("claims", "gone_claims", "absent_claims"), lambda claim: getattr(claim, "identifier", claim)),
    "component": (("components", "gone_components"), lambda component: component.id),
    "event": (("evidence", "marks", "rewritten"), lambda event: event.event_id),
    "fragment": (("fragments", "gone_fragments"), lambda fragment: (fragment.account_id, fragment.partition)),
    "gate": (("gates",), lambda gate: (gate.subject, gate.partition)),
}
"""For each kind the lists of `Changes` it is in, and its id. Positions are apart: nobody shares those."""


def names_of(changes: Changes) -> set[Name]:
    """Every document that a batch writes over a version."""
    return {
        (kind, name(document))
        for kind, (lists, name) in _KINDS.items()
        for documents in lists
        for document in getattr(changes, documents)
    }


def kinds_of(names: Iterable[Name]) -> tuple[str, ...]:
    """The kind of each, in alphabetical order."""
    return tuple(sorted(kind for kind, _ in names))


def drop(changes: Changes, names: set[Name]) -> None:
    """Take documents out of a batch, which then neither looks at their versions nor raises them."""
    for kind, (lists, name) in _KINDS.items():
        for documents in lists:
            kept = [document for document in getattr(changes, documents) if (kind, name(document)) not in names]
            setattr(changes, documents, kept)
    changes.moved_members = [move for move in changes.moved_members if ("component", move[0]) not in names]
