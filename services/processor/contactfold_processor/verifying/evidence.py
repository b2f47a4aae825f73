"""Evidence against what it leads to: its contact, its partition's position, its words, its organisation's fragment."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from contactfold.domain.directory import Fragment, Handle
from contactfold.domain.event import Organization, Statement
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId
from contactfold.ports import Directory, Evidence, Partition, Window
from contactfold.wire import Unreadable, read_evidence
from contactfold_processor.rereading import Stretch
from contactfold_processor.verifying.findings import (
    EVIDENCE,
    NOTHING,
    ORGANIZATION,
    Mismatch,
    name_contact,
    name_contacts,
    name_event,
    name_stamp,
)
from contactfold_processor.verifying.rules import RetractionCheck

PAGE = 1000


class EvidenceCheck:
    """Each piece belongs to one contact, is of an applied record, says what it is called, and counts where it must.

    `places` counts the pieces that say they came from the given stretches of the log, by partition.
    """

    name = "evidence"

    def __init__(self, schema: Schema, stretches: Mapping[Partition, Stretch]) -> None:
        self._schema, self._stretches = schema, stretches
        self._retractions = RetractionCheck(schema)
        self.places: Counter[Partition] = Counter()

    async def page(self, moment: Directory, after: Evidence | None) -> list[Evidence]:
        """See `Check.page`."""
        pieces = await moment.list_evidence(after=after.event_id if after else None, limit=PAGE)
        for piece in pieces:
            stretch = self._stretches.get(piece.partition)
            if stretch is not None and stretch.begin <= piece.offset < stretch.end:
                self.places[piece.partition] += 1
        return pieces

    async def again(self, moment: Directory, documents: list[Evidence]) -> list[Evidence]:
        """See `Check.again`."""
        return await moment.pieces([piece.event_id for piece in documents])

    async def compare(self, moment: Directory, documents: list[Evidence]) -> list[Mismatch]:
        """See `Check.compare`."""
        positions = await moment.positions(list({piece.partition for piece in documents}))
        theirs = {piece.event_id: piece.handle for piece in documents if piece.handle is not None}
        holders = await moment.holders(list(set(theirs.values())))
        histories = await moment.in_histories(theirs)
        accounts = {(each.account_id, each.partition) for each in documents if each.account_id is not None}
        fragments = await moment.fragments(list(accounts)) if accounts else {}
        found = await self._retractions.compare(moment, documents)
        for piece in documents:
            found += _compare_position(piece, positions.get(piece.partition))
            found += _compare_handle(piece, holders, histories)
            found += self._compare_words(piece, fragments)
        return found

    def _compare_words(
        self, piece: Evidence, fragments: Mapping[tuple[str, Partition], Fragment]
    ) -> Iterator[Mismatch]:
        if piece.erased_by or (piece.handle is None and not piece.account_id):
            return  # a skeleton, a refusal or a directive, which has nothing that was folded
        try:
            statement = read_evidence(piece, self._schema)
        except Unreadable:
            yield _about(piece, "event", "what cannot be read", "a statement in normal form")
            return
        if (statement.event_id, statement.stamp) != (piece.event_id, piece.stamp):
            yield _about(piece, "event", f"the words of {name_stamp(statement.stamp)}", name_stamp(piece.stamp))
        if statement.organization is not None and not piece.retracted:
            key = (statement.organization.account_id, piece.partition)
            yield from compare_with_fragment(piece, statement, statement.organization, fragments.get(key))


def compare_with_fragment(
    piece: Evidence, statement: Statement, organization: Organization, fragment: Fragment | None
) -> Iterator[Mismatch]:
    """Whether a fragment holds what a statement says of its organisation, or something later."""
    where = f"{organization.account_id} of {piece.partition}"
    said_by = f"what event {name_event(piece.event_id)} says, or later"
    if fragment is None:
        yield Mismatch(ORGANIZATION, where, "document", NOTHING, f"a fragment with {said_by}")
        return
    if fragment.said < statement.stamp:
        yield Mismatch(ORGANIZATION, where, "said", name_stamp(fragment.said), said_by)
    for field, value in organization.fields.items():
        held = fragment.fields.get(field)
        if held is None or held[0] < statement.stamp:
            stored = NOTHING if held is None else f"what was said by {name_stamp(held[0])}"
            yield Mismatch(ORGANIZATION, where, field, stored, said_by)
        elif held[0] == statement.stamp and held[1:] != (value, statement.source):
            yield Mismatch(ORGANIZATION, where, field, f"another value by {name_stamp(held[0])}", said_by)


def _compare_position(piece: Evidence, window: Window | None) -> Iterator[Mismatch]:
    position = 0 if window is None else window.next
    if piece.offset >= position:
        stored = f"{piece.partition}/{piece.offset}"
        yield _about(piece, "place", stored, f"a record before the position, which is {position}")


def _compare_handle(
    piece: Evidence, holders: Mapping[Handle, list[Handle]], histories: Collection[EventId]
) -> Iterator[Mismatch]:
    if piece.handle is None:
        if piece.outcome.contact_id is not None and not piece.retracted and not piece.erased_by:
            yield _about(piece, "handle", NOTHING, "a contact, for it was applied to one")
    elif len(found := holders.get(piece.handle, [])) != 1:
        stored = f"{name_contact(piece.handle)}, which answers for {name_contacts(found)}"
        yield _about(piece, "handle", stored, "a handle of one contact")
    elif piece.event_id not in histories:
        stored = f"{name_contact(piece.handle)}, whose history lacks it"
        yield _about(piece, "handle", stored, "a contact whose history has it")


def _about(piece: Evidence, field: str, stored: str, expected: str) -> Mismatch:
    return Mismatch(EVIDENCE, name_event(piece.event_id), field, stored, expected)
