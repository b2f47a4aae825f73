"""A web site of somebody else's, whose pages load contactfold's script; who visits it, and who reads the directory."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from playwright.sync_api import BrowserContext

from servers.commands import eventually

ADMIN_KEY = "0123456789abcdef0123456789abcdef"
REFUSED = 0
"""What a browser has instead of an answer that the page may not read."""


class Site:
    """A server of pages. At 127.0.0.1 it is the shop, at localhost another site: to a browser these are two."""

    def __init__(self) -> None:
        self._pages: dict[str, tuple[str, str, dict[str, str]]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._make_handler())
        self.shop = f"http://127.0.0.1:{self._server.server_port}"
        self.stranger = f"http://localhost:{self._server.server_port}"

    def put(self, path: str, text: str, media: str = "text/html", **headers: str) -> str:
        """Make a page; underscores of header names are dashes. Returns its address at the shop."""
        self._pages[path] = text, media, {name.replace("_", "-"): value for name, value in headers.items()}
        return self.shop + path

    def serve(self) -> None:
        """Serve until closed."""
        self._server.serve_forever(0.05)

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()

    def _make_handler(self) -> type[BaseHTTPRequestHandler]:
        pages = self._pages

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                text, media, headers = pages.get(self.path, ("", "text/plain", {}))
                body = text.encode()
                self.send_response(200 if self.path in pages else 404)
                for name, value in {"content-type": f"{media}; charset=utf-8", **headers}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@contextmanager
def showing() -> Iterator[Site]:
    """The site, while the block runs."""
    site = Site()
    thread = threading.Thread(target=site.serve, daemon=True)
    thread.start()
    yield site
    site.close()
    thread.join()


class Readers:
    """Whoever may read the directory."""

    def __init__(self, address: str) -> None:
        self._client = httpx.Client(base_url=address, headers={"authorization": f"Bearer {ADMIN_KEY}"}, timeout=30)

    def find(self, identifier: str) -> dict[str, Any] | None:
        """The contact that owns an identifier."""
        reply = self._client.get("/v1/contacts", params={"identifier": identifier})
        assert reply.status_code in {200, 404}, reply.text
        found: dict[str, Any] | None = reply.json() if reply.status_code == 200 else None
        return found

    def get(self, path: str) -> Any:
        """Anything that can be read."""
        reply = self._client.get(path)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def send(self, source: str, own_id: str, path: str = "/v1/events", **event: Any) -> str:
        """Send an event with a key, and return its id once the directory has it."""
        reply = self._client.post(path, json={"source": source, "id": own_id, **event})
        assert reply.status_code == 202, reply.text
        event_id = str(reply.json()["results"][0]["event_id"])
        assert self._client.get(f"/v1/events/{event_id}", params={"wait": 20}).status_code == 200
        return event_id

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()


class Visit:
    """One page in one browser, and what it sent and stumbled over."""

    def __init__(self, context: BrowserContext) -> None:
        self.page = context.new_page()
        self.sent: list[dict[str, Any]] = []
        self.answers: list[int] = []
        self.faults: list[str] = []
        self.page.on("request", self._note)
        self.page.on("response", lambda one: self._note_answer(one.url, one.status))
        self.page.on("requestfailed", lambda one: self._note_answer(one.url, REFUSED))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))

    def go(self, url: str) -> "Visit":
        self.page.goto(url)
        return self

    def run(self, script: str, argument: object = None) -> Any:
        return self.page.evaluate(script, argument)

    @property
    def visitor(self) -> str | None:
        found: str | None = self.run("contactfold.visitor()")
        return found

    @property
    def told(self) -> list[dict[str, Any]]:
        """The values of every statement that said more than that the visitor is here."""
        return [one["values"] for one in self.sent if one["values"]]

    def stored(self) -> list[str]:
        """What the page left in the browser."""
        kept = self.run("[document.cookie, ...Object.keys(localStorage), ...Object.keys(sessionStorage)]")
        return [one for one in kept if one]

    def settle(self) -> None:
        """Return when everything the script had to say is said and answered."""
        self.page.wait_for_timeout(250)
        eventually(lambda: self._ask_again() or len(self.answers) >= len(self.sent))

    def hear(self) -> None:
        """Return when the script has been answered for the first time."""
        eventually(lambda: self._ask_again() or bool(self.answers))

    def _ask_again(self) -> bool:
        self.page.wait_for_timeout(20)  # events of the browser arrive only while it is being talked to
        return False

    def _note(self, request: Any) -> None:
        if request.url.endswith("/intercept"):
            self.sent.append(request.post_data_json)

    def _note_answer(self, url: str, status: int) -> None:
        if url.endswith("/intercept"):
            self.answers.append(status)
