"""CSV and TSV as programs write them: what is read, and that no line is lost."""

import tracemalloc
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from contactfold.tables.options import Options
from contactfold.tables.reading import NotATable, Row, Table

Write = Callable[[str | bytes], Path]


def read(path: Path, options: Options | None = None) -> tuple[list[str], list[Row]]:
    with Table.open(path, options or Options()) as table:
        return table.columns, list(table.rows())


def cells(path: Path, options: Options | None = None) -> list[list[str]]:
    return [row.cells for row in read(path, options)[1]]


def test_an_excel_file_with_semicolons_in_cp1252_is_read_as_it_is(samples: Path) -> None:
    with Table.open(samples / "excel_german.csv", Options()) as table:
        assert (table.delimiter, table.encoding) == (";", "cp1252")
        assert table.columns == ["Vorname", "Nachname", "E-Mail-Adresse", "Telefon", "Ort", "Geburtsdatum"]
        assert [row.cells[4] for row in table.rows()] == ["Köln", "Frankfurt; Oder"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_and_encoding_are_found(written: Write, encoding: str, delimiter: str) -> None:
    lines = [["Email", "First name"], ["ann@example.com", "Änne"], ["bob@example.com", "Bob, Jr"]]
    text = "".join(delimiter.join(f'"{cell}"' for cell in line) + "\r\n" for line in lines)
    columns, rows = read(written(text.encode(encoding)))
    assert columns == lines[0]
    assert [row.cells for row in rows] == lines[1:]


def test_a_delimiter_that_is_said_stands(written: Write) -> None:
    assert cells(written("a:b\n1:2\n"), Options(delimiter=":")) == [["1", "2"]]


def test_the_first_line_by_which_excel_is_told_the_delimiter_is_no_row(written: Write) -> None:
    columns, rows = read(written("sep=;\r\nemail;name\r\na@b.co;Ann, x\r\n"))
    assert columns == ["email", "name"]
    assert rows == [Row(2, ["a@b.co", "Ann, x"])]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system_and_within_quotes(written: Write, end: str) -> None:
    rows = read(written(f'email,note{end}a@b.co,"one{end}two"{end}b@b.co,three'))[1]
    assert rows == [Row(2, ["a@b.co", f"one{end}two"]), Row(3, ["b@b.co", "three"])]


def test_row_numbers_are_those_a_spreadsheet_shows(written: Write) -> None:
    rows = read(written('\n\nemail,note\n\na@b.co,"x\ny"\n,\n  ,  \nb@b.co,z\n'))[1]
    assert [row.number for row in rows] == [5, 8]


def test_a_ragged_row_is_at_fault_and_says_what_it_has(written: Write) -> None:
    rows = read(written("a,b,c\n1,2\n1,2,3\n1,2,3,4\n"))[1]
    assert [row.fault and row.fault.code for row in rows] == ["malformed_row", None, "malformed_row"]
    assert rows[0].fault is not None
    assert rows[0].fault.message == "This row has 2 cells, the header 3 cells."
    assert rows[2].cells == ["1", "2", "3", "4"]


def test_a_name_that_comes_again_and_one_left_out_have_names_of_their_own(written: Write) -> None:
    with Table.open(written("Email,,Email,Email (2),\n"), Options()) as table:
        assert table.columns == ["Email", "Column 2", "Email (2)", "Email (2) (2)", "Column 5"]
        assert table.header == ["Email", "", "Email", "Email (2)", ""]
        assert list(table.rows()) == []


def test_one_column_needs_no_delimiter(written: Write) -> None:
    columns, rows = read(written("email\nann@example.com\nbob@example.com\n"))
    assert (columns, [row.cells for row in rows]) == (["email"], [["ann@example.com"], ["bob@example.com"]])


def test_commas_in_the_rows_of_one_column_are_its_own(written: Write) -> None:
    assert cells(written("name\nSmith, Ann\nJones, Bob\n")) == [["Smith, Ann"], ["Jones, Bob"]]


def test_zeros_in_front_are_kept(written: Write) -> None:
    assert cells(written("external_customer_id,zip\n007,02108\n")) == [["007", "02108"]]


def test_a_quote_that_is_never_closed_costs_its_own_row_alone(written: Write) -> None:
    body = "".join(f"user{place}@example.com,x\n" for place in range(100))
    rows = read(written(f'email,note\na@b.co,"open\n{body}'))[1]
    assert len(rows) == 101
    assert [row.number for row in rows if row.fault is not None] == [2]
    assert rows[-1] == Row(102, ["user99@example.com", "x"])


def test_text_after_a_closing_quote_is_a_fault_and_not_a_guess(written: Write) -> None:
    rows = read(written('name,email\n"Ann "the boss" Smith",a@b.co\nBob,b@b.co\n'))[1]
    assert [(row.number, row.fault is None) for row in rows] == [(2, False), (3, True)]


def test_a_quote_in_the_middle_of_a_cell_is_text(written: Write) -> None:
    assert cells(written('email,size\na@b.co,5" pipe\n')) == [["a@b.co", '5" pipe']]


def test_quotes_after_a_space_are_quotes(written: Write) -> None:
    assert cells(written('"email", "name"\n"a@b.co", "Smith, Ann"\n')) == [["a@b.co", "Smith, Ann"]]


def test_a_row_too_long_is_at_fault_and_the_next_is_read(written: Write) -> None:
    rows = read(written("email,note\na@b.co," + "x" * (3 << 20) + "\nb@b.co,y\n"))[1]
    assert [(row.number, row.fault is None) for row in rows] == [(2, False), (3, True)]


def test_a_line_too_long_within_an_open_quote_costs_no_line_after_it(written: Write) -> None:
    long = "b@b.co," + "x" * (2 << 20)
    rows = read(written(f'email,note\na@b.co,"open\n{long}\nc@b.co,y\nd@b.co,z\n'))[1]
    assert [(row.number, row.fault is None) for row in rows] == [(2, False), (3, False), (4, True), (5, True)]


def test_lines_that_always_leave_a_quote_open_are_all_counted_in_good_time(written: Write) -> None:
    """Each line both closes a quote and opens another, so a record would go on to the end of the file."""
    rows = read(written("a,b\n" + 'a","\n' * 100_000))[1]
    assert len(rows) == 100_000
    assert all(row.fault is not None for row in rows)


def test_a_byte_that_is_no_letter_names_its_line(written: Write) -> None:
    path = written(b"email,name\na@b.co,Ann\nb@b.co,\xff\xfe\n")
    with pytest.raises(NotATable, match=r"not utf-8: line 3 "):
        read(path, Options(encoding="utf-8"))


def test_a_late_byte_of_cp1252_is_seen_before_the_first_row_is_given(written: Write) -> None:
    body = b"".join(b"user%d@example.com,Ann\n" % place for place in range(60_000))
    with Table.open(written(b"email,name\n" + body + b"z@example.com,J\xf6rg\n"), Options()) as table:
        assert table.encoding == "cp1252"
        assert list(table.rows(after=60_001)) == [Row(60_002, ["z@example.com", "Jörg"])]


def test_a_byte_astray_in_a_file_of_utf_8_does_not_garble_all_names_before_it(written: Write) -> None:
    path = written("email,name\na@b.co,Jörg\n".encode() + b"b@b.co,J\xf6rg\n")
    with pytest.raises(NotATable, match=r"The file is UTF-8, but line 3 "):
        read(path)
    assert cells(path, Options(encoding="cp1252"))[1] == ["b@b.co", "Jörg"]


def test_an_encoding_that_nobody_could_guess_is_asked_for(written: Write) -> None:
    path = written("email,name\na@b.co,アン\n".encode("shift_jis") + b"b@b.co,\x81\x8d\n")
    with pytest.raises(NotATable, match="say its `encoding`"):
        read(path)
    path = written("email,name\na@b.co,アン\n".encode("shift_jis"))
    assert cells(path, Options(encoding="shift_jis")) == [["a@b.co", "アン"]]


def test_rows_can_be_read_again_and_from_the_middle(written: Write) -> None:
    path = written("email\n" + "".join(f"user{place}@example.com\n" for place in range(50)))
    with Table.open(path, Options()) as table:
        assert len(list(islice(table.rows(), 10))) == 10
        assert [row.number for row in table.rows(after=48)] == [49, 50, 51]
        assert table.count() == 50


def test_wide_text_without_a_mark_is_read_where_its_encoding_is_said(written: Write) -> None:
    text = "email,名前\na@b.co,名前名前名前名前名前名前名前名前名前\n"
    assert cells(written(text.encode("utf-16-be")), Options(encoding="utf-16-be")) == [["a@b.co", "名前" * 9]]


def test_rows_are_read_in_flat_memory(written: Write) -> None:
    path = written("email,name\n" + "".join(f"user{place}@example.com,Ann\n" for place in range(60_000)))
    tracemalloc.start()
    try:
        with Table.open(path, Options()) as table:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            assert table.count() == 60_000
            assert tracemalloc.get_traced_memory()[1] - before < 200_000
    finally:
        tracemalloc.stop()


SAYS = [
    (b"", "The file is empty; its first row must name the columns."),
    (b"\r\n \r\n\t\r\n", "The file holds nothing but blank lines; its first row must name the columns."),
    (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "This is no table but a PDF"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 512, "This is no table but an old Excel workbook (.xls)"),
    (b"\x1f\x8b\x08\0", "This is no table but compressed (gzip); unpack it first."),
    (b"\x89PNG\r\n\x1a\n", "This is no table but a picture."),
    (bytes(range(256)) * 8, "This is no table but a file for programs"),
    (b"\xef\xbb\xbf<HTML><body>", "This is no table but a web page"),
    ("<!DOCTYPE html>".encode("utf-16"), "This is no table but a web page"),
    (b'<?xml version="1.0"?><Workbook>', "This is no table but XML"),
    (b'[{"email": "a@b.co"}]', "This is no table but JSON"),
    (b"BEGIN:VCARD\r\nVERSION:3.0\r\n", "This is no table but an address book (vCard)"),
    (b'"email,name\na@b.co,Ann\n', "The first row, which names the columns, cannot be read"),
    (b"PK\x03\x04 and nothing more", "This is no workbook that can be read"),
]


@pytest.mark.parametrize(("content", "says"), SAYS, ids=[says[-30:] for _, says in SAYS])
def test_what_is_no_table_gets_a_sentence_that_says_why(written: Write, content: bytes, says: str) -> None:
    with pytest.raises(NotATable) as refused:
        read(written(content))
    assert str(refused.value).startswith(says)
    assert refused.value.message.endswith(".")


def test_a_web_page_saved_as_xls_says_so(samples: Path) -> None:
    with pytest.raises(NotATable, match="a web page, whatever its name says"):
        read(samples / "page.xls")


def test_a_file_that_is_not_there_is_a_sentence_too(tmp_path: Path) -> None:
    with pytest.raises(NotATable, match="cannot be read"):
        read(tmp_path / "nothing.csv")
