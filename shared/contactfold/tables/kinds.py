"""What kind of number a cell holds, where the file says so in a column beside it.

Address books write `Phone 1 - Value` beside `Phone 1 - Type` (or `- Label`). A fax or a pager reaches an office: as
somebody's number it would make one person of all who share it, as a column `Business Fax` would.
"""

import re
from collections.abc import Sequence

_VALUE = " - Value"
_KINDS = (" - Type", " - Label")
_OFFICE = re.compile(r"\b(?:fax|pager|telex)\b", re.IGNORECASE)


def find_kind(columns: Sequence[str], place: int) -> int | None:
    """The place of the column that says what kind of value stands in this one; None where there is none."""
    if not columns[place].endswith(_VALUE):
        return None
    before = columns[place].removesuffix(_VALUE)
    return next((columns.index(before + kind) for kind in _KINDS if before + kind in columns), None)


def reaches_an_office(kind: str) -> bool:
    """Whether a number of this kind, in the file's words (`Work Fax`), is no person's."""
    return _OFFICE.search(kind) is not None
