"""What kind of file a file is, told by how it begins; never by its name, which says what somebody wished it were."""

import re

from contactfold.tables.faults import NotATable

HEAD = 1 << 16
"""Bytes of a file that its kind is told by."""

_EXPORT = "export it as CSV or XLSX"

_OLD = "an old Excel workbook (.xls), or one that a password protects; save it as .xlsx without one, or as CSV"

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _OLD),
    (b"%PDF", "a PDF, which holds a picture of a table and no table; export it as CSV or XLSX where it was made"),
    (b"\x1f\x8b", "compressed (gzip); unpack it first"),
    (b"BZh", "compressed (bzip2); unpack it first"),
    (b"\xfd7zXZ\x00", "compressed (xz); unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed (zstandard); unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "an archive (7z); unpack it first"),
    (b"Rar!", "an archive (RAR); unpack it first"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"{\\rtf", f"a text document (RTF); {_EXPORT}"),
    (b"SQLite format 3\x00", "a database (SQLite); export its table as CSV"),
    (b"PAR1", "a Parquet file; export it as CSV"),
)  # fmt: skip
_TEXTS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (
        re.compile(rb"<(!doctype html|html|head|body|meta|style|table|div)\b", re.IGNORECASE),
        "a web page, whatever its name says; open it in a spreadsheet and save it as .xlsx or CSV",
    ),
    (re.compile(rb"<\?xml|<[a-z]+[\s>:]", re.IGNORECASE), "XML; export it as CSV or XLSX"),
    (re.compile(rb'\{\s*"|\[\s*[{\["]|\[\s*\]'), "JSON; send it as the body of the request, or to POST /v1/events"),
    (re.compile(rb"BEGIN:VCARD", re.IGNORECASE), f"an address book (vCard); {_EXPORT}"),
)
_CONTROLS = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)

ZIP = b"PK\x03\x04"


def is_workbook(head: bytes, encoding: str | None) -> bool:
    """Whether a file that begins so is an XLSX workbook, or an archive that could be one; else it is text.

    `encoding` is what somebody said of it: then a byte of text may be a zero. Raises `NotATable`
    for whatever is neither.
    """
    if not head:
        raise NotATable("empty_file", "The file is empty; its first row must name the columns.")
    if head.startswith(ZIP):
        return True
    for start, what in _STARTS:
        if head.startswith(start):
            raise not_a_table(what)
    _refuse_other_text(head, find_bom(head) or encoding)
    return False


def find_bom(head: bytes) -> str | None:
    """The encoding that a byte order mark names."""
    return next((encoding for mark, encoding in _BOMS if head.startswith(mark)), None)


def find_wide(head: bytes) -> str | None:
    """The encoding of text whose every other byte is a zero: UTF-16 without a mark. None for any other text."""
    half = len(head) // 2
    first, second = head[: half * 2 : 2].count(0), head[1 : half * 2 : 2].count(0)
    if second > half * 0.6 and first < half * 0.1:
        return "utf-16-le"
    return "utf-16-be" if first > half * 0.6 and second < half * 0.1 else None


def not_a_table(what: str) -> NotATable:
    """The refusal of a file that is something else."""
    return NotATable("not_a_table", f"This is no table but {what}.")


def _refuse_other_text(head: bytes, encoding: str | None) -> None:
    begins = (head if encoding is None else head.decode(encoding, "replace").encode())[:1024].lstrip()
    for pattern, what in _TEXTS:
        if pattern.match(begins):
            raise not_a_table(what)
    if encoding is not None or find_wide(head) is not None:
        return
    if head.count(0) > 1 + len(head) // 1000 or len(_CONTROLS.findall(head)) > len(head) // 20:
        raise not_a_table(f"a file for programs, which nobody can read as text; {_EXPORT} where it was made")
