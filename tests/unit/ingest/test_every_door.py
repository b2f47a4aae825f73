"""What holds at every route of `contactfold up`. The routes are found by asking it, so no new one can be forgotten.

A route that is an exception is named here, with the reason.
"""

import gzip
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import structlog
from standardwebhooks import Webhook

from contactfold.row_previews import RowPreview
from contactfold.scopes import SCOPES
from contactfold_ingest.imports.previewing import Previews
from contactfold_ingest.waiting import Outcomes
from fakes.every_route import HERE, LIMIT, SECRET, SITE, Operation, Up, encode, find_operations

OPERATIONS = find_operations()

DESCRIBING = {"/openapi.json", "/static-offline-docs", "/docs", "/docs/oauth2-redirect", "/healthz", "/readyz"}
"""Tell nothing about anybody."""
PAGES = {"/intercept", "/intercept.js"}
"""For web pages, which have no secrets: guarded by the origins, the rate and the powers of their source."""
TOKEN = "/oauth2/token"
"""Takes a key as OAuth 2.0 has it, and never from a header for keys."""

KEYED = [one for one in OPERATIONS if one.path not in DESCRIBING | PAGES | {TOKEN}]
BARE = {f"/v1/imports/{{import_id}}/{name}" for name in ("cancel", "rollback", "rollback/preview")}
BARE |= {f"/v1/schedules/{{schedule}}/{name}" for name in ("run", "pause", "resume")}
"""Take no body."""
SENDING = [one for one in OPERATIONS if one.method in {"POST", "PUT"}]
TAKING = [one for one in SENDING if one.path not in BARE]
GUARDED = [one for one in OPERATIONS if one.path not in DESCRIBING | PAGES]

NEEDS = {
    "/v1/events/{event_id}": {"ingest", "read"},
    **{f"/v1/{name}": {"admin"} for name in ("separate", "share", "retract", "erase")},
    "GET /v1/imports": {"ingest", "read"},
    "/v1/imports/template.csv": {"ingest", "read"},
    "/v1/imports/{import_id}": {"ingest", "read"},
    "/v1/imports/preview/{preview_id}": {"ingest", "read"},
    "/v1/imports/{import_id}/stream": {"ingest", "read"},
    "/v1/imports/{import_id}/rollback": {"admin"},
    "/v1/imports/{import_id}/rollback/preview": {"admin"},
    "/v1/imports/{import_id}/rollback/preview/{preview_id}": {"admin"},
    "/v1/schedules": {"ingest", "read"},
    "/v1/schedules/{schedule}": {"ingest", "read"},
}
"""Which scopes let a key in, one of them being enough, by path or operation.

Others: `ingest` for what is sent to, `read` for the rest.
"""

KEY = "key-" + "k" * 40
MARKER = "zq7MarkerOfATest"

every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=str)
every_guarded = pytest.mark.parametrize("operation", GUARDED, ids=str)
every_keyed = pytest.mark.parametrize("operation", KEYED, ids=str)
every_taking = pytest.mark.parametrize("operation", TAKING, ids=str)


@pytest.fixture
def up(monkeypatch: pytest.MonkeyPatch) -> Up:
    """The service, where nobody waits for outcomes, or for what a preview foresees: no processor runs here."""
    find_all = Outcomes.find_all

    async def ask_once(self: Outcomes, event_ids: Any, _: float) -> Any:
        return await find_all(self, event_ids, 0.0)

    async def foresee_nothing(*_: Any) -> RowPreview:
        return RowPreview()

    monkeypatch.setattr(Outcomes, "find_all", ask_once)
    monkeypatch.setattr(Previews, "_try", foresee_nothing)
    return Up()


@pytest.fixture
async def elsewhere(up: Up) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody on another machine."""
    async with up.client() as client:
        yield client


@pytest.fixture
async def here(up: Up) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody on this machine."""
    async with up.client(HERE) as client:
        yield client


async def ask(client: httpx.AsyncClient, operation: Operation, body: bytes = b"", **headers: str) -> httpx.Response:
    """Ask with this body, or none. Underscores of header names are dashes; a page sends its origin."""
    named = {"origin": SITE} if operation.path == "/intercept" else {}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.request(operation.method, operation.address, content=body, headers=named)


