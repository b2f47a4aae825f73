"""Both encodings of a form as clients and browsers write them, and as nobody should."""

import gzip
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contactfold.web.problems import Problem
from contactfold_ingest.records.forms import MOST_FIELDS
from contactfold_ingest.records.multipart import read_multipart
from fakes.ingest_service import Ingest

URLENCODED = "application/x-www-form-urlencoded"
PARTS = 'multipart/form-data; boundary="b-1"'
NAMES = ("Email", "First name", "Größe", "日本 語", "a&b=c+d%", 'quo"ted', "semi;colon", "back\\slash")
TEXTS = ("Ann", "Änne & Söhne + 100%", "a=b;c", "two\r\nlines", "--b-1", "ünï 💥", '"', "", "+1 415", "\\\\")


async def post(ingest: Ingest, body: bytes, media: str = URLENCODED, query: str = "", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = "/records" + (f"?{query}" if query else "")
    return await ingest.client.post(url, content=body, headers={"content-type": media, **named})


def part(value: str, *lines: str, name: str = 'name="record[Email]"') -> str:
    head = "\r\n".join((f"Content-Disposition: form-data; {name}", *lines))
    return f"--b-1\r\n{head}\r\n\r\n{value}\r\n"


def parts(*made: str) -> bytes:
    return "".join((*made, "--b-1--\r\n")).encode()


def code_of(reply: httpx.Response) -> tuple[int, str]:
    problem = reply.json()
    for sentence in (problem["detail"], *(reason["message"] for reason in problem["reasons"])):
        assert len(sentence.split()) > 3
        assert sentence.endswith(".")
    return reply.status_code, problem["reasons"][0]["code"]


# ---------------------------------------------------------------------------------------- what clients really write


def of_httpx(fields: dict[str, str]) -> Any:
    request = httpx.Request("POST", "http://x", files={name: (None, value) for name, value in fields.items()})
    return request.headers["content-type"].encode(), request.read()


def of_requests(fields: dict[str, str]) -> Any:
    files = {name: (None, value) for name, value in fields.items()}
    request = requests.Request("POST", "http://x", files=files).prepare()
    return str(request.headers["Content-Type"]).encode(), request.body


def of_a_browser(fields: dict[str, str]) -> Any:
    """As the HTML standard says: a quotation mark of a name is %22, and everything else is as it is."""
    made = [part(value, name=f'name="{name.replace(chr(34), "%22")}"') for name, value in fields.items()]
    return b"multipart/form-data; boundary=b-1", parts(*made)


@pytest.mark.parametrize("write", [of_httpx, of_requests])
@pytest.mark.parametrize("text", [text for text in TEXTS if text != "--b-1"])
def test_parts_are_read_as_clients_write_them(write: Callable[[dict[str, str]], Any], text: str) -> None:
    fields = {f"record[{name}]": text for name in NAMES if name not in {'quo"ted', "back\\slash"}}
    media, body = write(fields)
    assert {part.name: part.value for part in read_multipart(media, body, MOST_FIELDS)} == fields


def test_parts_are_read_as_browsers_write_them() -> None:
    fields = {f"record[{name}]": "Änne\r\n" for name in NAMES if name not in {'quo"ted', "back\\slash"}}
    media, body = of_a_browser(fields)
    assert {part.name: part.value for part in read_multipart(media, body, MOST_FIELDS)} == fields


async def test_a_name_is_read_as_older_libraries_write_it(ingest: Ingest) -> None:
    names = ("name*=utf-8''record%5BEmail%5D", "name*=UTF-8'de'Gr%C3%B6%C3%9Fe", 'NAME = "a\\"b\\\\c" ')
    reply = await post(ingest, parts(*(part("ann@example.com", name=name) for name in names)), PARTS)
    assert (reply.status_code, reply.json()) == (200, {"ignored_fields": ["Größe", 'a"b\\c']})


async def test_a_form_is_read_as_clients_encode_it(ingest: Ingest) -> None:
    fields = {f"record[{name}]": text for name, text in zip(NAMES, TEXTS, strict=False)}
    for encoded in (urlencode(fields), urlencode(fields, quote_via=quote), urlencode(fields).replace("%5B", "[")):
        reply = await post(ingest, encoded.encode(), query="record[Web]=v-1")
        assert reply.json()["errors"].keys() == {"Email"}  # the first of TEXTS is no address
        assert set(reply.json()["ignored_fields"]) == set(NAMES) - {"Email", "First name"}


async def test_a_byte_order_mark_a_charset_and_gzip_are_no_hindrance(ingest: Ingest) -> None:
    body = "record[Email]=ann@example.com&record[City]=Zürich".encode()
    assert (await post(ingest, b"\xef\xbb\xbf" + body)).content == b""
    assert (await post(ingest, body, f"{URLENCODED}; charset=UTF-8")).content == b""
    assert (await post(ingest, gzip.compress(body), content_encoding="gzip")).content == b""
    assert (await post(ingest, b"\xef\xbb\xbf" + parts(part("ann@example.com")), PARTS)).content == b""
    cities = [event["values"].get("city") for event in await ingest.events()]
    assert cities == ["Zürich", "Zürich", "Zürich", None]


async def test_a_query_may_be_written_without_escapes(ingest: Ingest) -> None:
    scope = {"query_string": "record[Email]=ann@example.com&record[City]=Zürich".encode()}
    transport = httpx.ASGITransport(app=lambda given, receive, send: ingest.app({**given, **scope}, receive, send))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:
        assert (await client.put("/records")).content == b""
    assert (await ingest.events())[0]["values"]["city"] == "Zürich"


async def test_an_empty_body_may_be_of_any_kind(ingest: Ingest) -> None:
    for media in ("application/json", "text/plain", PARTS, "multipart/form-data"):
        assert (await post(ingest, b"", media, query="record[Email]=ann@example.com")).content == b""


async def test_a_form_without_a_content_type_is_read(ingest: Ingest) -> None:
    assert (await ingest.client.put("/records", content=b"record[Email]=ann@example.com")).content == b""


async def test_what_a_part_says_of_itself_is_no_hindrance(ingest: Ingest) -> None:
    said = ("Content-Type: text/plain; charset=UTF-8", "Content-Transfer-Encoding: 8bit", "X-Any: thing")
    unfilled = part("", "Content-Type: application/octet-stream", name='name="photo"; filename=""')
    reply = await post(ingest, parts(part("ann@example.com", *said), unfilled), PARTS)
    assert reply.json() == {"ignored_fields": ["photo"]}


# --------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "query", ["record[Email]=%zz", "record[Email]=%", "record%5=a", "record[Email]=%C3%28", "%ff=a"]
)
async def test_a_query_or_a_form_that_cannot_be_read_is_told_why(ingest: Ingest, query: str) -> None:
    reply = await post(ingest, query.encode())
    assert code_of(reply) == (400, "malformed_form")
    assert reply.json()["detail"].startswith("The body ")
    scope = {"query_string": query.encode()}
    transport = httpx.ASGITransport(app=lambda given, receive, send: ingest.app({**given, **scope}, receive, send))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:
        reply = await client.put("/records", data={"record[Email]": "ann@example.com"})
    assert code_of(reply) == (400, "malformed_form")
    assert reply.json()["detail"].startswith("The query ")
    assert await ingest.events() == []


