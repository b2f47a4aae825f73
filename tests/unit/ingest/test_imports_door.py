"""The doors of imports: what they take, what they refuse, and what is left on the disk."""

import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from contactfold.row_previews import Contest, RowPreview
from contactfold_ingest.imports.cutters import Cuts
from contactfold_ingest.imports.previewing import Preview, Previews
from fakes.ingest_service import CONFIG, Ingest, serving

FILE = b"E-Mail,First Name,Shoe\nann@example.com,Ann,4\n"
FORM = {"content-type": "multipart/form-data; boundary=b"}


def part(name: str, content: bytes, *more: str) -> bytes:
    head = "; ".join((f'Content-Disposition: form-data; name="{name}"', *more))
    return b"--b\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--b--\r\n"


async def post(ingest: Ingest, content: Any, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await ingest.client.post("/v1/imports", content=content, headers={**FORM, **named})


async def upload(ingest: Ingest, content: bytes = FILE, name: str = "people.csv", **options: object) -> httpx.Response:
    files: Any = {"file": (name, content), "options": (None, json.dumps(options))}
    return await ingest.client.post("/v1/imports", files=files)


def left(ingest: Ingest) -> list[Path]:
    """The files that are kept."""
    return sorted((ingest.deps.data_dir / "imports").glob("*"))


def refusal(reply: httpx.Response) -> tuple[int, str, str]:
    assert reply.headers["content-type"] == "application/problem+json", reply.text
    reason = reply.json()["reasons"][0]
    assert reason["message"].endswith((".", "?")), reason
    return reply.status_code, reason["code"], reason["field"]


async def test_a_file_is_kept_and_its_import_is_pending(ingest: Ingest) -> None:
    reply = await upload(ingest, action="update")
    assert reply.status_code == 201
    told = reply.json()
    assert (told["status"], told["ignored_columns"]) == ("pending", ["Shoe"])
    assert reply.headers["location"] == f"/v1/imports/{told['id']}"
    shown = (await ingest.client.get(reply.headers["location"])).json()
    assert (shown["file"], shown["total"], shown["percent"]) == ("people.csv", None, 0)
    assert shown["options"]["action"] == "update"
    assert set(shown["counts"].values()) == {0}
    (kept,) = left(ingest)
    assert (kept.name, kept.read_bytes(), kept.stat().st_mode & 0o777) == (told["id"], FILE, 0o600)
    assert await ingest.events() == [], "nothing is on the log before it is cut"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\people\\list.csv", "list.csv"),
        ("/", "file"),
        ("a\tb\u202e.csv", "ab.csv"),
        ("ü" * 400, "ü" * 255),
        ("Kunden 2026 März.csv", "Kunden 2026 März.csv"),
    ],
    ids=repr,
)
async def test_a_name_is_for_people_and_never_a_path(ingest: Ingest, name: str, shown: str) -> None:
    content = form(part("file", FILE, f'filename="{name}"'))
    reply = await post(ingest, content)
    assert reply.status_code == 201, reply.text
    import_id = reply.json()["id"]
    assert (await ingest.client.get(f"/v1/imports/{import_id}")).json()["file"] == shown
    assert [path.name for path in left(ingest)] == [import_id]


async def test_contacts_come_as_json_too(ingest: Ingest) -> None:
    body = {"options": {"source": "crm"}, "contacts": [{"email": ["ann@example.com"], "shoe": 4}, {"First Name": "Bo"}]}
    reply = await ingest.client.post("/v1/imports", json=body)
    assert reply.status_code == 201, reply.text
    assert reply.json()["ignored_columns"] == ["shoe"]


REFUSED_FORMS: list[tuple[bytes, tuple[int, str, str]]] = [
    (b"", (400, "malformed_form", "")),
    (b"nothing of a form", (400, "malformed_form", "")),
    (part("file", FILE), (400, "malformed_form", "")),
    (form(), (422, "missing_field", "file")),
    (form(part("options", b"{}")), (422, "missing_field", "file")),
    (form(part("file", FILE), part("file", FILE)), (422, "duplicate_field", "")),
    (form(part("options", b"{}"), part("options", b"{}"), part("file", FILE)), (422, "duplicate_field", "")),
    (form(part("file", FILE), part("source", b"crm")), (422, "unknown_field", "")),
    (form(*[part("file", b"")] * 40), (422, "duplicate_field", "")),
    (form(part("file", FILE), part("options", b"{")), (400, "malformed_json", "options")),
    (form(part("file", FILE), part("options", b"\xff")), (400, "malformed_json", "options")),
    (form(part("file", FILE), part("options", b"[" * 9_000)), (400, "malformed_json", "options")),
    (form(part("file", FILE), part("options", b"[]")), (422, "invalid_option", "options")),
    (form(part("file", FILE), part("options", b'{"action": "explode"}')), (422, "invalid_option", "options.action")),
    (form(part("file", FILE), part("options", b'{"acton": "update"}')), (422, "unknown_option", "options.acton")),
    (form(part("file", FILE, "x=" + "y" * 9_000)), (400, "malformed_form", "")),
    (
        form(b"--b\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: form-data; name=file\r\n\r\nYQ==\r\n"),
        (400, "malformed_form", ""),
    ),
]