def read_code(reply: httpx.Response) -> str:
    """A refusal's code, in whichever words its door tells it."""
    if reply.headers["content-type"] == "application/problem+json":
        return str(reply.json()["reasons"][0]["code"])
    body = reply.json()
    return str(body["error"] if "error" in body else body["errors"][0]["extensions"]["code"])


def test_the_exceptions_exist_and_so_do_the_doors_with_scopes_of_their_own() -> None:
    served = {one.path for one in OPERATIONS} | {str(one) for one in OPERATIONS}
    assert (DESCRIBING | PAGES | {TOKEN} | BARE | NEEDS.keys()) - served == set()
    assert len(KEYED) > 30


# ---- who may


@every_keyed
async def test_once_a_key_was_made_no_route_answers_without_one(
    up: Up, elsewhere: httpx.AsyncClient, here: httpx.AsyncClient, operation: Operation
) -> None:
    await up.add_key(KEY, *SCOPES)
    await up.add_key("dead" * 10, *SCOPES, revoked_at=1)
    wrong: list[Any] = [{}, {"x_api_key": "wrong"}, {"x_api_key": "dead" * 10}, {"authorization": "Bearer cft_key-_0"}]
    for headers in wrong:
        reply = await ask(elsewhere, operation, **headers)
        assert (reply.status_code, "www-authenticate" in reply.headers) == (401, True), headers
        if operation.path != "/metrics":  # which a Prometheus beside it may read
            assert (await ask(here, operation, **headers)).status_code == 401
    assert (await ask(elsewhere, operation, x_api_key=KEY)).status_code not in {401, 403}
    assert up.written == 0


@every_keyed
async def test_every_route_needs_a_scope(up: Up, elsewhere: httpx.AsyncClient, operation: Operation) -> None:
    await up.add_key("none" * 10)
    refused = await ask(elsewhere, operation, x_api_key="none" * 10)
    assert (refused.status_code, read_code(refused)) == (403, "scope_missing")
    enough = set()
    for scope in SCOPES:
        await up.add_key(scope.ljust(40, "-"), scope)
        reply = await ask(elsewhere, operation, x_api_key=scope.ljust(40, "-"))
        enough |= {scope} if reply.status_code != 403 else set()
    usual = {"ingest"} if operation in SENDING else {"read"}
    assert enough == NEEDS.get(str(operation), NEEDS.get(operation.path, usual))


@every_keyed
async def test_a_token_opens_what_its_key_opens(up: Up, elsewhere: httpx.AsyncClient, operation: Operation) -> None:
    await up.add_key(KEY, *SCOPES)
    given = {"grant_type": "client_credentials", "client_id": "key-", "client_secret": KEY}
    token = (await elsewhere.post(TOKEN, data=given)).json()["access_token"]
    narrow = (await elsewhere.post(TOKEN, data={**given, "scope": "pii"})).json()["access_token"]
    assert (await ask(elsewhere, operation, authorization=f"Bearer {token}")).status_code not in {401, 403}
    assert (await ask(elsewhere, operation, authorization=f"Bearer {narrow}")).status_code == 403


@every_keyed
async def test_every_route_counts_how_often_a_key_is_used(operation: Operation) -> None:
    up = Up(requests_per_minute=3)
    await up.add_key(KEY, *SCOPES)
    async with up.client() as client:
        statuses = [(await ask(client, operation, x_api_key=KEY)).status_code for _ in range(3)]
        refused = await ask(client, operation, x_api_key=KEY)
    assert 429 not in statuses
    assert (refused.status_code, read_code(refused)) == (429, "too_many_requests")
    assert 1 <= int(refused.headers["retry-after"]) <= 60


