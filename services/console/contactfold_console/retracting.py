"""Which retractions an event has met: those that name it, and those of the import it was a row of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contactfold.domain.directives import HEAD
from contactfold.domain.stamp import EventId, stamp_event
from contactfold.ports import Directory, Evidence


@dataclass(frozen=True, slots=True)
class Retractions:
    """The retractions of one event, in force or not, latest first; and the latest of those in force."""

    all: tuple[EventId, ...] = ()
    in_force: EventId | None = None


async def find_retractions(directory: Directory, pieces: Sequence[Evidence]) -> Mapping[EventId, Retractions]:
    """The retractions of each of these events that has any, in two questions however many there are."""
    subjects = {f"import:{piece.import_row[0]}" for piece in pieces if piece.import_row is not None}
    gates = await directory.gates(sorted(subjects)) if subjects else []
    of_imports = {gate.subject: gate.by for gate in gates if gate.partition == HEAD}
    stamps = {
        piece.event_id: {*piece.by, *(of_imports.get(f"import:{piece.import_row[0]}", ()) if piece.import_row else ())}
        for piece in pieces
    }
    named = {stamp_event(stamp) for all_ in stamps.values() for stamp in all_}
    found = await directory.pieces(sorted(named)) if named else []
    in_force = {piece.event_id for piece in found if not piece.retracted}
    return {event_id: _order(all_, in_force) for event_id, all_ in stamps.items() if all_}


def _order(stamps: set[bytes], in_force: set[EventId]) -> Retractions:
    latest_first = tuple(stamp_event(stamp) for stamp in sorted(stamps, reverse=True))
    return Retractions(latest_first, next((each for each in latest_first if each in in_force), None))
