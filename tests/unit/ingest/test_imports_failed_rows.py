"""The rows that failed, as a file to correct and upload again."""

import csv
from collections.abc import AsyncIterator
from io import BytesIO, StringIO

import pytest
import xlsxwriter

from fakes.ingest_service import Ingest
from unit.ingest.importing import MARK, at_work, counts, import_contacts, import_file, let_time_stand, read, read_failed


@pytest.fixture(autouse=True)
async def _at_work(ingest: Ingest) -> AsyncIterator[None]:
    async with at_work(ingest):
        yield


def table(content: bytes, delimiter: str = ",") -> list[list[str]]:
    text = content.decode()
    assert text.startswith(MARK), "spreadsheets know by it what they read"
    return list(csv.reader(StringIO(text[1:], newline=""), delimiter=delimiter))


NO_EMAIL = "E-Mail: This is not an e-mail address; one reads like ann@example.com."


async def test_a_file_comes_back_corrects_and_goes_in(ingest: Ingest) -> None:
    """Twice: what is still wrong after the first round comes back again, with one column of reasons."""
    file = b"E-Mail,First name,Shoe\nann@example.com,Ann,4\nnobody,Eve,5\n\n,Bob,6\ncy@example.com,Cy\n"
    first = await import_file(ingest, file, source="crm")
    assert await counts(ingest, first) == {"created": 1, "failed": 3}
    failed = await read_failed(ingest, first)
    header, eve, bob, cy, *rest = table(failed)
    assert header == ["E-Mail", "First name", "Shoe", "contactfold_reasons"]
    assert eve == ["nobody", "Eve", "5", NO_EMAIL]
    assert bob[:3] == ["", "Bob", "6"]
    assert bob[3].startswith("The event names nobody: it needs a value of a key or channel")
    assert cy == ["cy@example.com", "Cy", "", "This row has 2 cells, the header 3 cells."]
    assert rest == []
    second = await import_file(ingest, failed.replace(b",Bob", b"bob@example.com,Bob"))
    assert await counts(ingest, second) == {"created": 2, "failed": 1}, "the short row was filled up"
    again = await read_failed(ingest, second)
    assert table(again) == [header, eve]
    options = (await ingest.client.get(f"/v1/imports/{second}")).json()["options"]
    assert "contactfold_reasons" in options["mapping"], "which fits a file without that column, too"
    bare = (
        again.replace(b"nobody", b"eve@example.com")
        .replace(b",contactfold_reasons", b"")
        .replace(b',"' + NO_EMAIL.encode() + b'"', b"")
    )
    third = await import_file(ingest, bare, **options)
    assert await counts(ingest, third) == {"created": 1}
    assert table(await read_failed(ingest, third)) == [header]


@pytest.mark.parametrize(
    ("content", "delimiter"),
    [
        ("E-Mail;Name;Ort\nkeine;Müller;Köln\n".encode("cp1252"), ";"),
        ("E-Mail\tName\tOrt\nkeine\tMüller\tKöln\n".encode("utf-16"), "\t"),
        ("E-Mail|Name|Ort\nkeine|Müller|Köln\n".encode(), "|"),
        ("\ufeffsep=;\r\nE-Mail;Name;Ort\r\nkeine;Müller;Köln\r\n".encode(), ";"),
    ],
    ids=["cp1252", "utf-16", "bars", "sep"],
)
async def test_it_is_utf8_in_the_files_own_delimiter_and_comes_back_with_its_options_or_without(
    ingest: Ingest, content: bytes, delimiter: str
) -> None:
    mapping = {"Name": "last_name", "Ort": "city"}
    first = await import_file(ingest, content, mapping=mapping)
    failed = await read_failed(ingest, first)
    assert table(failed, delimiter)[1] == ["keine", "Müller", "Köln", NO_EMAIL]
    corrected = failed.replace(b"keine", b"m@example.com")
    options = (await ingest.client.get(f"/v1/imports/{first}")).json()["options"]
    assert await counts(ingest, await import_file(ingest, corrected, **options)) == {"created": 1}
    contact = await find(ingest, "email:m@example.com")
    assert (contact["last_name"], contact["city"]) == ("Müller", "Köln")
    assert await counts(ingest, await import_file(ingest, corrected, mapping=mapping)) == {"unchanged": 1}


async def find(ingest: Ingest, identifier: str) -> dict[str, str]:
    claim = (await ingest.directory.claims([identifier]))[identifier]
    assert claim.owner is not None
    contact = (await ingest.directory.contacts([claim.owner]))[claim.owner]
    return {key: str(given[1]) for key, given in contact.single.items()}


async def test_a_workbook_comes_back_as_a_file_too(ingest: Ingest) -> None:
    out = BytesIO()
    with xlsxwriter.Workbook(out) as workbook:
        workbook.add_worksheet("Cover")
        sheet = workbook.add_worksheet("People")
        for place, row in enumerate([["E-Mail", "First name", "Code"], [], ["nobody", "Ann, B", "0049"], ["", "", 7]]):
            sheet.write_row(place, 0, row)
    first = await import_file(ingest, out.getvalue(), name="people.xlsx", sheet="People")
    failed = await read_failed(ingest, first)
    assert [row[:3] for row in table(failed)[1:]] == [["nobody", "Ann, B", "0049"], ["", "", "7"]]
    options = (await ingest.client.get(f"/v1/imports/{first}")).json()["options"]
    corrected = failed.replace(b"nobody", b"ann@example.com")
    assert await counts(ingest, await import_file(ingest, corrected, **options)) == {"created": 1, "failed": 1}


