"""Whatever is sent to Segment's doors: no 5xx, a sentence that says what to change, and the door goes on."""

import json
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contactfold.wire import read_record
from fakes.ingest_service import Ingest
from unit.ingest.test_hostile_requests import BODIES, HEADERS, PLAIN

CALLS = ("identify", "group", "track", "alias", "batch")
GOOD = b'{"userId": "1", "batch": [{"type": "identify", "userId": "1"}], "groupId": "A-1"}'
DEEP = b"[" * 300 + b"]" * 300


def check(reply: httpx.Response) -> None:
    """Hold a reply to what every reply of these doors must be."""
    if reply.status_code == 200:
        assert reply.json() == {"success": True}
        return
    assert 400 <= reply.status_code < 500, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json()
    assert (problem["status"], problem["success"]) == (reply.status_code, False)
    for sentence in (problem["message"], *(reason["message"] for reason in problem["reasons"])):
        assert sentence.endswith("."), sentence


async def post_everywhere(ingest: Ingest, body: bytes, headers: dict[str, str]) -> None:
    """Post to every door, then see that each still works and that the log holds nothing but events."""
    sent = {"content-type": "application/json", **headers}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]
    for call in CALLS:
        check(await ingest.client.post(f"/segment/v1/{call}", content=body, headers=raw))
        good = await ingest.post(f"/v1/{call}", GOOD)
        assert (good.status_code, good.json()) == (200, {"success": True})


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_no_body_breaks_a_door(ingest: Ingest, body: bytes) -> None:
    await post_everywhere(ingest, body, {})
    await post_everywhere(ingest, b'{"batch": [' + body + b"]}", {})
    await post_everywhere(ingest, b'{"type": "identify", "userId": "1", "traits": ' + body + b"}", {})


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
async def test_no_header_breaks_a_door(ingest: Ingest, headers: dict[str, str]) -> None:
    await post_everywhere(ingest, GOOD, headers)


@pytest.mark.parametrize(
    "member", ["userId", "anonymousId", "messageId", "timestamp", "traits", "context", "groupId", "previousId", "type"]
)
@pytest.mark.parametrize(
    "value",
    [DEEP, b'{"a": ' + DEEP + b"}", b"1e400", b"18446744073709551616", b'"\\u0000"', b'"' + b"x" * 9_000 + b'"', b"0"],
    ids=["deep", "deep object", "infinite", "65 bits", "nul", "long", "zero"],
)
async def test_no_member_of_a_message_breaks_a_door(ingest: Ingest, member: str, value: bytes) -> None:
    message = b'{"type": "identify", "userId": "1", "' + member.encode() + b'": ' + value + b"}"
    await post_everywhere(ingest, message, {})
    await post_everywhere(ingest, b'{"batch": [' + message + b"]}", {})


KINDS = ("identify", "group", "track", "page", "screen", "alias")
TRAIT_NAMES = ("email", "phone", "firstName", "address", "company", "birthday", "name", "web", "id")
ANY_JSON = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
TRAITS = st.dictionaries(st.sampled_from(TRAIT_NAMES), ANY_JSON)
MESSAGES = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS)},
    optional={
        **dict.fromkeys(("userId", "anonymousId", "messageId", "timestamp", "groupId", "previousId"), PLAIN | ANY_JSON),
        "traits": TRAITS | ANY_JSON,
        "context": st.fixed_dictionaries({}, optional={"traits": TRAITS | ANY_JSON, "groupId": PLAIN}) | ANY_JSON,
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(messages=st.lists(MESSAGES | ANY_JSON, max_size=5))
async def test_whatever_a_batch_holds_what_is_taken_is_an_event(ingest: Ingest, messages: list[Any]) -> None:
    held = len(await ingest.log.read_all())
    check(await ingest.post("/segment/v1/batch", json.dumps({"batch": messages}).encode()))
    for record in (await ingest.log.read_all())[held:]:
        statement = read_record(record, ingest.config.contact_schema)
        assert bool(statement.faults) == (record.headers == ())
        assert "import" not in msgspec.json.decode(record.value)
