"""A real HTTPS server for tests, with a certificate of its own authority."""

import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import trustme

Answer = tuple[int, dict[str, str], bytes]


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that ends a connection in the middle is what these tests are about."""


class HttpsServer:
    """Answers by `pages`: a path's content, or a function of the request's headers. `asked` has each request."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.ca_file = folder / "authority.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self.pages: dict[str, bytes | Callable[[dict[str, str]], Answer]] = {}
        self.changed: dict[str, datetime] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        self._server = _Quiet(("127.0.0.1", 0), self._make_handler())
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"https://localhost:{self.port}"

    def put(self, path: str, content: bytes) -> None:
        """A file with the time of now, and an ETag."""
        self.pages[path] = content
        self.changed[path] = datetime.now(UTC)

    def _answer(self, path: str, headers: dict[str, str]) -> Answer:
        self.asked.append((path, headers))
        page = self.pages.get(path.partition("?")[0])
        if page is None:
            return 404, {}, b""
        if callable(page):
            return page(headers)
        tag = f'"{sha256(page).hexdigest()[:16]}"'
        told = {"ETag": tag, "Last-Modified": format_datetime(self.changed[path.partition("?")[0]], usegmt=True)}
        if headers.get("if-none-match") == tag:
            return 304, told, b""
        return 200, told, page

    def _make_handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, told, content = server._answer(self.path, headers)
                self.send_response(status)
                for name, value in told.items():
                    self.send_header(name, value)
                if "Content-Length" not in told and "Transfer-Encoding" not in told and status != 304:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                del format, args

        return Handler
