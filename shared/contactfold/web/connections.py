"""Connections: uvicorn's HTTP protocol with a bound on a request's head, and faults told as every other is.

httptools takes headers of any size and puts them together on the event loop: without a bound one request, with
no key at all, would hold everybody up. Trailers behind a chunked body are headers, too: whatever comes without being
body is bounded alike. What is no HTTP is answered as problem+json too.
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from contactfold.web.problems import Problem, problem_response

LONGEST_HEAD = 64 * 1024
"""Bytes that a request's line and headers may have together."""

_NO_HTTP = "This is not an HTTP request that can be read: check its line, its headers and its Content-Length."
_TOO_LONG = f"The request's line and headers are larger than {LONGEST_HEAD} bytes; send less in them."


class BoundedHttp(HttpToolsProtocol):
    """One connection."""

    _head = 0
    """Bytes received since the present request began, or since a piece of its body came: of a head, or of trailers."""

    def data_received(self, data: bytes) -> None:
        """Take what came, at most a head's worth of it at a time while a head is being read."""
        for begin in range(0, len(data), LONGEST_HEAD):
            part = data[begin : begin + LONGEST_HEAD]
            self._head += len(part)
            super().data_received(part)
            if self.transport.is_closing():
                return
            if self._head > LONGEST_HEAD:
                self._refuse(Problem(431, "headers_too_large", _TOO_LONG))
                return

    def on_headers_complete(self) -> None:
        """A request's head is there."""
        self._head = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a request's body is there."""
        self._head = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is there; whatever comes next is the head of another."""
        self._head = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  (uvicorn's sentence says nothing to do)
        """Answer what is no HTTP."""
        self._refuse(Problem(400, "malformed_request", _NO_HTTP))

    def _refuse(self, problem: Problem) -> None:
        if self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete:
            self.transport.close()  # an answer is on its way already, and nothing can be said within it
            return
        response = problem_response(problem)
        lines = [f"HTTP/1.1 {problem.status} Refused".encode(), b"connection: close"]
        lines += [name + b": " + value for name, value in response.raw_headers]
        self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + bytes(response.body))
        self.transport.close()
