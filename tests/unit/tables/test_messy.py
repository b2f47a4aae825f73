"""Files as people leave them: titles above the table, cells too many, sums below it, what no program should write."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter  # type: ignore[import-untyped,unused-ignore]

from contactfold.domain.event import Statement
from contactfold.domain.schema import Schema
from contactfold.tables.cells import clean_cell
from contactfold.tables.options import Options
from contactfold.tables.proposing import Proposal, propose
from contactfold.tables.reading import NotATable, Table
from contactfold.tables.rows import Plan, understand_row

Write = Callable[[str | bytes], Path]

pytestmark = pytest.mark.timeout(60)


def read(path: Path, schema: Schema) -> tuple[Proposal, dict[int, Statement]]:
    proposal = propose(path, Options(), schema)
    with Table.open(path, proposal.options) as table:
        plan = Plan(table.columns, proposal.options, schema)
        return proposal, {row.number: understand_row(plan.event(row, "i", 0), schema) for row in table.rows()}


def emails(rows: dict[int, Statement]) -> dict[int, object]:
    return {number: statement.values.get("email", ()) for number, statement in rows.items()}


@pytest.mark.parametrize(
    "above",
    [
        "Customers of 2026\n\n",
        "Customers of 2026;;\n",
        '"All customers, as of 1 May";;\n;;\nby Olga Owner;;\n',
    ],
)
def test_a_title_above_the_table_is_passed_over_and_told(schema: Schema, written: Write, above: str) -> None:
    proposal, rows = read(written(above + "Email;First name;City\nann@example.com;Ann;Oslo\n"), schema)
    header = above.count("\n") + 1
    assert [one.attribute for one in proposal.columns] == ["email", "first_name", "city"]
    assert emails(rows) == {header + 1: ("ann@example.com",)}
    assert [(note.code, str(header) in note.message) for note in proposal.notes] == [("title_rows", True)]


@pytest.mark.parametrize(
    "text",
    [
        "name\nSmith, Ann\nJones, Bob\n",
        "email\nann@example.com\nbob@example.com\n",
        "Customers\nann@example.com;Ann\nbob@example.com;Bob\n",
        "email\n" * 30 + "email,city\n",
    ],
)
def test_no_row_is_taken_for_a_title_where_no_names_of_columns_follow(written: Write, text: str) -> None:
    with Table.open(written(text), Options()) as table:
        assert table.titled is None
        assert table.columns == [text.partition("\n")[0]]


def test_a_title_of_a_workbook_is_passed_over_too(schema: Schema, tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(tmp_path / "a.xlsx")
    sheet = book.add_worksheet()
    sheet.merge_range(0, 0, 0, 2, "Customers of 2026")
    sheet.write_row(2, 0, ["Email", "First name"])
    sheet.write_row(3, 0, ["ann@example.com", "Ann"])
    sheet.write_row(4, 0, ["bob@example.com", "Bob", "", "a remark beyond the table"])
    book.close()
    proposal, rows = read(tmp_path / "a.xlsx", schema)
    assert [one.column for one in proposal.columns] == ["Email", "First name"]
    assert [[fault.code for fault in rows[number].faults] for number in (4, 5)] == [[], ["malformed_row"]]


def test_cells_without_a_name_and_without_a_value_make_no_row_ragged(schema: Schema, written: Write) -> None:
    rows = read(written("email,first_name,,\na@b.co,Ann\nb@b.co,Bob,,,,\nc@b.co,Cy,,,x\nd@b.co\n"), schema)[1]
    codes = {number: [fault.code for fault in statement.faults] for number, statement in rows.items()}
    assert codes == {2: [], 3: [], 4: ["malformed_row"], 5: ["malformed_row"]}


def test_a_column_that_says_something_goes_before_one_that_is_blank(schema: Schema, written: Write) -> None:
    path = written("email,Home City,Business City,Occupation,Job Title\na@b.co,,Oslo,\\N,Buyer\n")
    proposal, rows = read(path, schema)
    assert proposal.left_out == ["Home City", "Occupation"]
    assert (rows[2].values["city"], rows[2].values["title"]) == (("Oslo",), ("Buyer",))
    assert propose(path, proposal.given, schema).columns == proposal.columns


def test_a_title_beside_a_job_title_is_how_somebody_is_addressed(schema: Schema, written: Write) -> None:
    proposal, rows = read(written("Title,Job Title,Email\nDr.,Buyer,a@b.co\n"), schema)
    assert proposal.left_out == ["Title"]
    assert rows[2].values["title"] == ("Buyer",)
    said = propose(written("Title,Job Title,Email\nDr.,Buyer,a@b.co\n"), Options(mapping={"Title": "title"}), schema)
    assert said.left_out == ["Job Title"]


def test_a_fax_is_nobodys_number_where_the_file_says_what_it_is(schema: Schema, written: Write) -> None:
    header = "Email,Phone 1 - Type,Phone 1 - Value,Phone 2 - Label,Phone 2 - Value\n"
    rows = read(written(f"{header}a@b.co,Work Fax,415-555-0199,Mobile,415-555-0123\n"), schema)[1]
    assert rows[2].values["phone_number"] == ("+14155550123",)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("'+47 22 22 55 55", "+47 22 22 55 55"),
        ("'0049", "0049"),
        ("'7012345678901", "7012345678901"),
        ("'s-Hertogenbosch", "'s-Hertogenbosch"),
        ("'", "'"),
        ("'90s", "'90s"),
        ("\\N", ""),
        ("\\Name", "\\Name"),
        ("\\", "\\"),
    ],
)
def test_what_programs_put_before_a_value_is_no_part_of_it(cell: str, text: str) -> None:
    assert clean_cell(cell) == text


@pytest.mark.parametrize("cell", ["'ann@example.com'", "Ann <ann@example.com>", "mailto:ann@example.com"])
def test_an_address_is_read_out_of_what_stands_around_it(schema: Schema, written: Write, cell: str) -> None:
    assert read(written(f"Email,City\n{cell},Oslo\n"), schema)[1][2].values["email"] == ("ann@example.com",)


def test_a_zero_byte_costs_its_own_row_and_no_other(schema: Schema, written: Write) -> None:
    rest = b"".join(b"u%d@b.co,Paris\n" % place for place in range(200))
    rows = read(written(b"email,city\na@b.co,Os\0lo\nb\0@b.co,Rome\n" + rest), schema)[1]
    assert {number for number, one in rows.items() if one.faults} == {2, 3}
    assert rows[2].faults[0].code == "control_character"
    assert "\0" not in str([statement.values for statement in rows.values()])
    with pytest.raises(NotATable, match="a file for programs"):
        read(written(b"email,city\n" + b"a@b.co\0\0\0\0,Oslo\0\0\0\0\n" * 50), schema)


def test_a_file_of_300_columns_says_which_are_left_out(schema: Schema, written: Write) -> None:
    names = [f"Custom Field {place}" for place in range(299)]
    body = "".join(f"u{row}@example.com{',x' * 299}\n" for row in range(200))
    proposal, rows = read(written(f"Email,{','.join(names)}\n{body}"), schema)
    assert proposal.left_out == names
    assert not any(statement.faults for statement in rows.values())


def test_a_cell_of_a_mebibyte_is_a_fault_of_its_row(schema: Schema, written: Write) -> None:
    rows = read(written(f'email,city\na@b.co,"{"x" * (1 << 20)}"\nb@b.co,Oslo\n'), schema)[1]
    assert [[fault.code for fault in rows[number].faults] for number in (2, 3)] == [["malformed_row"], []]
    rows = read(written(f"email,city\na@b.co,{'x' * 900_000}\nb@b.co,Oslo\n"), schema)[1]
    assert [bool(rows[number].faults) for number in (2, 3)] == [True, False]


def test_days_of_a_workbook_are_days_and_numbers_that_were_never_days_are_left_out(
    schema: Schema, tmp_path: Path
) -> None:
    """Excel keeps a day as a number; only a cell's format tells it from any other number."""

    def write(name: str, form: dict[str, Any]) -> Path:
        book = xlsxwriter.Workbook(tmp_path / name)
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Email", "Birthday"])
        sheet.write(1, 0, "ann@example.com")
        sheet.write_number(1, 1, (date(1990, 5, 17) - date(1899, 12, 30)).days, book.add_format(form))
        book.close()
        return tmp_path / name

    for form in ("dd/mm/yyyy", "m/d/yy", "[$-407]d. mmmm yyyy", 'yyyy"年"m"月"d"日"'):
        rows = read(write("days.xlsx", {"num_format": form}), schema)[1]
        assert rows[2].values["date_of_birth"] == ("1990-05-17",), form
    proposal, rows = read(write("numbers.xlsx", {}), schema)
    assert [note.code for note in proposal.notes] == ["unreadable_dates"]
    assert proposal.left_out == ["Birthday"]
    assert rows[2].faults == ()
