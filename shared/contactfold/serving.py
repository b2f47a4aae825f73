"""Serving an application over HTTP: the address, the rule of who may bind where, and the end in good order."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette

from contactfold.domain.errors import Misconfigured
from contactfold.environment import Settings
from contactfold.lifetime import Ending
from contactfold.web.access import KeyRing
from contactfold.web.application import Front
from contactfold.web.connections import BoundedHttp
from contactfold.web.loopback import is_loopback_address

_GRACE = 5
"""Seconds that requests under way have to end in."""
_LINGER = 2
"""Seconds after which those that wait for something are told to wait no longer (`app.state.endings`)."""


class HttpServer:
    """An address that is ours from the start, and later the server on it.

    Raises `Misconfigured` where the address is taken or is none of this machine's.
    """

    def __init__(self, host: str, port: int) -> None:
        self._socket = _bind(host, port)
        self.started = asyncio.Event()

    @property
    def address(self) -> str:
        """Where people reach it from this machine, as a URL."""
        host, port = self._socket.getsockname()[:2]
        shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  (compared, not bound)
        return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"

    async def serve(self, app: Starlette, ending: Ending) -> None:
        """Serve until told to end; then take nothing new, and end what is under way."""
        config = uvicorn.Config(
            Front(app),
            http=BoundedHttp,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE,
        )
        server = _Server(config, self.started)
        watch = asyncio.create_task(_end_when_told(server, ending, app))
        try:
            await server.serve(sockets=[self._socket])
        finally:
            watch.cancel()

    def close(self) -> None:
        """Let go of the address, if it was never served."""
        self._socket.close()


class _Server(uvicorn.Server):
    """uvicorn without its own handling of signals: the process decides when its parts end."""

    def __init__(self, config: uvicorn.Config, started: asyncio.Event) -> None:
        super().__init__(config)
        self._told = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._told.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _end_when_told(server: uvicorn.Server, ending: Ending, app: Starlette) -> None:
    await ending.told.wait()
    server.should_exit = True
    await asyncio.sleep(_LINGER)
    for end in app.state.endings:
        end()


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, proto)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
            bound.listen(2048)
        except OSError:
            bound.close()
            raise
    except socket.gaierror:
        raise Misconfigured([f"CONTACTFOLD_HOST: {host} is no address of this machine"]) from None
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise Misconfigured(
            [f"Port {port} of {host} cannot be used ({why}); set CONTACTFOLD_PORT to a free one."]
        ) from None
    return bound


def needs_key(settings: Settings) -> bool:
    """Whether this process may only start once a key exists: other machines reach it, and no admin key is set."""
    return not is_loopback_address(settings.host) and settings.admin_key is None


async def refuse_open_doors(settings: Settings, ring: KeyRing) -> None:
    """Raise `Misconfigured` where other machines would reach doors that have no key yet (CONTRACT 4)."""
    if needs_key(settings) and await ring.is_open():
        why = f"CONTACTFOLD_HOST is {settings.host}, which other machines reach, and there is no API key yet"
        raise Misconfigured([f"{why}: make one with `contactfold keys create`, or set CONTACTFOLD_ADMIN_KEY."])


def admin_key(settings: Settings) -> str | None:
    """The admin key in the clear, for the key ring alone."""
    return settings.admin_key.get_secret_value() if settings.admin_key else None