@pytest.mark.parametrize(("body", "expected"), REFUSED_FORMS, ids=lambda value: repr(value)[:40])
async def test_what_is_no_form_of_an_import_is_refused_and_leaves_nothing(
    ingest: Ingest, body: bytes, expected: tuple[int, str, str]
) -> None:
    assert refusal(await post(ingest, body)) == expected
    assert left(ingest) == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"First Name,City\nAnn,Oslo\n", "no_identifier"),
        (b"PK\x03\x04 nothing of a workbook", None),
        (b"\x00\x01\x02" * 300, None),
        (b"%PDF-1.4 not a table", None),
    ],
    ids=repr,
)
async def test_a_file_that_can_be_no_import_is_rejected_whole(ingest: Ingest, content: bytes, code: str | None) -> None:
    status, found, _ = refusal(await upload(ingest, content))
    assert (status, found) == (422, code or found)
    assert left(ingest) == []
    assert (await ingest.client.get("/v1/imports")).json() == {"items": [], "next": None}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"[]", (422, "invalid_request", "")),
        (b"{}", (422, "missing_field", "contacts")),
        (b'{"contacts": {}}', (422, "invalid_field", "contacts")),
        (b'{"contacts": []}', (422, "no_events", "contacts")),
        (b'{"contacts": [{"first_name": "Ann"}]}', (422, "no_identifier", "contacts")),
        (b'{"contacts": [7]}', (422, "no_identifier", "contacts")),
        (b'{"contacts": [{"email": "a@example.com"}], "row": 1}', (422, "unknown_field", "row")),
        (b'{"contacts": [{"email": "a@example.com"}], "options": 7}', (422, "invalid_option", "options")),
        (b'{"contacts": ', (400, "malformed_json", "")),
        (b"", (400, "empty_body", "")),
    ],
    ids=repr,
)
async def test_json_that_can_be_no_import_is_rejected_whole(
    ingest: Ingest, body: bytes, expected: tuple[int, str, str]
) -> None:
    assert refusal(await ingest.post("/v1/imports", body)) == expected
    assert left(ingest) == []


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[Ingest]:
    """A service that takes small files."""
    limits = {"import_bytes": 2_000, "body_bytes": 1_000, "record_bytes": 600}
    async with serving(tmp_path, {**CONFIG, "limits": limits}) as service:
        yield service


async def test_no_more_of_a_file_is_kept_than_may_be(small: Ingest) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
        for _ in range(100):
            yield b"a@example.com\n" * 10

    large = form(part("file", b"E-Mail\n" + b"a@example.com\n" * 500))
    bomb = gzip.compress(form(part("file", b"E-Mail\n" + b"\n" * 9_000_000)))
    for content, headers in ((large, {}), (pieces(), {}), (bomb, {"content_encoding": "gzip"})):
        assert refusal(await post(small, content, **headers))[:2] == (413, "body_too_large")
    assert left(small) == []
    fits = form(part("file", b"E-Mail\n" + b"a@example.com\n" * 100))
    assert (await post(small, fits)).status_code == 201
    assert (await post(small, gzip.compress(fits), content_encoding="gzip")).status_code == 201


async def test_a_packed_form_that_is_none_is_refused(ingest: Ingest) -> None:
    packed = gzip.compress(form(part("file", FILE)))
    for content in (packed[:-9], b"nothing of gzip", gzip.compress(b"") * 2_000):
        status, code, _ = refusal(await post(ingest, content, content_encoding="gzip"))
        assert (status, code) == (400, "malformed_gzip")
    assert refusal(await post(ingest, packed, content_encoding="br"))[:2] == (415, "unsupported_encoding")
    assert left(ingest) == []


async def test_another_media_type_is_415(ingest: Ingest) -> None:
    for media in ("text/csv", "application/x-www-form-urlencoded", "multipart/mixed; boundary=b"):
        assert refusal(await post(ingest, FILE, content_type=media))[0] == 415


async def test_a_form_without_a_boundary_is_refused(ingest: Ingest) -> None:
    for media in (
        "multipart/form-data",
        "multipart/form-data; boundary=",
        f"multipart/form-data; boundary={'b' * 300}",
    ):
        assert refusal(await post(ingest, form(part("file", FILE)), content_type=media))[:2] == (400, "malformed_form")


