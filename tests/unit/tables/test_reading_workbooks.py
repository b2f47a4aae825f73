"""XLSX: cells as text, sheets, and archives that would unpack to more than there is."""

import zipfile
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter  # type: ignore[import-untyped,unused-ignore]

from contactfold.tables import unpacking
from contactfold.tables.options import Options
from contactfold.tables.reading import NotATable, Row, Table

Fill = Callable[[Any], None]


def make(path: Path, fill: Fill) -> Path:
    book = xlsxwriter.Workbook(path, {"remove_timezone": True})
    fill(book)
    book.close()
    return path


def read(path: Path, sheet: str | None = None) -> tuple[list[str], list[Row]]:
    with Table.open(path, Options(sheet=sheet)) as table:
        return table.columns, list(table.rows())


def test_cells_are_the_text_a_person_means(tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["phone", "id", "share", "day", "when", "hour", "yes", "sum", "long", "none", "text"])
        sheet.write(1, 0, 14155550123)
        sheet.write(1, 1, 123456789012345)
        sheet.write(1, 2, 0.1 + 0.2)
        sheet.write(1, 3, date(1990, 5, 17), book.add_format({"num_format": "dd/mm/yyyy"}))
        sheet.write(1, 4, datetime(2026, 1, 2, 3, 4, 5), book.add_format({"num_format": "d/m/yy h:mm"}))  # noqa: DTZ001
        sheet.write(1, 5, time(9, 30), book.add_format({"num_format": "hh:mm"}))
        sheet.write(1, 6, True)
        sheet.write_formula(1, 7, "=1+2", None, 3)
        sheet.write(1, 8, timedelta(hours=30), book.add_format({"num_format": "[h]:mm:ss"}))
        sheet.write_formula(1, 9, "=NA()", None, "#N/A")
        sheet.write_string(1, 10, "0049")

    columns, rows = read(make(tmp_path / "a.xlsx", fill))
    assert dict(zip(columns, rows[0].cells, strict=True)) == {
        "phone": "14155550123",
        "id": "123456789012345",
        "share": "0.3",
        "day": "1990-05-17",
        "when": "2026-01-02 03:04:05",
        "hour": "09:30:00",
        "yes": "true",
        "sum": "3",
        "long": "30:00:00",
        "none": "",
        "text": "0049",
    }


def test_the_first_sheet_that_can_be_seen_and_is_not_empty_is_read(tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        book.add_worksheet("Cover")
        hidden = book.add_worksheet("Hidden")
        hidden.write(0, 0, "secret")
        hidden.hide()
        book.add_worksheet("People").write_column(0, 0, ["email", "ann@example.com"])
        book.add_worksheet("More").write_column(0, 0, ["phone", 14155550123])

    path = make(tmp_path / "a.xlsx", fill)
    assert read(path) == (["email"], [Row(2, ["ann@example.com"])])
    assert read(path, "more") == (["phone"], [Row(2, ["14155550123"])])
    with pytest.raises(NotATable, match="its sheets are 'Cover', 'Hidden', 'People', 'More'"):
        read(path, "Peeple")


def test_row_numbers_are_the_sheets_own(tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet()
        sheet.write_row(2, 1, ["email", "first_name"])
        sheet.write_row(4, 1, ["ann@example.com", "Ann"])
        sheet.write_row(7, 1, ["bob@example.com", "Bob"])

    rows = read(make(tmp_path / "a.xlsx", fill))[1]
    assert rows == [Row(5, ["ann@example.com", "Ann"]), Row(8, ["bob@example.com", "Bob"])]


def test_a_cell_beyond_the_header_makes_its_row_ragged_and_no_other(tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["email", "first_name"])
        sheet.write_row(1, 0, ["ann@example.com", "Ann"])
        sheet.write_row(2, 0, ["bob@example.com", "Bob", "", "note"])

    rows = read(make(tmp_path / "a.xlsx", fill))[1]
    assert [row.fault and row.fault.code for row in rows] == [None, "malformed_row"]


def test_merged_cells_hold_their_value_once(tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["company", "email"])
        sheet.merge_range(1, 0, 2, 0, "Office Mart")
        sheet.write_column(1, 1, ["ann@example.com", "bob@example.com"])

    assert [row.cells[0] for row in read(make(tmp_path / "a.xlsx", fill))[1]] == ["Office Mart", ""]


def test_an_empty_workbook_says_so(tmp_path: Path) -> None:
    path = make(tmp_path / "a.xlsx", lambda book: book.add_worksheet())
    with pytest.raises(NotATable, match="The workbook is empty"):
        read(path)


def test_one_cell_in_the_last_corner_makes_no_sheet_of_everything(tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "email")
        sheet.write(1_048_575, 16_383, "x")

    with pytest.raises(NotATable) as refused:
        read(make(tmp_path / "a.xlsx", fill))
    assert refused.value.code == "workbook_too_large"


def test_parts_that_unpack_to_more_than_the_bound_are_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(
        tmp_path / "a.xlsx", lambda book: book.add_worksheet().write_column(0, 0, ["email@example.com"] * 9_000)
    )
    unpacking.measure(path)
    monkeypatch.setattr(unpacking, "MOST_UNPACKED", 1 << 17)
    with pytest.raises(NotATable) as refused:
        unpacking.measure(path)
    assert refused.value.code == "workbook_too_large"


def test_a_part_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    good = make(tmp_path / "good.xlsx", lambda book: book.add_worksheet().write(0, 0, "email" * 1000))
    raw = bytearray(good.read_bytes())
    with zipfile.ZipFile(good) as archive:
        part = archive.getinfo("xl/worksheets/sheet1.xml")
    # The size before packing stands 24 bytes into the entry of the directory, which is found by its name behind it.
    entry = raw.rindex(b"xl/worksheets/sheet1.xml") - 46
    assert int.from_bytes(raw[entry + 24 : entry + 28], "little") == part.file_size
    raw[entry + 24 : entry + 28] = (10).to_bytes(4, "little")
    good.write_bytes(raw)
    with pytest.raises(NotATable, match="damaged"):
        read(good)


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ("content.xml", "This workbook is not XLSX"),
        ("xl/workbook.bin", "This workbook is not XLSX"),
        ("word/document.xml", "This is a document and no table"),
        ("contacts.csv", "an archive (zip); unpack it first"),
    ],
)
def test_other_archives_say_what_they_are(tmp_path: Path, part: str, says: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr(part, "x")
    with pytest.raises(NotATable) as refused:
        read(tmp_path / "a.xlsx")
    assert says in str(refused.value)


def test_a_workbook_of_more_than_50_mib_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with path.open("wb") as file:
        file.write(b"PK\x03\x04")
        file.truncate((50 << 20) + 1)
    with pytest.raises(NotATable, match="at most 50 MiB"):
        read(path)