async def test_a_row_with_too_many_cells_keeps_them_and_is_at_fault_until_somebody_corrects_it(ingest: Ingest) -> None:
    file = b'Email,City\na@example.com,Oslo, Norway\n"b@example.com,Rome\nc@example.com,Paris\n'
    first = await import_file(ingest, file)
    failed = await read_failed(ingest, first)
    _, a, b = table(failed)
    assert (a[:2], a[3:]) == (["a@example.com", "Oslo"], ["Norway"])
    assert b[2].startswith("A quote in this row is not closed")
    second = await import_file(ingest, failed)
    assert await counts(ingest, second) == {"failed": 2}


HOSTILE = [
    "=cmd|' /C calc'!A0",
    "+cmd",
    "-2+3+cmd",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "  =1+1",
    "-",
    "a;=1+1",
    'a";"=1',
    '=HYPERLINK("http://x","y")\n',
]
HARMLESS = ["-5", "+4.5", "-1,5", "+49 151 2345678", "+1 (415) 555-0123", "'quoted", "a=b", "-1e5"]


async def test_no_cell_is_a_formula_and_every_one_comes_back_as_it_was(ingest: Ingest) -> None:
    out = StringIO()
    write = csv.writer(out).writerow
    write(["Email", "=First name", "City", "=evil", "-Company"])
    for number, text in enumerate([*HOSTILE, *HARMLESS]):
        write([f"x{number}", f"n{number}", text, text, text])
    first = await import_file(ingest, out.getvalue().encode(), mapping={"=First name": "first_name"})
    failed = await read_failed(ingest, first)
    header, *rows = table(failed)
    assert header[:5] == ["Email", "'=First name", "City", "'=evil", "'-Company"]
    for text, row in zip(HOSTILE, rows, strict=False):
        for cell in row[2:5]:
            assert cell[0] == "'" or cell[0] not in "=+-@\t\r", (text, cell)
            assert cell.removeprefix("'").strip() == text.strip()
    for text, row in zip(HARMLESS, rows[len(HOSTILE) :], strict=True):
        assert row[2] == text
    corrected = failed
    for number in range(len(HOSTILE) + len(HARMLESS)):
        corrected = corrected.replace(f"\r\nx{number},".encode(), f"\r\nx{number}@example.com,".encode())
    second = await import_file(ingest, corrected, mapping={"=First name": "first_name"})
    assert await counts(ingest, second) == {"created": len(rows)}
    for number, text in enumerate([*HOSTILE, *HARMLESS]):
        contact = await find(ingest, f"email:x{number}@example.com")
        assert contact.get("city", "") == text.strip()
        assert contact["first_name"] == f"n{number}"


async def test_contacts_as_json_come_back_as_a_file_that_says_the_same(ingest: Ingest) -> None:
    contacts = [
        {"email": ["nobody", "a@example.com"], "labels": ["x", "y", "z"], "first_name": "A", "age": 7, "ok": True},
        {"email": "fine@example.com"},
        {"email": "wrong", "labels": "one", "first_name": None, "Account Name": "Office, Mart", "deep": {"a": [1]}},
        5,
        {"first_name": ["two", "names"], "email": "c@example.com", "tags": ["u", "v"]},
    ]
    first = await import_contacts(ingest, *contacts, mapping={"tags": "labels"})
    assert await counts(ingest, first) == {"created": 1, "failed": 4}
    failed = await read_failed(ingest, first)
    header, a, wrong, number, two = table(failed)
    assert [name for name in header if name in ("email", "labels")] == [
        "email",
        "email",
        "labels",
        "labels",
        "labels",
        "labels",
    ]
    assert set(number[:-1]) == {""}
    assert number[-1] == "Row 4: A contact is a JSON object.", "nothing else says which one it was"
    assert '{"a": [1]}' in wrong
    assert "two; names" in two
    assert a[:2] == ["nobody", "a@example.com"]
    options = (await ingest.client.get(f"/v1/imports/{first}")).json()["options"]
    corrected = failed.replace(b"nobody,", b",").replace(b"wrong,", b"w@example.com,")
    second = await import_file(ingest, corrected, **options)
    assert await counts(ingest, second) == {"created": 3, "failed": 1}
    claim = (await ingest.directory.claims(["email:a@example.com"]))["email:a@example.com"]
    assert claim.owner is not None
    contact = (await ingest.directory.contacts([claim.owner]))[claim.owner]
    assert list(contact.multi["labels"]) == ["x", "y", "z"]


async def test_who_may_not_see_personal_values_sees_that_there_are_some(ingest: Ingest) -> None:
    file = b"Email,City,Shoe\nnobody,Oslo,44\nx,Rome\n"
    first = await import_file(ingest, file)
    let_time_stand(ingest)
    await ingest.add_key("r" * 40, "read")
    await ingest.add_key("p" * 41, "read", "pii")
    await ingest.add_key("i" * 42, "ingest")
    masked = (await read(ingest, first, "failed.csv", x_api_key="r" * 40)).content
    assert [row[:3] for row in table(masked)[1:]] == [["***", "Oslo", "***"], ["***", "***", ""]]
    whole = await read(ingest, first, "failed.csv", x_api_key="p" * 41)
    assert b"nobody" in whole.content
    for what in ("failed.csv", "report.xlsx", "rows", "rows.csv"):
        assert (await read(ingest, first, what, x_api_key="i" * 42)).status_code == 403
