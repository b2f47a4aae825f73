"""What became of an import, told at its end."""

import sys
from pathlib import Path
from typing import Any

from contactfold.exits import Exit
from contactfold.ports.imports import CANCELLED, COMPLETED, ENDED, ROLLED_BACK
from contactfold_cli.import_watching import Seen
from contactfold_cli.tables import clean, print_table
from contactfold_ingest.imports.progress import import_object


def print_summary(seen: Seen, failed_rows: Path | None, *, wanted: Path | None) -> None:
    """Print how it ended, its counts, where failed rows are, and how to take it back."""
    told = import_object(seen.one, seen.progress)
    counts: Any = told["counts"]
    applied = seen.progress.applied
    print(f"Import {seen.one.id} of {clean(seen.one.file)} {_tell_status(seen)}{_tell_speed(seen, applied)}\n")
    print_table([{"outcome": name.replace("_", " "), "rows": f"{count:,}"} for name, count in counts.items()])
    print()
    if told["detail"]:
        print(clean(str(told["detail"])))
    _print_failed(seen, counts["failed"], failed_rows, wanted)
    if applied and seen.status != ROLLED_BACK:
        print(f"To take it back:  contactfold retract --import {seen.one.id}  (--dry-run shows what that would change)")
    print(end="", flush=True)  # also where nobody hears it: standard output may be closed
    if seen.left:
        print(_tell_left(seen), file=sys.stderr)
    elif seen.status == CANCELLED:
        print(
            "To go on, import the file again: rows that are applied already change nothing then, but are counted anew.",
            file=sys.stderr,
        )


def describe_summary(seen: Seen, failed_rows: Path | None) -> dict[str, object]:
    """The same for programs: the import as the door shows it, and why it is not done where it is not."""
    return {
        **import_object(seen.one, seen.progress),
        "failed_rows": None if failed_rows is None else str(failed_rows),
        "waiting": seen.left or None,
    }


def exit_code_of(seen: Seen) -> int:
    """What the command ends with, unless somebody interrupted it: failed rows are no failure of it."""
    if seen.left:
        return Exit.AWAY
    return Exit.DONE if seen.status == COMPLETED else Exit.NO


def _tell_status(seen: Seen) -> str:
    if seen.status in ENDED:
        return f"is {seen.status.replace('_', ' ')}" if seen.status != "failed" else "has failed"
    return "has not ended"


def _tell_speed(seen: Seen, applied: int) -> str:
    begun, ended = seen.one.started_at, seen.one.finished_at
    if begun is None or ended is None or ended <= begun or not applied:
        return "."
    seconds = (ended - begun) / 1e6
    speed = f", {applied / seconds:,.0f} a second" if seconds >= 1 else ""
    return f": {_rows(applied)} in {seconds:,.1f} s{speed}."


def _print_failed(seen: Seen, failed: int, written: Path | None, wanted: Path | None) -> None:
    if written is not None:
        print(f"{_rows(failed)} failed: in {clean(str(written))}, with their reasons, to be corrected and imported.")
    elif wanted is not None and not failed:
        print(f"{clean(str(wanted))} was not written: no row failed.")
    elif failed:
        print(
            f"The rows that failed, with their reasons:  GET /v1/imports/{seen.one.id}/failed.csv of a running "
            "`contactfold up`; next time, --failed FILE writes them at once."
        )


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _tell_left(seen: Seen) -> str:
    return (
        f"It is not all done: {seen.left}{'' if seen.left.endswith('.') else '.'} What is left of the file is kept, "
        "and goes on with the next `contactfold up` or `contactfold import` on this data directory."
    )