REFUSED: dict[str, tuple[bytes, str, tuple[int, str]]] = {
    "latin-1": ("record[City]=Zürich".encode("latin-1"), URLENCODED, (400, "malformed_form")),
    "utf-16": ("record[City]=Ulm".encode("utf-16"), URLENCODED, (400, "malformed_form")),
    "another charset": (b"record[City]=Ulm", f"{URLENCODED}; charset=iso-8859-1", (415, "unsupported_charset")),
    "json": (b'{"record": {}}', "application/json", (415, "unsupported_media_type")),
    "text": (b"record[City]=Ulm", "text/plain", (415, "unsupported_media_type")),
    "json said to be a form": (b'{"record": {"Email": "ann@example.com"}}', URLENCODED, (422, "no_events")),
    "no record": (b"Email=ann@example.com", URLENCODED, (422, "no_events")),
    "nothing": (b"", URLENCODED, (422, "no_events")),
    "ampersands": (b"&&&", URLENCODED, (422, "no_events")),
    "too many fields": (b"record[a]=1&" * MOST_FIELDS, URLENCODED, (413, "too_many_fields")),
    "too large": (b"record[a]=" + b"1" * 70_000, URLENCODED, (413, "body_too_large")),
    "too many parts": (parts(*[part("x")] * (MOST_FIELDS + 2)), PARTS, (413, "body_too_large")),
    "no boundary": (parts(part("x")), "multipart/form-data", (400, "malformed_form")),
    "an empty boundary": (parts(part("x")), 'multipart/form-data; boundary=""', (400, "malformed_form")),
    "a long boundary": (parts(part("x")), f"multipart/form-data; boundary={'b' * 71}", (400, "malformed_form")),
    "many parameters": (parts(part("x")), PARTS + ";a=b" * 1_000, (400, "malformed_form")),
    "another boundary": (parts(part("x")), "multipart/form-data; boundary=other", (400, "malformed_form")),
    "cut off": (parts(part("x"))[:-6], PARTS, (400, "malformed_form")),
    "no parts": (b"--b-1--\r\n", PARTS, (400, "malformed_form")),
    "a part without a head": (b"--b-1\r\n\r\nx\r\n--b-1--\r\n", PARTS, (400, "malformed_form")),
    "a part without a name": (parts(part("x", name="size=1")), PARTS, (400, "malformed_form")),
    "an attachment": (parts(part("x").replace("form-data", "attachment")), PARTS, (400, "malformed_form")),
    "a broken head": (b"--b-1\r\nnonsense\r\n\r\nx\r\n--b-1--\r\n", PARTS, (400, "malformed_form")),
    "a long name": (parts(part("x", name=f'name="{"x" * 3_000}"')), PARTS, (400, "malformed_form")),
    "parts within a part": (
        parts(part("--c\r\n\r\nx\r\n--c--", "Content-Type: multipart/mixed; boundary=c")),
        PARTS,
        (400, "malformed_form"),
    ),
    "a message in a part": (parts(part("x", "content-type:\r\n message/rfc822")), PARTS, (400, "malformed_form")),
    "a part of another charset": (
        parts(part("x", "Content-Type: text/plain; charset=utf-7")),
        PARTS,
        (415, "unsupported_charset"),
    ),
    "a part with a name twice": (parts(part("x", name="name=a; name=a")), PARTS, (400, "malformed_form")),
    "a part in base64": (
        parts(part("eA==", "Content-Transfer-Encoding: base64")),
        PARTS,
        (415, "unsupported_encoding"),
    ),
    "a part in latin-1": (parts(part("Zürich")).decode().encode("latin-1"), PARTS, (400, "malformed_form")),
    "a file": (parts(part("x", name='name="record[Photo]"; filename="a.txt"')), PARTS, (422, "unexpected_file")),
    "a file in utf-8": (
        parts(part("x", name="name=\"record[Photo]\"; filename*=UTF-8''a.txt")),
        PARTS,
        (422, "unexpected_file"),
    ),
    "a file without a name": (parts(part("x", name='name="photo"; filename=""')), PARTS, (422, "unexpected_file")),
    "a binary file": (b"--b-1\r\n" + bytes(range(256)) + b"\r\n--b-1--", PARTS, (400, "malformed_form")),
    "random bytes": (bytes(range(256)), URLENCODED, (400, "malformed_form")),
    "deep brackets": (b"record" + b"[a]" * 20_000 + b"=x", URLENCODED, (422, "no_events")),
    "many brackets": (b"record" + b"[" * 60_000 + b"=x", URLENCODED, (422, "no_events")),
    "lines that end with LF alone": (parts(part("x")).replace(b"\r\n", b"\n"), PARTS, (400, "malformed_form")),
    "a nul": (b"record[Email]=ann%00@example.com", URLENCODED, (422, "control_character")),
    "a nul in a name": (b"record[Email%00]=ann@example.com", URLENCODED, (422, "no_identifier")),
    "an encoded surrogate": (b"record[City]=%ED%A0%80", URLENCODED, (400, "malformed_form")),
    "an endless value": (b"record[Email]=" + b"a" * 60_000, URLENCODED, (422, "too_long")),
    "a large record": (
        b"record[Email]=ann@example.com&record[City]=" + b"a" * 9_000,
        URLENCODED,
        (422, "record_too_large"),
    ),
}


