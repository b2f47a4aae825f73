"""What became of dead letters that were redriven, for people and for programs."""

import sys
from dataclasses import dataclass, field

from contactfold.exits import Exit
from contactfold_cli.composition import print_json
from contactfold_cli.dead import summary_of, tell_none
from contactfold_cli.tables import print_table

_SHOWN = 20
"""Letters that died again, as shown to people."""


@dataclass(slots=True)
class Fates:
    """What became of the letters that were redriven. Counts, and the few that need somebody's attention."""

    redriven: int = 0
    applied: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    """Of those applied: how many of each status."""
    died: list[dict[str, object]] = field(default_factory=list)
    too_large: list[str] = field(default_factory=list)
    """Ids of those that the log does not take back."""
    waiting: list[str] = field(default_factory=list)
    """Ids of those that lie on the log and nobody has decided yet."""
    why_waiting: str = ""
    left: int = 0
    """How many were not redriven at all, because others wait already."""


def tell(fates: Fates, *, reason: str | None, deadline: float, json: bool) -> int:
    """Print what became of them; returns the exit code."""
    if json:
        counts = {"redriven": fates.redriven, "applied": fates.applied, "outcomes": fates.outcomes}
        named = {"died": fates.died, "too_large": fates.too_large, "waiting": fates.waiting}
        print_json({**counts, **named, "left": fates.left})
    else:
        _print(fates, reason)
    if fates.waiting and not json:
        print(f"{len(fates.waiting)} wait on the log: {fates.why_waiting}", file=sys.stderr)
    if fates.left and not json:
        print(f"{fates.left} more were not redriven.", file=sys.stderr)
    if fates.died or fates.too_large:
        return Exit.NO
    return Exit.AWAY if fates.waiting and deadline else Exit.DONE


def _print(fates: Fates, reason: str | None) -> None:
    if not fates.redriven and not fates.too_large:
        print(tell_none(reason))
        return
    told = ", ".join(f"{count} {status}" for status, count in sorted(fates.outcomes.items()))
    parts = [f"{fates.applied} applied{f' ({told})' if told else ''}", f"{len(fates.died)} died again"]
    parts += [f"{len(fates.waiting)} waiting"] if fates.waiting else []
    print(f"{fates.redriven} redriven: {', '.join(parts)}.")
    if fates.died:
        print_table(list(map(summary_of, fates.died[:_SHOWN])))
        if len(fates.died) > _SHOWN:
            print(f"... and {len(fates.died) - _SHOWN} more: `contactfold dead list` shows all.")
    for letter_id in fates.too_large:
        print(f"The log takes no record as large as {letter_id}; it was not redriven.", file=sys.stderr)
