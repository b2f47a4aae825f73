"""Which pages the intercept answers, how often, and what a browser lets them read (CONTRACT 4)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from contactfold.domain.errors import Misconfigured
from contactfold_ingest.intercept.addresses import find_address
from contactfold_ingest.intercept.pages import write_origin
from fakes.ingest_service import Ingest, serving
from unit.ingest.test_intercept import CONFIG, LOCAL, OTHER, SITE, code, page, say

PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Ingest]:
    async with serving(tmp_path, CONFIG) as service:
        yield service


async def ask_first(site: Ingest, origin: str, **headers: str) -> httpx.Response:
    return await site.client.options("/intercept", headers={"origin": origin, **PREFLIGHT, **headers})


# ------------------------------------------------------------------------------------------------------- origins


async def test_a_page_of_an_allowed_origin_may_read_the_answer_without_credentials(site: Ingest) -> None:
    reply = await say(site, page())
    assert reply.headers["access-control-allow-origin"] == SITE
    assert reply.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in reply.headers
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize(
    "origin",
    [
        *("https://evil.example", "http://www.shop.example", "https://www.shop.example:444", "https://shop.example"),
        *("https://www.shop.example.evil.example", "https://evil.example/https://www.shop.example", "null", "", "*"),
        *("https://www.shop.example/", f"{SITE}, {SITE}", "\xff" * 400, SITE + "\xa0"),
    ],
)
async def test_a_foreign_origin_is_403_and_may_read_nothing(site: Ingest, origin: str) -> None:
    asked = await site.client.options("/intercept", headers=[(b"origin", origin.encode("latin-1"))])
    content = msgspec.json.encode(page(email="ann@example.com"))
    told = await site.client.post("/intercept", content=content, headers=[(b"origin", origin.encode("latin-1"))])
    for reply in (asked, told):
        assert code(reply) == (403, "origin_not_allowed")
        assert not [name for name in reply.headers if name.startswith("access-control")]
        assert reply.headers["vary"] == "Origin"
    assert await site.events() == []


async def test_without_an_origin_it_is_403(site: Ingest) -> None:
    assert code(await say(site, page(), origin=None)) == (403, "origin_not_allowed")


@pytest.mark.parametrize("source", ["blog", "crm", "nobody", "contact"])
async def test_another_source_than_the_page_s_is_403_in_the_same_words(site: Ingest, source: str) -> None:
    """A page learns nothing of which sources there are."""
    reply = await say(site, {**page(), "source": source})
    assert code(reply) == (403, "origin_not_allowed")
    assert reply.json() == (await say(site, page(), origin="https://evil.example")).json()
    assert await site.events() == []


async def test_a_preflight_is_answered_to_the_origins_that_some_source_allows(site: Ingest) -> None:
    for origin in (SITE, OTHER, LOCAL):
        reply = await ask_first(site, origin)
        assert (reply.status_code, reply.content) == (204, b"")
        assert reply.headers["access-control-allow-origin"] == origin
        assert reply.headers["access-control-allow-methods"] == "POST"
        assert reply.headers["access-control-allow-headers"] == "content-type"
        assert reply.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in reply.headers


@pytest.mark.parametrize("path", ["/v1/events", "/hooks/site", "/v1/events/x", "/metrics", "/openapi.json", "/healthz"])
async def test_no_other_route_tells_browsers_that_a_page_may_read_it(site: Ingest, path: str) -> None:
    for method in ("OPTIONS", "GET", "POST"):
        reply = await site.client.request(method, path, headers={"origin": SITE, **PREFLIGHT})
        assert "access-control-allow-origin" not in reply.headers


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
async def test_the_door_takes_nothing_but_posts(site: Ingest, method: str) -> None:
    reply = await site.client.request(method, "/intercept", headers={"origin": SITE})
    assert reply.status_code == 405
    assert set(reply.headers["allow"].split(", ")) == {"POST", "OPTIONS"}


@pytest.mark.parametrize("keys", [False, True], ids=["without keys", "with keys"])
@pytest.mark.parametrize("host", ["localhost:8080", "contactfold.shop.example"])
async def test_a_page_needs_no_key_at_any_host(site: Ingest, keys: bool, host: str) -> None:
    if keys:
        await site.add_key("k" * 40, "ingest")
    assert (await say(site, page(), host=host)).status_code == 202
    assert (await ask_first(site, SITE, host=host)).status_code == 204


async def test_an_open_door_still_refuses_pages_everywhere_else(site: Ingest) -> None:
    reply = await site.send({"values": {"email": "ann@example.com"}}, origin=SITE)
    assert code(reply) == (403, "origin_not_allowed")


@pytest.mark.parametrize(
    ("configured", "written"),
    [
        ("https://shop.example:443", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"),
        ("http://shop.example:8080", "http://shop.example:8080"),
        ("https://b\u00fccher.example", "https://xn--bcher-kva.example"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_an_origin_is_compared_as_browsers_write_it(configured: str, written: str) -> None:
    assert write_origin(configured) == written


@pytest.mark.parametrize("origin", ["*", "https://*.shop.example", "null", "shop.example", "https://shop.example:x"])
async def test_what_no_browser_sends_cannot_be_allowed(tmp_path: Path, origin: str) -> None:
    with pytest.raises(Misconfigured, match=r"sources\.site\.allowed_origins\[0\]"):
        async with serving(tmp_path, {"sources": {"site": {"allowed_origins": [origin]}}}):
            pass


@pytest.mark.parametrize(
    "web",
    [
        {"key": "email", "type": "email", "channel": "email", "multi": True},
        {"key": "web", "channel": "web", "multi": True},
        {"key": "web", "channel": "web", "anonymous": True},
    ],
)
async def test_pages_need_a_channel_for_their_visitors(tmp_path: Path, web: dict[str, Any]) -> None:
    """Without one that is anonymous, a visitor would never join the person, or would join two."""
    raw = {"schema": {"attributes": [web]}, "sources": {"site": {"allowed_origins": [SITE]}}}
    with pytest.raises(Misconfigured, match="no channel for the visitors of pages"):
        async with serving(tmp_path, raw):
            pass


async def test_a_schema_of_one_s_own_may_call_that_channel_otherwise(tmp_path: Path) -> None:
    cookie = {"key": "cookie", "channel": "browser", "anonymous": True, "multi": True}
    raw = {"schema": {"attributes": [cookie]}, "sources": {"site": {"allowed_origins": [SITE]}}}
    async with serving(tmp_path, raw) as service:
        assert (await say(service, page())).status_code == 202
        (event,) = await service.events()
    assert list(event["values"]) == ["cookie"]


# --------------------------------------------------------------------------------------------------------- rates


async def send_until_refused(client: httpx.AsyncClient, source: str) -> tuple[int, httpx.Response]:
    """How many statements of a visitor were taken before one was refused, and the refusal."""
    content = msgspec.json.encode({**page(), "source": source})
    for taken in range(200):
        reply = await client.post("/intercept", content=content, headers={"origin": SITE})
        if reply.status_code != 202:
            return taken, reply
    raise AssertionError("nothing was refused")


async def test_over_the_rate_limit_it_is_429_and_says_how_long_to_wait(site: Ingest) -> None:
    taken, reply = await send_until_refused(site.client, "few")
    assert taken in {3, 4}, "one more where the clock's minute turned meanwhile"
    assert code(reply) == (429, "too_many_requests")
    assert 1 <= int(reply.headers["retry-after"]) <= 60
    assert reply.headers["access-control-allow-origin"] == SITE
    assert len(await site.events()) == taken
    assert (await say(site, page())).status_code == 202, "the other sources have rates of their own"


async def test_each_address_has_a_rate_of_its_own(site: Ingest) -> None:
    for address in ("203.0.113.1", "203.0.113.2"):
        transport = httpx.ASGITransport(app=site.app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as client:
            taken, reply = await send_until_refused(client, "few")
        assert (taken in {3, 4}, reply.status_code) == (True, 429)


async def test_a_rate_is_120_unless_the_source_says_otherwise(site: Ingest) -> None:
    taken, reply = await send_until_refused(site.client, "site")
    assert (120 <= taken <= 122, reply.status_code) == (True, 429)


@pytest.mark.parametrize(
    ("client", "address"),
    [
        (("203.0.113.9", 5), "203.0.113.9"),
        (("2001:db8:1:2:3:4:5:6", 5), "2001:db8:1:2::/64"),
        (("::ffff:203.0.113.9", 5), "203.0.113.9"),
        (("x" * 500, 5), "x" * 64),
        (None, ""),
    ],
)
def test_an_address_counts_as_one_line_does(client: object, address: str) -> None:
    assert find_address({"type": "http", "client": client}) == address
