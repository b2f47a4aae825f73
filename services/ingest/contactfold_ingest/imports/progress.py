"""How an import is going, from the directory's own gates: nothing of it is guessed (CONTRACT 6)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from contactfold.domain.directives import Gate, gate_of_import
from contactfold.domain.stamp import EventId, format_event_id, format_time, stamp_event
from contactfold.ports import Directory, Evidence, Import
from contactfold.ports.imports import CANCELLED, COMPLETED, FAILED, IN_PROGRESS, PENDING, ROLLED_BACK, ROLLING_BACK

COUNTED = ("created", "updated", "unchanged", "ignored", "failed")
"""What a row can have become, as gates count it."""

NOT_APPLIED = "not_applied"


@dataclass(frozen=True, slots=True)
class Progress:
    """What the directory says of one import.

    `counts` has the rows by what became of them. `retracted` says whether a retraction of the import is in force,
    `settling` how far the directory is with that, or with taking it back: the pieces done, and how many there are.
    """

    counts: Mapping[str, int]
    retracted: bool = False
    settling: tuple[int, int] | None = None

    @property
    def applied(self) -> int:
        """How many rows are applied, whatever became of them."""
        return sum(self.counts.values())


async def find_progress(directory: Directory, imports: Sequence[Import]) -> dict[str, Progress]:
    """How these imports are going."""
    gates: dict[str, list[Gate]] = {gate_of_import(one.id): [] for one in imports}
    for gate in await directory.gates(list(gates)):
        gates[gate.subject].append(gate)
    named = {subject: _retractions(found) for subject, found in gates.items()}
    every = [event_id for events in named.values() for event_id in events]
    pieces = {piece.event_id: piece for piece in await directory.pieces(every)} if every else {}
    settlings = {one.directive: (one.done, one.total) for one in await directory.settlings()} if every else {}
    return {
        one.id: _tell(gates[gate_of_import(one.id)], named[gate_of_import(one.id)], pieces, settlings)
        for one in imports
    }


def _retractions(gates: Iterable[Gate]) -> list[EventId]:
    return [stamp_event(stamp) for gate in gates for stamp in gate.by]


def _tell(
    gates: Sequence[Gate],
    retractions: Sequence[EventId],
    pieces: Mapping[EventId, Evidence],
    settlings: Mapping[EventId, tuple[int, int]],
) -> Progress:
    counts: Counter[str] = Counter()
    for gate in gates:
        counts.update(gate.counts)
    in_force = any(event_id in pieces and not pieces[event_id].retracted for event_id in retractions)
    going_on = [settlings[event_id] for event_id in retractions if event_id in settlings]
    settling = (sum(done for done, _ in going_on), sum(total for _, total in going_on)) if going_on else None
    return Progress({name: counts[name] for name in COUNTED}, in_force, settling)


def find_status(one: Import, progress: Progress) -> str:
    """An import's status: what is kept of it, unless a retraction says otherwise, through whichever door it came."""
    if progress.settling is not None or one.status == ROLLING_BACK:
        return ROLLING_BACK
    if progress.retracted:
        return ROLLED_BACK if one.has_ended else ROLLING_BACK
    # The rollback was taken back itself: the import is what it was.
    return one.ending if one.status == ROLLED_BACK else one.status


def find_percent(one: Import, progress: Progress, status: str) -> float:
    """How much is done of what is going on, 0 to 100, in tenths: of the rows, or of a rollback."""
    if status in {COMPLETED, ROLLED_BACK}:
        return 100.0
    if status == ROLLING_BACK:
        done, total = progress.settling or (int(progress.retracted), 1)
    else:
        done, total = progress.applied, one.total or 0
    return min(100.0, int(1000 * done / total) / 10) if total else 0.0


def import_object(one: Import, progress: Progress) -> dict[str, object]:
    """An import as JSON shows it. Its counts add up to its total, once that is known."""
    status = find_status(one, progress)
    left = max(0, (one.total or 0) - progress.applied)
    return {
        "id": one.id,
        "status": status,
        "percent": find_percent(one, progress, status),
        "total": one.total,
        "counts": {**progress.counts, NOT_APPLIED: left},
        "file": one.file,
        "options": one.options,
        "started_at": _time(one.started_at),
        "finished_at": _time(one.finished_at),
        "detail": tell_detail(one, progress, status),
        "rollback": None if one.rollback is None else format_event_id(one.rollback),
    }


def tell_detail(one: Import, progress: Progress, status: str) -> str:
    """What there is to say about it besides, in sentences; empty where there is nothing."""
    told = [one.detail] if one.detail else []
    applied = f"{progress.applied:,} of its rows were applied."
    if status in {FAILED, CANCELLED}:
        told.append(applied)
    elif status in {PENDING, IN_PROGRESS} and one.whole and one.ending in {FAILED, CANCELLED}:
        told.append("Nothing more is read; what is on the log already is being applied.")
    elif progress.settling is not None and not progress.retracted:
        told.append("Its rollback is being taken back: what its rows said is being put back.")
    elif status == COMPLETED and one.total is not None and progress.applied < one.total:
        told.append(f"Only {applied}")
    return " ".join(told)


def _time(at: int | None) -> str | None:
    return None if at is None else format_time(at)