async def test_a_signature_stands_for_a_key_and_is_counted_by_source() -> None:
    up, body, replies = Up(requests_per_minute=3), b'{"email": "ann@example.com"}', []
    now = datetime.fromtimestamp(up.clock() / 1_000_000, UTC)
    async with up.client() as client:
        for number in range(5):
            signature = Webhook(SECRET).sign(f"m-{number}", now, body.decode())
            headers = {"webhook-id": f"m-{number}", "webhook-timestamp": f"{now.timestamp():.0f}"}
            headers |= {"webhook-signature": signature, "content-type": "application/json"}
            replies.append(await client.post("/hooks/signed", content=body, headers=headers))
            unsigned = await client.post("/hooks/signed", content=body, headers={**headers, "webhook-signature": "v1,"})
            assert unsigned.status_code == 401, "and uses up nothing"
    assert [reply.status_code for reply in replies] == [202, 202, 202, 429, 429]


# ---- open doors, and pages


STRANGE: tuple[tuple[dict[str, str], str], ...] = (
    ({"host": "evil.example"}, "host_not_allowed"),
    ({"host": "127.0.0.1.nip.io"}, "host_not_allowed"),
    ({"origin": "http://evil.example"}, "origin_not_allowed"),
    ({"origin": "null"}, "origin_not_allowed"),
    ({}, "address_not_allowed"),
)
"""What an open door refuses; without any header, another machine."""


@every_guarded
async def test_an_open_door_answers_this_machine_alone(
    up: Up, elsewhere: httpx.AsyncClient, here: httpx.AsyncClient, operation: Operation
) -> None:
    for headers, code in STRANGE:
        named: Any = headers
        reply = await ask(here if headers else elsewhere, operation, **named)
        assert (reply.status_code, read_code(reply)) == (403, "invalid_request" if operation.path == TOKEN else code)
    assert (await ask(here, operation)).status_code != 403
    assert up.written == 0


@every_operation
async def test_no_page_may_read_a_reply_but_that_of_the_intercept(
    up: Up, here: httpx.AsyncClient, operation: Operation
) -> None:
    asking = {"access-control-request-method": operation.method, "access-control-request-headers": "authorization"}
    for keyed in (False, True):
        if keyed:
            await up.add_key(KEY, *SCOPES)
        for origin in (SITE, "http://evil.example", "http://localhost:8080", "null"):
            preflight = await here.options(operation.address, headers={**asking, "origin": origin})
            reply = await ask(here, operation, origin=origin, x_api_key=KEY)
            for one in (preflight, reply):
                allowed = {name for name in one.headers if name.startswith("access-control-")}
                if operation.path == "/intercept" and origin == SITE:
                    assert one.headers["access-control-allow-origin"] == SITE
                    assert "access-control-allow-credentials" not in allowed
                elif operation.path == "/intercept.js":  # a script is for every page, and says nothing of anybody
                    assert one.headers.get("access-control-allow-origin", "*") == "*"
                else:
                    assert allowed == set()


async def test_another_method_is_405(here: httpx.AsyncClient) -> None:
    for path in {one.path for one in OPERATIONS} - {"/static-offline-docs"}:
        served = {one.method: one.address for one in OPERATIONS if one.path == path}
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} - served.keys():
            reply = await here.request(method, next(iter(served.values())))
            assert reply.status_code == 405, (method, path)
            assert set(reply.headers["allow"].split(", ")) & served.keys()


# ---- what is sent in


def bodies(make: Callable[[str], Iterator[bytes]], operation: Operation) -> Iterator[tuple[str, bytes]]:
    """Bodies for every media type that the route's description names."""
    assert operation.examples, "a route that takes a body describes it, with an example"
    for media in operation.examples:
        for body in make(media):
            yield media, body


