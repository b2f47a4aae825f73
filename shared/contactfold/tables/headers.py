"""Which row of a file names its columns: its first, unless that is a title above the table.

Reports write a title, a day or a note above their table, each in one cell of a row of its own. Such rows are passed
over only where the first row with several cells has names that columns usually have, so that no row of a file is taken
for a title by mistake.
"""

from collections.abc import Sequence

from contactfold.tables.synonyms import LINES, fold_column

SEARCHED = 20
"""Rows that are not blank, among which the header is."""

_WHO = frozenset({"external_customer_id", "email", "phone_number"})


def find_header(rows: Sequence[Sequence[str]]) -> int:
    """The place of the header among the first rows of a file that are not blank."""
    for place, cells in enumerate(rows[:SEARCHED]):
        if count_filled(cells) > 1:
            return place if place and _names_columns(cells) else 0
    return 0


def count_filled(cells: Sequence[str]) -> int:
    """How many cells are not blank."""
    return sum(1 for cell in cells if cell.strip())


def _names_columns(cells: Sequence[str]) -> bool:
    """Whether a row has the usual name of what says who somebody is, or of two other things."""
    known = {LINES[name][0] for cell in cells if len(cell) < 100 and (name := fold_column(cell)) in LINES}
    return len(known) > 1 or not known.isdisjoint(_WHO)
