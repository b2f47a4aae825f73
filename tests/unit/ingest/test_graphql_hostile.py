"""Whatever is asked of the GraphQL door: bounded work, no 5xx, and nothing of what was sent in an error."""

import asyncio
import json
import logging
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import get_introspection_query
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contactfold_ingest.graphql.bounds import DEEPEST, MOST_ALIASES, MOST_TOKENS, MOST_WRITTEN
from fakes.graphql_client import IMPORT, codes, customer, import_customers, post_query
from fakes.ingest_service import Ingest, serving

NAME = "{ __typename }"
SECRET = "ann.secret@example.com"
LARGE = {"limits": {"body_bytes": 4_194_304}}


def spread(levels: int, width: int) -> str:
    """Fragments of fragments: a query that grows by a factor with every level."""
    lines = [f"fragment f{n} on Query {{ {f'...f{n + 1} ' * width} }}" for n in range(levels)]
    return "\n".join([*lines, f"fragment f{levels} on Query {{ __typename }}", "{ ...f0 }"])


def nested(levels: int) -> str:
    """Introspection as deep as one likes."""
    return "{ __schema { types { " + "fields { type { " * levels + "name" + " } }" * levels + " } } }"


OVER: dict[str, str] = {
    "aliases": "{" + " ".join(f"a{n}: __typename" for n in range(MOST_ALIASES + 1)) + "}",
    "aliases in a fragment": "fragment f on Query { a: __typename b: __typename } {" + " ...f" * 8 + " }",
    "aliases of mutations": "mutation {" + " ".join(f"a{n}: updateCustomers(customers: [])" for n in range(100)) + "}",
    "depth": '{ __type(name: "Query") {' + " ofType {" * DEEPEST + " name" + " }" * DEEPEST + " } }",
    "depth in fragments": "fragment f on __Type { ofType { ...g } } fragment g on __Type {"
    + " ofType {" * DEEPEST
    + " name"
    + " }" * DEEPEST
    + '} { __type(name: "Query") { ...f } }',
    "nested introspection": nested(4),
    "deeply nested introspection": nested(90),
    "fields": "{" + " __typename" * (MOST_WRITTEN + 1) + "}",
    "fields of an unused fragment": NAME + " fragment f on Query {" + " __typename" * (MOST_WRITTEN + 1) + "}",
    "fragments of fragments": spread(30, 2),
    "many fragments of fragments": spread(8, 20),
    "a fragment within itself": "fragment f on Query { ...f } { ...f }",
    "fragments within each other": "fragment f on Query { ...g } fragment g on Query { ...f } { ...f }",
    "tokens": NAME + " #" + "\n{" * MOST_TOKENS,
    "open brackets": "{" * 60_000,
    "open lists": "{ a(b: " + "[" * 60_000,
    "deep lists": f"mutation {{ updateCustomers(customers: {'[' * 190}5{']' * 190}) }}",
    "operations": " ".join(f"query q{n} {{ __typename }}" for n in range(MOST_WRITTEN + 1)),
    "directives": "{ __typename " + "@skip(if: false) " * 10_000 + "}",
    "unknown directives": "{ __typename " + "@a " * 30_000 + "}",
    "variables": "query (" + " ".join(f"$v{n}: Int" for n in range(20_000)) + ") { __typename }",
    "arguments": "{ customerSchema { attributes("
    + " ".join(f"a{n}: 1" for n in range(20_000))
    + ") { totalCount } } }",
    "a long name": "{ " + "x" * 1_000_000 + " }",
    "a long text": '{ __type(name: "' + "x" * 1_000_000 + '" }',
    "a long number": "{ customerSchema { attributes(first: " + "1" * 100_000 + ") { totalCount } } }",
    "keys of one object": "mutation { updateCustomers(customers: {" + " values: []" * 20_000 + "}) }",
    "customers that are none": "mutation { updateCustomers(customers: [" + " 5" * 90_000 + "]) }",
    "bare words": 'mutation { updateCustomers(customers: {values: {key: "email", value: [' + " a" * 50_000 + "]}}) }",
}


@pytest.mark.parametrize("query", OVER.values(), ids=OVER)
async def test_a_query_beyond_its_bounds_is_refused_at_once(tmp_path: Path, query: str) -> None:
    async with serving(tmp_path, LARGE) as ingest:
        begun = time.process_time()
        reply = await post_query(ingest, query)
        took = time.process_time() - begun
        assert reply.status_code == 200
        assert set(codes(reply)) == {"invalid_query"}, reply.text[:500]
        assert reply.json()["data"] is None
        assert len(reply.json()["errors"]) <= 101
        assert "sys." not in reply.text
        assert all(len(error["message"]) <= 501 for error in reply.json()["errors"])
        assert took < 10, f"{took:.1f} s of work"
        assert (await post_query(ingest, NAME)).json() == {"data": {"__typename": "Query"}}


async def test_what_tools_ask_is_within_bounds(ingest: Ingest) -> None:
    aliases = "{" + " ".join(f"a{n}: __typename" for n in range(MOST_ALIASES)) + "}"
    for query in (get_introspection_query(), aliases, "{" + " __typename" * MOST_WRITTEN + "}"):
        assert "errors" not in (await post_query(ingest, query)).json()


