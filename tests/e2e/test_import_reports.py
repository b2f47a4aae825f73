"""Reports of imports with `contactfold up`: a messy file, its failed rows corrected and sent again, and an erasure."""

import csv
import json
from collections.abc import Iterator
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from python_calamine import CalamineWorkbook

from e2e.importing import begin, counts, say, wait
from e2e.processes import Service, export, run_command, serving, until

pytestmark = pytest.mark.timeout(480)

MESSY = (
    "sep=;\r\n"
    "E-Mail;Vorname;=Note;Phone\r\n"
    'ann@example.com;Ann;"=HYPERLINK(""http://x"";""y"")";+49 151 2345678\r\n'
    "\r\n"
    "keine;Jürgen;@SUM(1);\r\n"
    ";Niemand;-;\r\n"
    "kurz@example.com\r\n"
    '\'=bob@example.com;Bob;"zwei\r\nZeilen";\r\n'
    "ann@example.com;Anna;;\r\n"
).encode("cp1252")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def up(home: Path) -> Iterator[Service]:
    with serving("up", data_dir=home) as service:
        yield service


def read(up: Service, import_id: str, what: str) -> httpx.Response:
    return httpx.get(f"{up.address}/v1/imports/{import_id}/{what}", timeout=60)


def test_failed_rows_are_corrected_and_all_of_the_file_is_applied(up: Service, home: Path) -> None:
    import_id = begin(up.address, MESSY, source="crm")
    counts(wait(up.address, import_id, "completed"), created=2, updated=1, failed=3)
    reply = read(up, import_id, "failed.csv")
    assert reply.headers["content-disposition"].endswith("filename*=UTF-8''people-failed.csv")
    text = reply.content.decode("utf-8-sig")
    header, *rows = csv.reader(StringIO(text, newline=""), delimiter=";")
    assert header == ["E-Mail", "Vorname", "'=Note", "Phone", "contactfold_reasons"]
    assert [row[:4] for row in rows] == [
        ["keine", "Jürgen", "'@SUM(1)", ""],
        ["", "Niemand", "'-", ""],
        ["kurz@example.com", "", "", ""],
    ]
    assert all(row[4].endswith(".") for row in rows)
    corrected = text.replace("keine;", "j@example.com;").replace("\n;Niemand", "\nn@example.com;Niemand")
    options = httpx.get(f"{up.address}/v1/imports/{import_id}", timeout=60).json()["options"]
    second = begin(up.address, b"\xef\xbb\xbf" + corrected.encode(), **options)
    counts(wait(up.address, second, "completed"), created=3)
    assert read(up, second, "failed.csv").content.decode("utf-8-sig") == text.partition("\r\n")[0] + "\r\n"
    known = {line["values"]["email"][0]: line["values"] for line in map(json.loads, export(data_dir=home).splitlines())}
    assert (known["j@example.com"]["first_name"], len(known)) == ("Jürgen", 5)
    _check_workbook(up, import_id)


def _check_workbook(up: Service, import_id: str) -> None:
    content = read(up, import_id, "report.xlsx").content
    workbook = CalamineWorkbook.from_filelike(BytesIO(content))
    sheets: dict[str, list[list[Any]]] = {
        name: workbook.get_sheet_by_name(name).to_python() for name in workbook.sheet_names
    }
    assert list(sheets) == ["Summary", "created", "updated", "unchanged", "ignored", "failed"]
    assert dict(sheets["Summary"])["failed"] == 3
    assert [row[0] for row in sheets["created"][1:]] == [2, 7]
    assert sheets["created"][1][3:] == ["ann@example.com", "Ann", '\'=HYPERLINK("http://x";"y")', "+49 151 2345678"]
    assert [row[0] for row in sheets["failed"][1:]] == [4, 5, 6]
    for rows in sheets.values():
        texts = [cell for row in rows for cell in row if isinstance(cell, str) and cell]
        assert not [text for text in texts if text[0] in "=@-\t\r" or (text.startswith("+") and not text[1].isdigit())]
    rows = read(up, import_id, "rows").json()["items"]
    assert [(one["row"], one["outcome"]) for one in rows][:2] == [(2, "created"), (4, "failed")]
    contact = httpx.get(f"{up.address}/v1/contacts/{rows[0]['contact_id']}", timeout=60).json()
    assert (contact["values"]["first_name"], rows[-1]["contact_id"]) == ("Anna", contact["id"])


def test_an_erasure_takes_the_file_and_a_rollback_shows_first_what_it_does(up: Service, home: Path) -> None:
    import_id = begin(up.address, MESSY)
    wait(up.address, import_id, "completed")
    other = begin(up.address, b"E-Mail\nsomebody@example.com\nwrong\n")
    wait(up.address, other, "completed")
    erased = run_command("erase", "email:ann@example.com", "--yes", data_dir=home)
    assert erased.returncode == 0, erased.stderr
    for what in ("failed.csv", "report.xlsx"):
        reply = read(up, import_id, what)
        assert (reply.status_code, reply.json()["reasons"][0]["code"]) == (410, "erased")
    kept = home / "imports"
    until(lambda: not (kept / import_id).exists(), "the file is gone")
    assert read(up, other, "failed.csv").status_code == 200
    assert b"ann@example.com" not in b"".join(path.read_bytes() for path in kept.iterdir())
    rows = read(up, import_id, "rows").json()["items"]
    assert [one["reasons"][0]["code"] for one in rows if one["row"] in (2, 8)] == ["erased", "erased"]
    before = export(data_dir=home)
    shown = httpx.post(f"{up.address}/v1/imports/{import_id}/rollback/preview", timeout=60)
    assert shown.status_code == 200, shown.text
    assert shown.json()["contacts"] == {"gone": 1, "joined": 0, "changed": 0, "made": 0}
    (bob,) = shown.json()["gone"]
    assert export(data_dir=home) == before
    assert httpx.get(f"{up.address}/v1/contacts/{bob}", timeout=60).json()["values"]["first_name"] == "Bob"
    say(up.address, import_id, "rollback")
    wait(up.address, import_id, "rolled_back")
    assert [json.loads(line)["values"]["email"] for line in export(data_dir=home).splitlines()] == [
        ["somebody@example.com"]
    ]