@pytest.mark.parametrize(("body", "media", "expected"), REFUSED.values(), ids=REFUSED)
async def test_what_cannot_be_taken_is_told_why(
    ingest: Ingest, body: bytes, media: str, expected: tuple[int, str]
) -> None:
    reply = await post(ingest, body, media)
    assert code_of(reply) == expected
    assert ("errors" in reply.json()) == (reply.status_code == 422)
    assert len(reply.content) < 5_000
    assert await ingest.events() == []


async def test_json_said_to_be_a_form_is_not_repeated(ingest: Ingest) -> None:
    assert "bob@example.com" not in (await post(ingest, b'{"Email": "bob@example.com"}')).text


async def test_files_are_named_by_their_fields_beside_every_other_fault(ingest: Ingest) -> None:
    files = [part("x", name=f'name="{name}"; filename="a.txt"') for name in ("photo", "record[Email]")]
    reply = await post(ingest, parts(*files, part("soon", name='name="record[Date of birth]"')), PARTS)
    assert code_of(reply) == (422, "unexpected_file")
    assert list(reply.json()["errors"]) == ["photo", "Email", "Date of birth", "record"]
    assert await ingest.events() == []


@pytest.mark.parametrize(
    "name", ["account" + "_" * 50_000, "Account" + "A" * 50_000, "account " + "- x" * 15_000, "Account" + " a" * 30_000]
)
async def test_no_name_of_a_field_takes_long(ingest: Ingest, name: str) -> None:
    began = time.process_time()
    reply = await post(ingest, f"record[Email]=ann@example.com&record[{name}]=x".encode())
    assert reply.json() == {"ignored_fields": [name[:512]]}
    assert time.process_time() - began < 0.2