async def test_nobody_waits_while_a_large_query_is_worked_out(tmp_path: Path) -> None:
    """The loop has its turns: another request is answered in the middle of it, many times over."""
    pairs = " ".join(f'{{key: "email", value: "a{n}@example.com"}}' for n in range(4_000))
    query = f"mutation {{ updateCustomers(customers: [{{values: [{{key: 5}} {pairs}]}}]) }}"
    async with serving(tmp_path, LARGE) as ingest:
        large = asyncio.create_task(post_query(ingest, query))
        answered = 0
        while not large.done():
            assert (await ingest.client.get("/healthz")).status_code == 200
            await asyncio.sleep(0.001)
            answered += 1
        assert codes(await large) == ["invalid_query"]
        assert answered > 5


SHAPES: dict[str, Any] = {
    "a text": SECRET,
    "a list of texts": [SECRET],
    "no values": [{"email": SECRET}],
    "values of texts": [{"values": SECRET}],
    "values by name": [{"values": {"email": SECRET}}],
    "a key too many": [{"values": [{"key": "email", "value": SECRET, "type": SECRET}]}],
    "a key too few": [{"values": [{"value": SECRET}]}],
    "a key of another kind": [{"values": [{"key": [SECRET], "value": 1}]}],
    "a value at fault": [{"values": [{"key": "email", "value": f"{SECRET}@"}]}],
    "a value of another kind": [{"values": [{"key": "email", "value": {SECRET: SECRET}}]}],
    "deep values": [{"values": [{"key": "email", "value": [[{"a": [SECRET]}]]}]}],
    "a choice of phones": [{"values": [{"key": "phone_number", "value": [SECRET, 5.5, None, True]}]}],
}


@pytest.mark.parametrize("customers", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("written", [False, True], ids=["variables", "written out"])
async def test_no_error_repeats_what_was_sent(
    ingest: Ingest, customers: Any, written: bool, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        if written:
            reply = await post_query(ingest, f"mutation {{ updateCustomers(customers: {write(customers)}) }}")
        else:
            reply = await post_query(ingest, IMPORT, {"customers": customers})
    assert reply.json()["errors"]
    assert "secret" not in reply.text
    assert "secret" not in caplog.text
    assert "secret" not in "".join(capfd.readouterr())


def write(value: Any) -> str:
    """JSON as a literal of GraphQL, whose keys have no quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{'x' if '@' in key else key}: {write(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(write, value)) + "]"
    return json.dumps(value)


@pytest.mark.parametrize(
    "query",
    [
        'mutation { updateCustomers(customers: {values: {key: "email", value: "Ann "secret""}}) }',
        'mutation { updateCustomers(customers: {values: {key: "email", value: "x}}) } secret',
        'mutation { "secret" }',
        'mutation { updateCustomers("secret") }',
        'mutation { updateCustomers(customers: """secret""" """secret""") }',
        "mutation { updateCustomers(customers: 5secret) }",
        'query ($v: Int = "secret") { customerSchema { attributes(first: $v) { totalCount } } }',
        '{ customerSchema { attributes(first: "secret") { totalCount } } }',
    ],
)
async def test_no_fault_of_a_query_repeats_its_texts(ingest: Ingest, query: str) -> None:
    reply = await post_query(ingest, query)
    assert codes(reply)[0] == "invalid_query"
    assert "secret" not in reply.text


async def test_every_message_is_a_sentence(ingest: Ingest) -> None:
    replies = [await post_query(ingest, IMPORT, {"customers": shape}) for shape in SHAPES.values()]
    for error in (error for reply in replies for error in reply.json()["errors"]):
        assert error["message"].endswith((".", "?"))
        assert "found" not in error["message"].lower()


def check(reply: httpx.Response) -> None:
    """Hold a reply to what every reply must be."""
    assert reply.status_code in {200, 400, 413}, reply.text
    assert reply.headers["content-type"] == "application/json"
    body = reply.json()
    assert set(body) <= {"data", "errors"}
    for error in body.get("errors", []):
        assert error["message"]
        assert error["extensions"]["code"]


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
ANY_JSON = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
NAMES = st.text() | st.sampled_from(["email", "Email", "phone_number", "first_name", "labels", "web", "date_of_birth"])
PAIRS = st.fixed_dictionaries({"key": NAMES}, optional={"value": ANY_JSON})
CUSTOMERS = st.lists(st.fixed_dictionaries({"values": st.lists(PAIRS)}))
OFTEN = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@OFTEN
@given(customers=CUSTOMERS | ANY_JSON)
async def test_no_customers_break_the_door(ingest: Ingest, customers: Any) -> None:
    body = json.dumps({"query": IMPORT, "variables": {"customers": customers}}).encode()
    check(await ingest.post("/graphql", body, prefer="wait=0"))


@OFTEN
@given(query=st.text() | st.text(alphabet='{}()[]:$!"\\@.=#| \nabcustomerSchema012', max_size=200))
async def test_no_query_breaks_the_door(ingest: Ingest, query: str) -> None:
    check(await ingest.post("/graphql", json.dumps({"query": query}).encode()))


@OFTEN
@given(body=st.binary(max_size=300) | ANY_JSON.map(lambda value: json.dumps(value).encode()))
async def test_no_body_breaks_the_door(ingest: Ingest, body: bytes) -> None:
    check(await ingest.post("/graphql", body))


async def test_the_door_goes_on_after_all_that(ingest: Ingest) -> None:
    assert codes(await import_customers(ingest, customer(email=SECRET), prefer="wait=0")) == ["pending"]
