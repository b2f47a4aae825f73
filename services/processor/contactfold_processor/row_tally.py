"""Counting what became of rows, with a few examples of everything somebody will want to look into."""

from collections.abc import Iterable, Sequence
from typing import Final

from contactfold.domain.changes import DeadLetter, Evidence
from contactfold.domain.outcome import REJECTED, Outcome, Reason
from contactfold.domain.stamp import EventId, format_event_id
from contactfold.row_previews import EXAMPLES, FAILED, Contact, Contest, Merge, RowFate, RowPreview, Seen
from contactfold_processor.deciding import Decision
from contactfold_processor.overlay import OverlayDirectory, row_of

_MOST_KINDS = 500
"""Kinds of reasons that are told: there are as many as attributes times codes, unless somebody makes them up."""


_MESSAGES: Final = {
    "component_too_large": "The row is earlier than what the directory has of these contacts, and to fold them anew is "
    "more than limits.component_events allows: an identifier is shared by too many."
}
"""What is told of dead letters whose reasons name identifiers: a preview may be read by who may not see them."""


class RowTally:
    """What became of all rows so far."""

    def __init__(self, overlay: OverlayDirectory) -> None:
        self.preview = RowPreview()
        self._overlay = overlay
        self._contested: set[int] = set()
        self._kinds: dict[tuple[str, str, bool], Seen] = {}

    async def count(self, decision: Decision, alone: int) -> list[RowFate]:
        """Take in what was decided of some rows, `alone` of them without the rows before; what became of each."""
        preview = self.preview
        preview.repeated += decision.duplicates
        preview.adrift += alone
        pieces = [piece for piece in decision.changes.evidence if piece.import_row is not None]
        named = await self._name_contacts(pieces)
        fates = [_fate_of(row_of(piece), piece.outcome, named) for piece in pieces]
        fates += [_fate_of_dead(letter) for letter in decision.dead if letter.import_row is not None]
        fates.sort(key=lambda fate: fate.row)
        preview.rows += decision.count
        for fate in fates:
            self._take(fate)
        return fates

    def _take(self, fate: RowFate) -> None:
        preview = self.preview
        preview.would[fate.status] += 1
        preview.merged += len(fate.merged)
        if fate.merged and len(preview.merges) < EXAMPLES:
            preview.merges.append(Merge(fate.row, fate.contact, fate.merged))
        if fate.contested:
            self._contested.update(map(hash, fate.contested))
            preview.contested = len(self._contested)
            if len(preview.contests) < EXAMPLES:
                preview.contests.append(Contest(fate.row, fate.contact, fate.contested))
        told: set[tuple[str, str]] = set()
        for code, field, position, message in fate.reasons:
            if (code, field) not in told:
                told.add((code, field))
                self._see(Seen(code, field, fate.status == FAILED, fate.row, position, message))

    def _see(self, one: Seen) -> None:
        kind = one.code, one.field, one.failed
        if kind not in self._kinds and len(self._kinds) < _MOST_KINDS:
            self._kinds[kind] = one
            self.preview.reasons.append(one)
        if kind in self._kinds:
            self._kinds[kind].count += 1

    async def _name_contacts(self, pieces: Sequence[Evidence]) -> dict[EventId, Contact]:
        """What the contacts of these outcomes are called: by their ids where they exist, else by their rows."""
        outcomes = [piece.outcome for piece in pieces]
        asked = {one for outcome in outcomes for one in (outcome.contact_id, *outcome.merged) if one is not None}
        rows: dict[EventId, Contact] = {piece.event_id: row_of(piece) for piece in pieces}
        elsewhere = list(asked - rows.keys())
        present = await self._overlay.below.known(elsewhere) if elsewhere else set()
        earlier = [event_id for event_id in elsewhere if event_id not in present]
        if earlier:
            found = await self._overlay.own.pieces(earlier)
            rows |= {piece.event_id: row_of(piece) for piece in found if piece.import_row is not None}
        return {one: rows[one] if one in rows else format_event_id(one) for one in asked}


def _fate_of(row: int, outcome: Outcome, named: dict[EventId, Contact]) -> RowFate:
    status = FAILED if outcome.status == REJECTED else outcome.status
    contact = None if outcome.contact_id is None else named[outcome.contact_id]
    merged = tuple(named[one] for one in outcome.merged)
    return RowFate(row, status, contact, merged, tuple(outcome.contested), _tell(outcome.reasons))


def _fate_of_dead(letter: DeadLetter) -> RowFate:
    row = letter.import_row[1] if letter.import_row else 0
    return RowFate(row, FAILED, reasons=((letter.code, "", None, _MESSAGES.get(letter.code, letter.reason)),))


def _tell(reasons: Iterable[Reason]) -> tuple[tuple[str, str, int | None, str], ...]:
    return tuple((one.code, one.field, one.position, one.message) for one in reasons)
