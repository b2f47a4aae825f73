"""Whatever is sent: no 5xx, a sentence that says what to change, and the door goes on."""

import gzip
import json
import os
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.ingest_service import Ingest

JSON = "application/json"
GOOD = b'{"values":{"email":"ann@example.com"}}'
CE = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "s", "ce-type": "contact.upsert"}
STRUCTURED = {"content-type": "application/cloudevents+json"}
BATCHED = {"content-type": "application/cloudevents-batch+json"}
LINES = {"content-type": "application/x-ndjson"}

BODIES: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n\t ",
    "nul bytes": b"\x00" * 100,
    "random bytes": bytes(range(256)) * 8,
    "utf-16": '{"values": {}}'.encode("utf-16"),
    "latin-1": '{"values": {"city": "Zürich"}}'.encode("latin-1"),
    "lone byte order mark": b"\xef\xbb\xbf",
    "overlong utf-8": b'{"id": "\xc0\xaf"}',
    "encoded surrogate": b'{"id": "\xed\xa0\x80"}',
    "escaped lone surrogate": b'{"id": "\\ud800"}',
    "escaped lone surrogate in a key": b'{"\\udfff x": 1}',
    "escaped nul in an id": b'{"id": "a\\u0000b", "values": {"email": "ann@example.com"}}',
    "escaped nul in a value": b'{"values": {"email": "ann@example.com", "city": "a\\u0000b"}}',
    "escaped nul in an attribute": b'{"values": {"email": "ann@example.com", "ci\\u0000ty": "a"}}',
    "escaped nul in a key": b'{"a\\u0000": 1, "values": {"email": "ann@example.com"}}',
    "not a number": b'{"values": NaN}',
    "infinity": b'{"values": {"city": Infinity}}',
    "huge exponent": b'{"values": {"city": 1e400}}',
    "5,000 digits": b'{"values": {"external_customer_id": ' + b"1" * 5_000 + b"}}",
    "65 bits": b'{"values": {"external_customer_id": 18446744073709551616}}',
    "a big integer as an id": b'{"id": 18446744073709551616000, "values": {"email": "ann@example.com"}}',
    "null": b"null",
    "true": b"true",
    "a number": b"17",
    "a text": b'"contact.upsert"',
    "an empty object": b"{}",
    "an empty array": b"[]",
    "nested empty arrays": b"[[[]]]",
    "a value nested deeper than Python recurses": b'{"a":' + b"[" * 400 + b"]" * 400 + b"}",
    "mixed items": b'[1, null, "x", [], {}, true, 1.5]',
    "trailing comma": b'{"values": {},}',
    "trailing garbage": GOOD + b"}",
    "two values": GOOD + GOOD,
    "comment": b"// hi\n" + GOOD,
    "single quotes": b"{'values': {}}",
    "cut off": GOOD[:-3],
    "deep arrays": b"[" * 60_000,
    "deep arrays, closed": b"[" * 30_000 + b"]" * 30_000,
    "deep objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "arrays at the decoder's depth": b'{"values": {"labels": ' + b"[" * 900 + b"]" * 900 + b"}}",
    "objects at the encoder's depth": b'{"x": ' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"}",
    "deep value of a known attribute": b'{"values": {"email": ' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"}}",
    "values is a list": b'{"values": ["email"]}',
    "values is a text": b'{"values": "email"}',
    "values is a number": b'{"values": 5}',
    "values is false": b'{"values": false}',
    "value is an object": b'{"values": {"email": {"a": 1}}}',
    "values of every kind": b'{"values": {"email": [1, null, true, 1.5, {}, [], "", "a@b.co"]}}',
    "empty attribute name": b'{"values": {"": "x", "email": "ann@example.com"}}',
    "attribute twice": b'{"values": {"email": "a@example.com", "E-Mail": "b@example.com"}}',
    "id is an object": b'{"id": {}, "values": {"email": "ann@example.com"}}',
    "id too long": b'{"id": "' + b"x" * 600 + b'", "values": {"email": "ann@example.com"}}',
    "source is a list": b'{"source": [], "values": {"email": "ann@example.com"}}',
    "type is an object": b'{"type": {}, "values": {"email": "ann@example.com"}}',
    "type is a directive": b'{"type": "contact.erase", "identifier": "email:ann@example.com"}',
    "match_on is empty": b'{"match_on": [], "values": {"email": "ann@example.com"}}',
    "match_on of lists": b'{"match_on": [["email"]], "values": {"email": "ann@example.com"}}',
    "action is a list": b'{"action": ["append"], "values": {"email": "ann@example.com"}}',
    "on_many is an object": b'{"on_many": {}, "values": {"email": "ann@example.com"}}',
    "organization is a text": b'{"organization": "A-1", "values": {"email": "ann@example.com"}}',
    "organization of objects": b'{"organization": {"account_id": {}, "x": []}, "values": {"email": "a@b.co"}}',
    "import is a list": b'{"import": [], "values": {"email": "ann@example.com"}}',
    "time of another world": b'{"occurred_at": "9999-99-99T99:99:99Z", "values": {"email": "ann@example.com"}}',
    "time before all": b'{"occurred_at": "0001-01-01T00:00:00+14:00", "values": {"email": "ann@example.com"}}',
    "time after all": b'{"occurred_at": "9999-12-31T23:59:59-14:00", "values": {"email": "ann@example.com"}}',
    "many unknown keys": msgspec.json.encode({f"k{i}": i for i in range(4_000)}),
    "a long unknown key": b'{"' + b"k" * 60_000 + b'": 1}',
    "many values": msgspec.json.encode({"values": {"labels": ["x"] * 9_000}}),
    "a long email": msgspec.json.encode({"values": {"email": "a" * 30_000 + "@example.com"}}),
    "a long phone": msgspec.json.encode({"values": {"phone_number": "+" + "1" * 30_000}}),
    "an email of odd text": '{"values": {"email": "\u202e@\u0000.\ud7ff"}}'.replace("\x00", "").encode(),
    "identifiers of every kind": b'{"identifiers": [1, null, true, 1.5, {}, [], "", ":", "email:", "shoe:1"]}',
    "identifiers at fault": b'{"identifiers": ["email:a\\u0000@b.co", "web:\\ud7ff", "phone_number:+1", "city:A"]}',
    "junk as identifiers": b'{"identifiers": ["email:n/a", "external_customer_id:000", "phone_number:+5555555555"]}',
    "a long identifier": msgspec.json.encode({"identifiers": ["web:" + "x" * 60_000, "email:a@b.co"]}),
    "many identifiers": msgspec.json.encode({"identifiers": [f"web:{n}" for n in range(5_000)]}),
    "deep identifiers": b'{"identifiers": ' + b"[" * 900 + b"]" * 900 + b"}",
    "identifier of every kind": b'{"identifier": {"email": ["a@b.co"]}}',
    "a token of none": b'{"identifier": "email:#' + b"g" * 32 + b'"}',
    "a token": b'{"identifier": "shoe:#' + b"0" * 32 + b'"}',
    "event ids of every kind": b'{"events": [1, null, true, 1.5, {}, [], "", "x", "\\u0000", "' + b"8" * 26 + b'"]}',
    "10,001 events": b'{"events":[' + b",".join([b"1"] * 10_001) + b"]}",
    "10,000 events at fault": b'{"events":[' + b",".join([b"1"] * 10_000) + b"]}",
    "events is an object": b'{"events": {"id": 1}}',
    "an import of odd text": b'{"import": "a\\u0000b"}',
    "an import of odd letters": '{"import": "\u202e\ud7ff"}'.encode(),
    "zip": b"PK\x03\x04" + os.urandom(100),
    "form": b"email=ann%40example.com",
    "xml": b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
}

HEADERS: dict[str, dict[str, str]] = {
    "charset of another world": {"content-type": "application/json; charset=utf-16"},
    "charset without a value": {"content-type": "application/json; charset"},
    "content type of odd text": {"content-type": ";;;=="},
    "empty content type": {"content-type": ""},
    "unknown coding": {"content-encoding": "br"},
    "gzip that is none": {"content-encoding": "gzip"},
    "ndjson": LINES,
    "structured": STRUCTURED,
    "batched": BATCHED,
    "xml cloud event": {"content-type": "application/cloudevents+xml"},
    "binary": CE,
    "binary without an id": {"ce-specversion": "1.0"},
    "binary of another version": {**CE, "ce-specversion": "9"},
    "binary with a broken time": {**CE, "ce-time": "yesterday"},
    "binary with a long id": {**CE, "ce-id": "x" * 600},
    "binary with a nul": {**CE, "ce-id": "%00"},
    "id header": {"webhook-id": "x" * 512},
    "long id header": {"webhook-id": "x" * 9_000},
    "odd id header": {"idempotency-key": "\xff\xfe"},
    "blank id header": {"idempotency-key": "   "},
    "broken basic": {"authorization": "Basic ====", "x-api-key": "\xff"},
    "much authorization": {"authorization": "Bearer " + "x" * 20_000},
    "broken length": {"content-length": "-5"},
}


PATHS = (
    *("/v1/events", "/hooks/plain", "/hooks/shop", "/hooks/strict", "/hooks/joined", "/hooks/signed"),
    *("/v1/separate", "/v1/share", "/v1/retract", "/v1/erase"),
)


def check(reply: httpx.Response) -> None:
    """Hold a reply to what every reply must be."""
    assert reply.status_code < 500, reply.text
    if reply.status_code in {202, 207}:
        assert reply.headers["content-type"] == JSON
        assert set(reply.json()) == {"results", "ignored_fields"}
    else:
        assert reply.headers["content-type"] == "application/problem+json"
        problem = reply.json()
        assert problem["status"] == reply.status_code
        assert problem["reasons"]
        for sentence in (problem["detail"], *(reason["message"] for reason in problem["reasons"])):
            assert len(sentence.split()) > 3, sentence
            assert sentence.endswith("."), sentence


@pytest.fixture
def at_every_door(ingest: Ingest) -> Any:
    """Post something to every door, then see that each still works."""

    async def post(body: bytes, headers: dict[str, str]) -> None:
        raw = {"content-type": JSON, **headers}
        for path in PATHS:
            encoded = [(name.encode(), value.encode("latin-1")) for name, value in raw.items()]
            check(await ingest.client.post(path, content=body, headers=encoded))
        assert (await ingest.send(GOOD)).status_code == 202

    return post


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_no_body_breaks_a_door(at_every_door: Any, body: bytes) -> None:
    for headers in ({}, LINES, STRUCTURED, BATCHED, CE):
        await at_every_door(body, headers)


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
async def test_no_header_breaks_a_door(at_every_door: Any, headers: dict[str, str]) -> None:
    for body in (GOOD, b"", b"[" + GOOD + b"]", gzip.compress(GOOD)):
        await at_every_door(body, headers)


@pytest.mark.parametrize(
    "path", ["/hooks/", "/hooks/%00", "/hooks/a/b", "/hooks/..%2f..", "/hooks/" + "x" * 5_000, "/v1/events/"]
)
async def test_no_path_breaks_a_door(ingest: Ingest, path: str) -> None:
    reply = await ingest.client.post(path, content=GOOD, headers={"content-type": JSON})
    assert 400 <= reply.status_code < 500
    check(reply)


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
KNOWN_NAMES = (
    "id source type values email phone_number first_name labels web date_of_birth import occurred_at received_at "
    "match_on action on_many organization account_id orders buyer order_no created specversion data data_base64 mails "
    "identifiers identifier events"
)
NAMES = st.text() | st.sampled_from(KNOWN_NAMES.split())
ANY_JSON = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=30)
EVENTS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("id", "source", "occurred_at", "match_on", "organization"), ANY_JSON)
).flatmap(lambda event: st.dictionaries(NAMES, ANY_JSON).map(lambda values: {**event, "values": values}))
KINDS = st.sampled_from([{}, LINES, STRUCTURED, BATCHED, CE])
OFTEN = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def as_json(value: Any) -> bytes:
    """JSON as another program may write it, lone surrogates left out."""
    return json.dumps(value).encode()


@OFTEN
@given(value=ANY_JSON | EVENTS | st.lists(EVENTS), headers=KINDS)
async def test_no_json_breaks_a_door(at_every_door: Any, value: Any, headers: dict[str, str]) -> None:
    await at_every_door(as_json(value), headers)


@OFTEN
@given(body=st.binary(max_size=300), headers=KINDS, packed=st.booleans())
async def test_no_bytes_break_a_door(at_every_door: Any, body: bytes, headers: dict[str, str], packed: bool) -> None:
    if packed:
        await at_every_door(gzip.compress(body), {**headers, "content-encoding": "gzip"})
    else:
        await at_every_door(body, headers)


@OFTEN
@given(text=st.text(alphabet='{}[]",:0123456789.eE+-truefalsn\\u \n', max_size=200), headers=KINDS)
async def test_nothing_that_looks_like_json_breaks_a_door(
    at_every_door: Any, text: str, headers: dict[str, str]
) -> None:
    await at_every_door(text.encode(), headers)
