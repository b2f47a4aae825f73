"""The documentation, as a person has it before them: `/docs` in a real browser, on a machine without a network."""

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

from servers.chromium import browsing, find_chromium
from servers.commands import Server
from servers.found import need


@pytest.fixture
def browser() -> Iterator[Browser]:
    with browsing(need("Chromium", find_chromium)) as browser:
        yield browser


def test_the_documentation_shows_every_operation_and_asks_nobody_else(server: Server, browser: Browser) -> None:
    page = browser.new_page()
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"{server.address}/docs")
    page.wait_for_selector(".opblock")
    shown = {tuple(block.inner_text().split()[:2]) for block in page.query_selector_all(".opblock-summary")}
    status, described = server.ask("/openapi.json")
    assert status == 200
    operations = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
    plain = {(method, path.replace("\u200b", "")) for method, path in shown}
    assert plain == operations, json.dumps(sorted(plain ^ operations))
    assert wrong == []
    here = urlsplit(server.address).netloc
    assert {urlsplit(url).netloc for url in asked if not url.startswith("data:")} == {here}
