"""Fragments of organisations against the evidence they rest on.

That no statement is missing from them is found where the evidence is checked (`evidence`); here, that nothing is in
them which no statement says. Together: each is exactly what its evidence makes of it.
"""

from collections.abc import Iterator, Mapping

from contactfold.domain.directory import Fragment
from contactfold.domain.event import Organization, Scalar, Statement
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId, Stamp, stamp_event
from contactfold.ports import Directory, Evidence
from contactfold.wire import Unreadable, read_evidence
from contactfold_processor.verifying.findings import ORGANIZATION, Mismatch, name_stamp

PAGE = 500


class OrganizationCheck:
    """Each field of a fragment is what a statement of the same account and partition says, which is in force."""

    name = "organizations"

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    async def page(self, moment: Directory, after: Fragment | None) -> list[Fragment]:
        """See `Check.page`."""
        place = (after.account_id, after.partition) if after else None
        return await moment.list_fragments(after=place, limit=PAGE)

    async def again(self, moment: Directory, documents: list[Fragment]) -> list[Fragment]:
        """See `Check.again`."""
        return list((await moment.fragments([(each.account_id, each.partition) for each in documents])).values())

    async def compare(self, moment: Directory, documents: list[Fragment]) -> list[Mismatch]:
        """See `Check.compare`."""
        events = {stamp_event(stamp) for fragment in documents for stamp in _stamps(fragment)}
        pieces = {piece.event_id: piece for piece in await moment.pieces(list(events))}
        statements = {event_id: self._read(piece) for event_id, piece in pieces.items()}
        return [each for fragment in documents for each in _compare(fragment, pieces, statements)]

    def _read(self, piece: Evidence) -> Statement | None:
        if piece.account_id is None or piece.retracted or piece.erased_by:
            return None
        try:
            return read_evidence(piece, self._schema)
        except Unreadable:
            return None


def _stamps(fragment: Fragment) -> Iterator[Stamp]:
    yield fragment.said
    for stamp, _, _ in fragment.fields.values():
        yield stamp


def _compare(
    fragment: Fragment, pieces: Mapping[EventId, Evidence], statements: Mapping[EventId, Statement | None]
) -> Iterator[Mismatch]:
    where = f"{fragment.account_id} of {fragment.partition}"

    def say(stamp: Stamp) -> tuple[Organization, str] | None:
        """What the statement of a stamp says of this fragment's organisation, and its source."""
        piece, statement = pieces.get(stamp_event(stamp)), statements.get(stamp_event(stamp))
        if piece is None or statement is None or statement.organization is None or statement.stamp != stamp:
            return None
        if (statement.organization.account_id, piece.partition) != (fragment.account_id, fragment.partition):
            return None
        return statement.organization, statement.source

    if say(fragment.said) is None:
        expected = "the latest statement about it in this partition"
        yield Mismatch(ORGANIZATION, where, "said", name_stamp(fragment.said), expected)
    for field, (stamp, value, source) in fragment.fields.items():
        said = say(stamp)
        stored = f"what was said by {name_stamp(stamp)}"
        if said is None:
            yield Mismatch(ORGANIZATION, where, field, stored, "what a statement in evidence says")
        elif not _says(said, field, value, source):
            yield Mismatch(ORGANIZATION, where, field, stored, "what that statement says")


def _says(said: tuple[Organization, str], field: str, value: Scalar | None, source: str) -> bool:
    organization, own_source = said
    return field in organization.fields and (organization.fields[field], own_source) == (value, source)