def nested(depth: int) -> str:
    """Parts within parts, none of them said to be one where a form's parts are."""
    opened = "".join(f"--{n}\r\nContent-Type:multipart/mixed;boundary={n + 1}\r\n\r\n" for n in range(depth))
    return opened + "\n" * 900_000


def headed(line: str) -> str:
    return f"--b-1\r\nContent-Disposition: form-data; name=a\r\n{line}\r\n\r\nx\r\n"


COSTLY: dict[str, tuple[str, str]] = {
    "lines": ("multipart/form-data; boundary=b-1", part("\n" * 900_000) + "--b-1--"),
    "whole lines": (PARTS, part("\r\n" * 450_000) + "--b-1--"),
    "lines before all parts": (PARTS, "\n" * 900_000),
    "parts within parts": ("multipart/form-data; boundary=0", nested(800)),
    "parameters of a part": (PARTS, part("x", name='name="' + ';\\"' * 250_000)),
    "parameters of a type": (PARTS, headed('Content-Type: text/plain;"' + "a;" * 400_000)),
    "parameters of every type": (PARTS, headed('Content-Type: text/plain;"' + "a;" * 450) * 900),
    "spaces of every type": (PARTS, headed("Content-Type: text/plain;" + " " * 900) * 900),
    "good parameters of every type": (PARTS, headed("Content-Type: a" + ";a=b" * 500) * 500),
    "quoted parameters of every type": (PARTS, headed("Content-Type: a;" + 'a="\\";' * 130) * 900),
    "parameters of the head": ('multipart/form-data; boundary="' + ';\\"' * 20_000, "x"),
    "lines of a head": (PARTS, part("x", *["X: y"] * 120_000) + "--b-1--"),
    "a head without end": (PARTS, "--b-1\r\n" + "x" * 900_000),
    "empty parts": (PARTS, "--b-1\r\n" * 140_000),
    "empty parts with heads": (PARTS, "--b-1\r\n\r\n" * 90_000),
    "almost boundaries": (PARTS, part("x") + "\r\n--b-1x" * 110_000),
    "beginnings of boundaries": (PARTS, part("x") + "\r\n--b-" * 110_000),
}


@pytest.mark.parametrize(("media", "body"), COSTLY.values(), ids=COSTLY)
def test_no_body_of_a_megabyte_takes_long(media: str, body: str) -> None:
    raw = body.encode()[: (1 << 20) - 9] + b"\r\n--b-1--"
    began = time.process_time()
    with suppress(Problem):
        read_multipart(media.encode(), raw, MOST_FIELDS)
    assert time.process_time() - began < 0.2


OFTEN = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
KEYS = st.lists(
    st.sampled_from(["[", "]", "record", "Email", "0", "", "%5B", "%00", "+", "Account ", "ID", "ü"]), max_size=7
)
LINES = st.sampled_from(
    ["--b-1", "--b-1--", "", "x", "Content-Disposition: form-data; name=record[Email]", "Content-Type: multipart/mixed"]
)


def check(reply: httpx.Response) -> None:
    assert reply.status_code < 500
    if reply.status_code == 200:
        assert not reply.content or reply.json()["ignored_fields"]
    else:
        code_of(reply)


@OFTEN
@given(fields=st.lists(st.tuples(KEYS.map("".join), st.text(max_size=8) | st.just("ann@example.com")), max_size=5))
async def test_no_fields_break_the_door(ingest: Ingest, fields: list[tuple[str, str]]) -> None:
    raw = "&".join(f"{name}={value}" for name, value in fields).encode(errors="surrogatepass")
    check(await post(ingest, raw))
    encoded = urlencode([(name, value.encode(errors="replace")) for name, value in fields])
    check(await post(ingest, encoded.encode(), query=encoded))


@OFTEN
@given(body=st.binary(max_size=200) | st.lists(LINES, max_size=9).map(lambda lines: "\r\n".join(lines).encode()))
async def test_no_bytes_break_the_door(ingest: Ingest, body: bytes) -> None:
    for media in (URLENCODED, PARTS):
        check(await post(ingest, body, media))
