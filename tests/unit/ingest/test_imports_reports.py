"""Reports of imports, and what became of each row: while it runs, taken back, erased, and when its file is gone."""

import asyncio
import csv
from collections.abc import AsyncIterator
from dataclasses import replace
from io import BytesIO, StringIO
from pathlib import Path

import pytest

from contactfold.domain.changes import DeadLetter
from contactfold.domain.schema import default_schema
from contactfold.ports import Changes
from contactfold.ports.imports import IN_PROGRESS, ROLLED_BACK
from contactfold.tables.options import Options
from contactfold_ingest.imports import report_workbook
from contactfold_ingest.imports.failed_rows import write_failed_csv
from contactfold_ingest.imports.report_files import TableFile, open_file
from contactfold_ingest.imports.row_outcomes import RowOutcome
from fakes.ingest_service import Ingest
from unit.ingest.cutting import has_status, until
from unit.ingest.importing import (
    at_work,
    import_contacts,
    import_file,
    items,
    let_time_stand,
    read,
    read_failed,
    read_workbook,
    refusal,
    sheets_of,
)


@pytest.fixture(autouse=True)
async def _at_work(ingest: Ingest) -> AsyncIterator[None]:
    async with at_work(ingest):
        yield


FILE = b"""\
Email,First name,Shoe
a@example.com,Ann,=4
nobody,Eve,5
b@example.com,Bob,+7
a@example.com,Anna,6

a@example.com,Anna,6
"""


async def test_a_workbook_tells_all_of_it_a_sheet_for_each_outcome(ingest: Ingest) -> None:
    import_id = await import_file(ingest, FILE)
    ann = (await items(ingest, import_id))[0]["contact_id"]
    sheets = await read_workbook(ingest, import_id)
    assert list(sheets) == ["Summary", "created", "updated", "unchanged", "ignored", "failed"]
    expected = {"total": 5, "created": 2, "updated": 1, "unchanged": 1, "ignored": 0, "failed": 1, "not applied": 0}
    assert dict(sheets["Summary"]) == expected
    head = ["row", "contact_id", "contactfold_reasons", "Email", "First name", "Shoe"]
    assert sheets["created"][:2] == [head, [2, ann, "", "a@example.com", "Ann", "'=4"]]
    assert [row[0] for row in sheets["created"][1:]] == [2, 4]
    assert sheets["created"][2][3:] == ["b@example.com", "Bob", "+7"]
    assert sheets["updated"][1:] == [[5, ann, "", "a@example.com", "Anna", "6"]]
    assert sheets["unchanged"][1:] == [[7, ann, "", "a@example.com", "Anna", "6"]], "its number is the file's"
    assert sheets["ignored"] == [head]
    (failed,) = sheets["failed"][1:]
    assert (failed[:2], failed[2][:6], failed[3:]) == ([3, ""], "Email:", ["nobody", "Eve", "5"])


async def test_a_workbook_of_contacts_as_json(ingest: Ingest) -> None:
    import_id = await import_contacts(ingest, {"email": ["a@example.com", "b@example.com"]}, {"email": "@x\x00\ufffe"})
    sheets = await read_workbook(ingest, import_id)
    assert sheets["created"][1][3:] == ["a@example.com", "b@example.com"]
    assert sheets["failed"][1][3].startswith("'@x")


async def test_a_workbook_says_what_it_leaves_out(
    ingest: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_workbook, "MOST_ROWS", 2)
    import_id = await import_file(ingest, b"Email\n" + b"".join(b"a%d@example.com\n" % n for n in range(4)))
    (one,) = await ingest.directory.imports([import_id])
    out = BytesIO()
    file = open_file(ingest.deps.shelf.find(import_id), one, ingest.deps.schema, personal=True)
    report = report_workbook.Report(out, tmp_path, file, [("total", 4)])
    report.write([RowOutcome(row, "created") for row in range(2, 6)])
    report.close([("created", 4)])
    file.close()
    rows = sheets_of(out.getvalue())["created"]
    assert [row[0] for row in rows] == ["row", 2, 3, "Only the first 2 of 4 rows are shown."]


async def test_a_cell_longer_than_a_spreadsheet_takes_is_cut_and_says_so(ingest: Ingest) -> None:
    long = "x" * 40_000
    import_id = await import_file(ingest, f"Email,Note\nnobody,{long}\n".encode())
    sheets = await read_workbook(ingest, import_id)
    cell = sheets["failed"][1][4]
    assert (len(cell), cell[-12:]) == (32_767, "… (cut here)")
    assert long.encode() in await read_failed(ingest, import_id), "what is to be uploaded again is whole"


