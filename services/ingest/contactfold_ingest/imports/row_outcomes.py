"""What became of each row of an import, as the directory tells it (CONTRACT 6): nothing of it is kept anywhere else.

A row is evidence, or a dead letter, or not applied. Of evidence that was erased nothing is told but that. Contacts are
today's: a row answers with whoever has what it said by now, through merges and separations.
"""

import heapq
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

import msgspec

from contactfold.domain.directory import Handle
from contactfold.domain.erasing import NOTHING
from contactfold.domain.outcome import REJECTED, Reason
from contactfold.domain.stamp import EventId, format_event_id
from contactfold.ports import DeadLetter, Directory, Evidence, Import
from contactfold_ingest.imports.progress import COUNTED

FAILED = "failed"
PAGE = 500
"""Rows that are asked for at once."""

_WINDOW = 20_000
"""Rows among which one question looks for those of one outcome, so that none takes long."""
_LAST = (1 << 62) - 1
_BEFORE = -1

TOO_LARGE = "component_too_large"
_MESSAGES = {
    TOO_LARGE: "The row is earlier than what the directory has of these contacts, and to fold them anew is more than "
    "limits.component_events allows: an identifier is shared by too many, `contactfold dead show` names it."
}
"""What is told, of dead letters whose reasons name identifiers, to whoever may not see personal values."""


class RowOutcome(msgspec.Struct, array_like=True, frozen=True):
    """What became of one row: `outcome` is one of created, updated, unchanged, ignored and failed.

    `contact_id` is the contact that it is part of now; None for a row that is part of none, failed or taken back.
    `erased`: nobody may see again what it said. `retracted`: it is left out of the directory, by a rollback or so.
    """

    row: int
    outcome: str
    contact_id: str | None = None
    reasons: tuple[Reason, ...] = ()
    erased: bool = False
    retracted: bool = False


async def list_outcomes(
    directory: Directory, one: Import, outcome: str | None = None, *, after: int = _BEFORE, personal: bool = True
) -> AsyncIterator[RowOutcome]:
    """What became of an import's rows past the row `after`, in their order; of those with one outcome, if it is named.

    Rows that are not applied are left out. Without `personal` no reason names an identifier. Raises `Unavailable`.
    """
    streams = []
    if outcome in (None, FAILED):
        streams.append(_letters(directory, one, after, personal=personal))
    status = REJECTED if outcome == FAILED else outcome
    streams.append(_evidence(directory, one, status, after))
    async for told in merge_rows(streams):
        yield told


async def merge_rows(streams: Iterable[AsyncIterator[RowOutcome]]) -> AsyncIterator[RowOutcome]:
    """Streams in the order of rows as one; a row that two of them have is told once, by the later of them."""
    heads: list[tuple[int, int, RowOutcome, AsyncIterator[RowOutcome]]] = []
    for place, stream in enumerate(streams):
        async for first in stream:
            heapq.heappush(heads, (first.row, place, first, stream))
            break
    last: RowOutcome | None = None
    while heads:
        row, place, told, stream = heapq.heappop(heads)
        if last is not None and last.row != row:
            yield last
        last = told
        async for following in stream:
            heapq.heappush(heads, (following.row, place, following, stream))
            break
    if last is not None:
        yield last


async def _evidence(directory: Directory, one: Import, status: str | None, after: int) -> AsyncIterator[RowOutcome]:
    while True:
        # Past the row that was noted last there is little: what a process wrote that was killed before its note.
        through = after + _WINDOW if after + _WINDOW < one.farthest else _LAST
        page = await directory.rows_of_import(one.id, after=after, through=through, status=status, limit=PAGE)
        for told in await _tell_evidence(directory, page):
            yield told
        if page:
            after = _row(page[-1])
        elif through == _LAST:
            return
        else:
            after = through


async def _tell_evidence(directory: Directory, page: Sequence[Evidence]) -> list[RowOutcome]:
    handles = {piece.handle for piece in page if piece.handle is not None and not piece.retracted}
    ids: Mapping[Handle, EventId] = await directory.ids_of_contacts(list(handles)) if handles else {}
    told: list[RowOutcome] = []
    for piece in page:
        contact = ids.get(piece.handle) if piece.handle is not None and not piece.retracted else None
        status = FAILED if piece.outcome.status == REJECTED else piece.outcome.status
        told.append(
            RowOutcome(
                _row(piece),
                status if status in COUNTED else FAILED,
                None if contact is None else format_event_id(contact),
                tuple(piece.outcome.reasons),
                bool(piece.erased_by),
                piece.retracted,
            )
        )
    return told


def _row(piece: Evidence | DeadLetter) -> int:
    assert piece.import_row is not None
    return piece.import_row[1]


async def _letters(directory: Directory, one: Import, after: int, *, personal: bool) -> AsyncIterator[RowOutcome]:
    place = (after, _HIGHEST)
    while page := await directory.letters_of_import(one.id, after=place, limit=PAGE):
        for letter in page:
            message = letter.reason if personal else _MESSAGES.get(letter.code, letter.reason)
            reasons = (Reason(letter.code, message),)
            yield RowOutcome(_row(letter), FAILED, None, reasons, letter.value == NOTHING)
        place = (_row(page[-1]), page[-1].id)


_HIGHEST = "\U0010ffff"
"""Greater than the id of every dead letter."""


def tell_reasons(reasons: Iterable[Reason], names: Mapping[str, str] | None = None) -> str:
    """Reasons as a text for people; `names` are what fields are called in their file, others are not named then."""
    told = []
    for reason in reasons:
        name = reason.field if names is None else names.get(reason.field)
        told.append(f"{name}: {reason.message}" if name else reason.message)
    return " ".join(told)