async def test_a_file_that_cannot_be_kept_is_503(ingest: Ingest) -> None:
    (ingest.deps.data_dir).mkdir()
    (ingest.deps.data_dir / "imports").write_text("in the way")
    assert refusal(await upload(ingest))[:2] == (503, "file_not_kept")


async def test_a_key_of_a_source_imports_for_that_source_alone(ingest: Ingest) -> None:
    await ingest.add_key("shop" * 10, "ingest", source="shop")
    await ingest.add_key("every" * 10, "ingest", "admin")
    shop, every = ({"x-api-key": word * 10} for word in ("shop", "every"))
    files: Any = {"file": ("people.csv", FILE)}
    mine = await ingest.client.post("/v1/imports", files=files, headers=shop)
    shown = (await ingest.client.get(mine.headers["location"], headers=shop)).json()
    assert shown["options"]["source"] == "shop"
    files["options"] = (None, '{"source": "crm"}')
    assert refusal(await ingest.client.post("/v1/imports", files=files, headers=shop))[:2] == (
        403,
        "source_not_allowed",
    )
    other = await ingest.client.post("/v1/imports", files=files, headers=every)
    refused = await ingest.client.post(f"{other.headers['location']}/cancel", headers=shop)
    assert refusal(refused)[:2] == (403, "source_not_allowed")
    assert (await ingest.client.post(f"{mine.headers['location']}/cancel", headers=shop)).status_code == 202


@pytest.mark.parametrize("import_id", ["0" * 26, "nobody", "..%2f..", "%00", "x" * 5_000, "8" * 26])
async def test_an_import_that_is_not_there_is_404(ingest: Ingest, import_id: str) -> None:
    for method, path in (("GET", ""), ("GET", "/stream"), ("POST", "/cancel"), ("POST", "/rollback")):
        reply = await ingest.client.request(method, f"/v1/imports/{import_id}{path}")
        assert refusal(reply)[:2] == (404, "not_found")


async def test_the_template_has_every_attribute_and_can_be_imported(ingest: Ingest) -> None:
    template = await ingest.client.get("/v1/imports/template.csv")
    assert template.headers["content-type"].startswith("text/csv")
    assert "attachment" in template.headers["content-disposition"]
    reply = await upload(ingest, template.content)
    assert (reply.status_code, reply.json()["ignored_columns"]) == (201, [])


async def test_a_preview_shows_rows_to_whoever_may_read_them(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sample rows with the scope `read`, unmasked with `pii`; what contested identifiers are, with `pii` too."""
    contest = Contest(2, "C-1", ("email:ann@example.com",))

    async def foresee(_: Previews, __: Preview, cuts: Cuts) -> RowPreview:
        await cuts.cut()
        return RowPreview(contests=[contest])

    monkeypatch.setattr(Previews, "_try", foresee)
    for name, scopes in {"write": ["ingest"], "look": ["ingest", "read"], "all": ["ingest", "read", "pii"]}.items():
        await ingest.add_key(name * 10, *scopes)
    shown: dict[str, Any] = {}
    for name in ("write", "look", "all"):
        files: Any = {"file": ("people.csv", FILE + b"nobody,Bo,7\n")}
        reply = await ingest.client.post("/v1/imports/preview", files=files, headers={"x-api-key": name * 10})
        assert reply.status_code == 200, reply.text
        shown[name] = reply.json()
    assert [one["contests"][0]["identifiers"] for one in shown.values()] == [
        ["email:***"],
        ["email:***"],
        ["email:ann@example.com"],
    ]
    assert shown["write"]["rows"] == []
    assert [row["values"] for row in shown["look"]["rows"]] == [
        {"email": ["***"], "first_name": "***"},
        {"first_name": "***"},
    ]
    assert shown["all"]["rows"][0]["values"] == {"email": ["ann@example.com"], "first_name": "Ann"}
    assert shown["look"]["rows"][1]["reasons"][0]["code"] == "invalid_email"
    assert left(ingest) == [], "nothing of a file stays that was only looked at"


async def test_a_preview_of_what_is_rejected_whole_says_what_the_columns_are(ingest: Ingest) -> None:
    files: Any = {"file": ("people.csv", b"Mails,First Name\nann@example.com,Ann\n")}
    reply = await ingest.client.post("/v1/imports/preview", files=files)
    assert refusal(reply)[:2] == (422, "no_identifier")
    assert [one["column"] for one in reply.json()["columns"]] == ["Mails", "First Name"]


async def test_a_preview_whose_process_gives_up_is_503(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contactfold_ingest.imports.previewing.MODULE", "contactfold_ingest.no_such_module")
    files: Any = {"file": ("people.csv", FILE)}
    assert refusal(await ingest.client.post("/v1/imports/preview", files=files))[:2] == (503, "preview_failed")
    assert left(ingest) == []
    assert refusal(await ingest.client.get(f"/v1/imports/preview/{'0' * 26}"))[:2] == (404, "not_found")
