"""Which text stands between the values of a cell that holds several, told from a column's cells."""

import re
from collections.abc import Callable, Sequence

from contactfold.domain.schema import Attribute
from contactfold.tables.cells import split_cell

_SEPARATORS = (" ::: ", ";", "|", "\n", ",", "/", " ")
_EMAIL = re.compile(r"(?:[^@\s]+@[^@\s;,|/]+\.[^@\s;,|/]+|.*<[^@\s]+@[^@\s]+>)")
_PHONE = re.compile(r"\+?[0-9][0-9 ().\-]{5,20}")
_LONGEST = 320
_OF_TEXT = (" ::: ", ";", "|", "\n", ",")


def find_separator(attribute: Attribute, cells: Sequence[str]) -> str | None:
    """The separator that cells of this attribute need; None where each holds one value, or where it is not plain."""
    if attribute.type == "email":
        return _find(cells, _SEPARATORS, lambda text: _EMAIL.fullmatch(text) is not None)
    if attribute.type == "phone":
        return _find(cells, _SEPARATORS[:-1], lambda text: _PHONE.fullmatch(text) is not None)
    if attribute.identifies:
        return _find(cells, (" ::: ", ";", "\n"), lambda text: " " not in text)
    if any(len(cell) > 2 and cell[0] == cell[-1] == '"' for cell in cells):
        return ","  # `"one","two"`: a list as a cell of CSV within a cell of CSV
    # Of free text, commas are a part; of labels they stand between them, where many cells have them and all are short.
    return _find(cells, _OF_TEXT, lambda text: len(text) <= 50, share=0.2)


def _find(
    cells: Sequence[str], separators: Sequence[str], fits: Callable[[str], bool], share: float = 0.0
) -> str | None:
    for separator in separators:
        several = [parts for cell in cells if len(parts := split_cell(cell, separator)) > 1]
        if (
            several
            and len(several) >= share * len(cells)
            and all(len(part) <= _LONGEST and fits(part) for parts in several for part in parts)
        ):
            return separator
    return None
