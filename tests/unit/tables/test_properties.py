"""What holds for any table: it comes back as it was written, and no file makes a reader fail."""

import csv
import io
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contactfold.domain.schema import default_schema
from contactfold.tables.options import Options
from contactfold.tables.proposing import propose
from contactfold.tables.reading import NotATable, Table
from contactfold.tables.rows import Plan, understand_row

SCHEMA = default_schema("US")
CONTROLS = "".join(map(chr, (*range(9), 11, 12, *range(14, 32), 127)))
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\ufeff" + CONTROLS), max_size=12)
LINES = st.lists(st.lists(TEXT, min_size=3, max_size=3), max_size=8)
MESS = st.lists(
    st.sampled_from(['"', ",", ";", "\t", "\n", "\r\n", "\r", "a", "é", " ", "@", "=", "'", "\x00"]), max_size=60
)


def write(content: bytes) -> Path:
    with tempfile.NamedTemporaryFile(suffix=".csv", delete=False) as file:
        file.write(content)
    return Path(file.name)


@settings(max_examples=150, deadline=None)
@given(LINES, st.sampled_from(",;\t|"), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]))
def test_every_row_comes_back_with_its_number(lines: list[list[str]], delimiter: str, encoding: str) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([["email", "first_name", "city"], *lines])
    path = write(out.getvalue().encode(encoding))
    try:
        with Table.open(
            path, Options(delimiter=delimiter, encoding=None if encoding != "utf-16-le" else encoding)
        ) as table:
            found = [(row.number, row.cells) for row in table.rows()]
            assert all(row.fault is None for row in table.rows())
    finally:
        path.unlink()
    assert found == [(place, cells) for place, cells in enumerate(lines, 2) if "".join(cells).strip()]


TYPED = st.text(st.characters(codec="cp1252", exclude_characters="\x7f" + CONTROLS), max_size=12)
DIALECTS = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from(",;\t|"),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
        "lineterminator": st.sampled_from(["\n", "\r\n", "\r"]),
    }
)


@settings(max_examples=250, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 99), TYPED, TYPED), max_size=8),
    DIALECTS,
    st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-be", "utf-32"]),
    st.booleans(),
)
def test_whatever_a_program_writes_is_read_as_it_was_with_nothing_said_about_it(
    lines: list[tuple[int, str, str]], dialect: dict[str, Any], encoding: str, excel: bool
) -> None:
    """Delimiter, quoting, encoding and line ends are found; cells differ by what stands around them at most."""
    end = dialect["lineterminator"]
    if dialect["quoting"] == csv.QUOTE_MINIMAL:
        # The writer puts quotes around its own line ends, and none around others.
        lines = [(n, *(end.join(cell.splitlines()) for cell in cells)) for n, *cells in lines]
    out = io.StringIO(newline="")
    writer = csv.writer(out, **dialect)
    writer.writerows([["email", "first_name", "city"], *([f"u{n}@example.com", one, two] for n, one, two in lines)])
    text = f"sep={dialect['delimiter']}{end}{out.getvalue()}" if excel else out.getvalue()
    path = write(text.encode(encoding))
    # Without a mark, text is UTF-8 where it can be, and UTF-16 is told by its zeros: said, either is what it is.
    said = encoding if encoding in {"cp1252", "utf-16-be"} else None
    try:
        with Table.open(path, Options(encoding=said)) as table:
            columns, rows = table.columns, list(table.rows())
            assert (table.delimiter, table.titled) == (dialect["delimiter"], None)
    finally:
        path.unlink()
    assert columns == ["email", "first_name", "city"]
    assert [row.number for row in rows] == list(range(2, len(lines) + 2))
    assert all(row.fault is None for row in rows)
    assert [[cell.strip() for cell in row.cells] for row in rows] == [
        [f"u{n}@example.com", one.strip(), two.strip()] for n, one, two in lines
    ]


@settings(max_examples=300, deadline=None)
@given(MESS)
def test_no_mess_makes_the_reader_fail_or_lose_a_line(mess: list[str]) -> None:
    body = "".join(mess)
    path = write(f"email,first_name\nann@example.com,Ann\n{body}\nlast@example.com,Zoe\n".encode())
    try:
        try:
            with Table.open(path, Options(delimiter=",")) as table:
                plan = Plan(table.columns, Options(), SCHEMA)
                rows = list(table.rows())
        except NotATable:
            assert "\0" in body
            return
        for row in rows:
            statement = understand_row(plan.event(row, "i", 0), SCHEMA)
            assert statement.import_row == ("i", row.number)
            assert (row.fault is None) or statement.faults
    finally:
        path.unlink()
    assert [row.number for row in rows] == sorted({row.number for row in rows})
    text = "".join(cell for row in rows for cell in row.cells)
    assert "last@example.com" in text
    assert text.count("a") >= body.count("a") + 2 * 1


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_table_or_a_sentence(content: bytes) -> None:
    path = write(content)
    said = "It is a table."
    try:
        proposal = propose(path, Options(), SCHEMA)
        with Table.open(path, proposal.options) as table:
            assert len(set(table.columns)) == len(table.columns)
            assert table.count() >= 0
    except NotATable as refused:
        said = refused.message
    finally:
        path.unlink()
    assert said.endswith(".")