@every_taking
async def test_no_body_is_read_past_the_limit(up: Up, elsewhere: httpx.AsyncClient, operation: Operation) -> None:
    """Whether it tells its length, comes in pieces, or unpacks to more."""
    await up.add_key(KEY, *SCOPES)
    bomb = gzip.compress(b"[" + b"0," * 8_000_000 + b"0]")
    twice = gzip.compress(bomb)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(LIMIT // 1_000 + 2):
            yield b"[" + b" " * 999

    for media, _ in bodies(lambda _: iter([b""]), operation):
        named = {"content-type": media, "x-api-key": KEY, "origin": SITE}
        for content, headers in (
            (b"a" * (LIMIT + 1), named),
            (pieces(), named),
            (bomb, {**named, "content-encoding": "gzip"}),
            (twice, {**named, "content-encoding": "gzip"}),
        ):
            reply = await elsewhere.request(operation.method, operation.address, content=content, headers=headers)
            expected = {400, 413, 422} if content is twice else {413}
            assert reply.status_code in expected, (media, headers)
    assert up.written == 0


def nest(media: str) -> Iterator[bytes]:
    for deep in (b"[" * 16_000, b'{"a":' * 3_000, b"[" * 8_000 + b"]" * 8_000, b'{"a":' * 2_000 + b"1" + b"}" * 2_000):
        yield deep
        yield b"x=" + deep
        yield b"record" + b"[a]" * 4_000 + b"=1"
        yield b'{"query": "{' + b"a{" * 2_000 + b'", "values": ' + deep + b"}"
        yield b'{"source": "site", "values": {"email": ' + deep + b"}}"


@every_taking
async def test_nothing_nested_deeply_breaks_a_door(up: Up, elsewhere: httpx.AsyncClient, operation: Operation) -> None:
    await up.add_key(KEY, *SCOPES)
    for media, body in bodies(nest, operation):
        reply = await ask(elsewhere, operation, body, content_type=media, x_api_key=KEY)
        assert 400 <= reply.status_code < 500 or not up.written, (media, body[:60])
        assert reply.status_code < 500, (media, body[:60])


def marked(value: object) -> Iterator[object]:
    """A document with the marker in the place of each of its values, as a text and as what a text is not."""
    if isinstance(value, dict):
        for key, one in value.items():
            for other in marked(one):
                yield {**value, key: other}
    elif isinstance(value, list):
        for place, one in enumerate(value):
            for other in marked(one):
                yield [*value[:place], other, *value[place + 1 :]]
    else:
        yield from (MARKER, f"{MARKER}\u0000@", [[MARKER]], {"said": MARKER})
        if isinstance(value, str) and " " in value:  # a query: marks inside, where names and texts stand
            yield from (value.replace(word, MARKER) for word in set(value.split()) if word.isalnum())
            yield value.replace("{", f'{{ {MARKER}(a: "{MARKER}") ', 1)


@every_taking
async def test_no_error_and_no_log_line_repeats_a_value(
    up: Up, elsewhere: httpx.AsyncClient, operation: Operation, caplog: pytest.LogCaptureFixture
) -> None:
    """Names of fields may come back, where nobody knows them; values never do, and nothing of a request is logged."""
    await up.add_key(KEY, *SCOPES)
    refused = 0
    with structlog.testing.capture_logs() as lines:
        for media, examples in operation.examples.items():
            for body in (encode(media, one) for example in examples for one in marked(example)):
                for content in (body, body + b"}", body[:-1]):
                    reply = await ask(elsewhere, operation, content, content_type=media, x_api_key=KEY)
                    assert reply.status_code < 500
                    if reply.status_code >= 400:
                        refused += 1
                        assert MARKER not in reply.text, body
        for name in ("idempotency_key", "content_type", "content_encoding", "authorization", "accept", "prefer"):
            reply = await ask(elsewhere, operation, b"{}", **{"x_api_key": KEY, name: f"Basic {MARKER}="})
            assert MARKER not in reply.text, name
        unknown = await ask(elsewhere, operation, b"{}", x_api_key=KEY[:-1] + MARKER, user_agent=MARKER)
        assert MARKER not in unknown.text
    assert refused > 3
    assert MARKER not in str(lines) + caplog.text


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one not in TAKING], ids=str)
async def test_no_error_repeats_what_stands_in_an_address(
    up: Up, here: httpx.AsyncClient, operation: Operation
) -> None:
    with structlog.testing.capture_logs() as lines:
        for address in (f"{operation.address}/{MARKER}", operation.path.replace("{", MARKER).replace("}", "")):
            for query in ("", f"?identifier={MARKER}", f"?limit={MARKER}&wait={MARKER}", f"?after={MARKER}&b={MARKER}"):
                reply = await here.request(operation.method, address + query)
                assert reply.status_code < 500
                assert reply.status_code < 400 or MARKER not in reply.text, (address, query)
    assert MARKER not in str(lines)