def test_a_cell_is_as_long_as_spreadsheets_count_it_and_columns_without_room_are_told(tmp_path: Path) -> None:
    """An emoji counts twice there."""
    text = tmp_path / "a.csv"
    emoji = "\U0001f600"
    text.write_text(f"email{',x' * 16_382}\nann@example.com,{emoji * 20_000}\n", encoding="utf-8")
    file = TableFile(text, Options(), default_schema(), personal=True)
    out = BytesIO()
    report = report_workbook.Report(out, tmp_path, file, [("total", 1)])
    report.write([RowOutcome(2, "created")])
    report.close([("created", 1)])
    file.close()
    sheets = sheets_of(out.getvalue())
    cell = sheets["created"][1][4]
    assert (len(cell.encode("utf-16-le")) // 2, cell[-13:]) == (32_766, f"{emoji}… (cut here)")
    assert sheets["Summary"][-1] == ["columns that no sheet has room for: not shown", 2]


async def test_rows_name_todays_contacts_through_merges(ingest: Ingest) -> None:
    import_id = await import_file(ingest, b"Email,Phone\na@example.com,\n,+4915123456789\nx,\n")
    ann, phone, failed = await items(ingest, import_id)
    assert (ann["row"], ann["outcome"], failed["outcome"], failed["contact_id"]) == (2, "created", "failed", None)
    assert ann["contact_id"] != phone["contact_id"]
    await import_file(ingest, b"Email,Phone\na@example.com,+4915123456789\n")
    merged, other, _ = await items(ingest, import_id)
    assert (merged["contact_id"], other["contact_id"]) == (ann["contact_id"], ann["contact_id"])
    reply = await read(ingest, import_id, "rows.csv")
    lines = list(csv.reader(StringIO(reply.text, newline="")))
    assert lines[0] == ["row", "outcome", "contact_id", "retracted", "reasons"]
    assert [line[:4] for line in lines[1:]] == [
        ["2", "created", ann["contact_id"], "false"],
        ["3", "created", ann["contact_id"], "false"],
        ["4", "failed", "", "false"],
    ]
    assert lines[3][4].startswith("email: This is not")


async def test_rows_come_in_pages_and_by_outcome(ingest: Ingest) -> None:
    file = b"Email\n" + b"".join(b"a%d@example.com\n" % n if n % 3 else b"wrong\n" for n in range(30))
    import_id = await import_file(ingest, file)
    assert [one["row"] for one in await items(ingest, import_id, "limit=7")] == list(range(2, 32))
    assert [one["row"] for one in await items(ingest, import_id, "outcome=failed&limit=3")] == list(range(2, 32, 3))
    assert await items(ingest, import_id, "outcome=updated") == []
    for query in ("limit=0", "limit=1001", "limit=x", "after=-1", "after=x", f"after={'9' * 30}", "outcome=rejected"):
        assert (await read(ingest, import_id, f"rows?{query}")).status_code == 422, query
    assert refusal(await read(ingest, "0" * 26, "rows")) == (404, "not_found")
    assert refusal(await read(ingest, "nonsense", "failed.csv")) == (404, "not_found")


async def test_rows_that_died_are_failed_rows_and_name_no_identifier_to_who_may_not_see_it(ingest: Ingest) -> None:
    import_id = await import_file(ingest, b"Email,City\na@example.com,Oslo\nb@example.com,Rome\n")
    reason = "Most share email:boss@example.com: `contactfold share email:boss@example.com`."
    letter = DeadLetter(
        "contactfold.imports/0/9", "contactfold.imports/0", 9, b"k", b"{}", (), 1, "component_too_large", reason, 2
    )
    others = [replace(letter, id=f"z/{n}", import_row=(import_id, 4 + n)) for n in (0, 1)]
    await ingest.directory.commit(Changes(dead_letters=[replace(letter, import_row=(import_id, 3)), *others]))
    rows = await items(ingest, import_id, "limit=1")
    assert [(one["row"], one["outcome"]) for one in rows] == [
        (2, "created"),
        (3, "created"),
        (4, "failed"),
        (5, "failed"),
    ]
    failed = (await read_failed(ingest, import_id)).decode().splitlines()
    assert failed[1:] == [f"b@example.com,Rome,{reason}"], "rows that the file has not are in no report"
    let_time_stand(ingest)
    await ingest.add_key("r" * 40, "read")
    for what in ("failed.csv", "rows", "rows.csv", "report.xlsx"):
        told = await read(ingest, import_id, what, x_api_key="r" * 40)
        assert told.status_code == 200, told.text
        assert b"boss" not in told.content, what
    assert "limits.component_events" in (await read(ingest, import_id, "rows", x_api_key="r" * 40)).text


async def test_while_it_runs_there_is_no_report_but_the_rows_so_far(ingest: Ingest) -> None:
    import_id = await import_file(ingest, FILE)
    (one,) = await ingest.directory.imports([import_id])
    one.status, one.whole = IN_PROGRESS, False
    one.place = "elsewhere"  # so that nobody goes on with it
    await ingest.directory.keep_import(one)
    for what in ("failed.csv", "report.xlsx"):
        assert refusal(await read(ingest, import_id, what)) == (409, "import_running")
    assert len(await items(ingest, import_id)) == 5


async def test_taken_back_it_still_tells_what_had_been_applied_and_says_so(ingest: Ingest) -> None:
    import_id = await import_file(ingest, FILE)
    before = await read_failed(ingest, import_id)
    assert (await ingest.client.post(f"/v1/imports/{import_id}/rollback")).status_code == 202
    await until(lambda: has_status(ingest, import_id, ROLLED_BACK), "it is taken back")
    rows = await items(ingest, import_id)
    assert [one["outcome"] for one in rows] == ["created", "failed", "created", "updated", "unchanged"]
    assert {one["contact_id"] for one in rows} == {None}
    assert [one["retracted"] for one in rows] == [True, False, True, True, True], "what failed had said nothing"
    assert await read_failed(ingest, import_id) == before
    summary = dict((await read_workbook(ingest, import_id))["Summary"])
    assert summary["taken back since (the rows are shown as they had been applied)"] == 5
    assert summary["created"] == 2


async def test_a_file_that_is_gone_or_elsewhere_is_told_apart(ingest: Ingest) -> None:
    import_id = await import_file(ingest, FILE)
    ingest.deps.shelf.drop(ingest.deps.shelf.find(import_id))
    for what in ("failed.csv", "report.xlsx"):
        assert refusal(await read(ingest, import_id, what)) == (410, "file_gone")
    (one,) = await ingest.directory.imports([import_id])
    one.place = "another disk"
    await ingest.directory.keep_import(one)
    assert refusal(await read(ingest, import_id, "failed.csv")) == (409, "file_elsewhere")
    assert len(await items(ingest, import_id)) == 5


async def test_a_file_that_somebody_spoiled_and_a_disk_that_is_full_are_told_in_a_sentence(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = await import_file(ingest, FILE)
    path = ingest.deps.shelf.find(import_id)
    path.write_bytes(b"%PDF-1.7")
    assert refusal(await read(ingest, import_id, "report.xlsx")) == (409, "unreadable_file")
    path.write_bytes(FILE)
    (ingest.deps.data_dir / "reports").rmdir()
    (ingest.deps.data_dir / "reports").write_bytes(b"")
    assert refusal(await read(ingest, import_id, "report.xlsx")) == (503, "report_failed")
    (ingest.deps.data_dir / "reports").unlink()
    monkeypatch.setattr("contactfold_ingest.imports.reporting.MODULE", "contactfold_ingest.imports.no_module")
    assert refusal(await read(ingest, import_id, "failed.csv")) == (503, "report_failed")
    assert list((ingest.deps.data_dir / "reports").iterdir()) == [], "nothing is left of it"


async def test_a_server_that_ends_lets_go_of_its_reports(ingest: Ingest) -> None:
    import_id = await import_file(ingest, FILE)
    descriptors = count_descriptors()
    asking = asyncio.create_task(read(ingest, import_id, "report.xlsx"))
    await until_started(ingest)
    ingest.deps.reports.end()
    assert refusal(await asking) == (503, "report_failed")
    assert refusal(await read(ingest, import_id, "failed.csv")) == (503, "report_failed")
    assert count_descriptors() <= descriptors


def count_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def until_started(ingest: Ingest) -> None:
    async def has_started() -> bool:
        return bool(ingest.deps.reports._processes)

    await until(has_started, "it is being made")


async def test_the_failed_rows_are_written_without_a_server_too(ingest: Ingest) -> None:
    import_id = await import_file(ingest, FILE)
    (one,) = await ingest.directory.imports([import_id])
    out = BytesIO()
    path = ingest.deps.shelf.find(import_id)
    assert await write_failed_csv(ingest.directory, one, path, ingest.deps.schema, out) == 1
    assert out.getvalue() == await read_failed(ingest, import_id)
    with pytest.raises(FileNotFoundError):
        await write_failed_csv(ingest.directory, one, path.with_name("gone"), ingest.deps.schema, BytesIO())
