"""One file at an https:// address.

A look is a conditional request: a server that knows ETags or times says with a few bytes that nothing is new. Its
answer to `fetch` is one whole, so only another length than a moment before says that the file is still growing:
programs that make a file for each request give it another time, or ETag, each time.
"""

import asyncio
import ssl
import urllib.request
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import NoReturn

import aiohttp
from yarl import URL

from contactfold.file_patterns import is_left_out
from contactfold.locations import Location
from contactfold_ingest.schedules.stores.files import (
    Found,
    RemoteFile,
    StoreAway,
    StoreError,
    StoreRefused,
    Timeouts,
    changed,
)
from contactfold_ingest.schedules.stores.public_addresses import PublicAddresses, is_public_host
from contactfold_ingest.schedules.stores.staging import PIECE, staged

_MOST_REDIRECTS = 5
_REDIRECTS = {301, 302, 303, 307, 308}
_BUSY = {408, 425, 429}
_NO_NAME = "file"

_BROKEN: tuple[tuple[tuple[type[Exception], ...], type[StoreError], str], ...] = (
    (
        (aiohttp.ClientConnectorCertificateError,),
        StoreRefused,
        "shows a certificate that cannot be trusted: `ca_file` may name one that can",
    ),
    ((aiohttp.ClientConnectorSSLError,), StoreRefused, "does not speak TLS as it should"),
    ((aiohttp.ClientConnectorDNSError,), StoreAway, "cannot be found: no such name is known now"),
    ((TimeoutError,), StoreAway, "did not answer in time"),
    ((aiohttp.ClientConnectorError,), StoreAway, "cannot be reached"),
    ((aiohttp.InvalidURL, ValueError), StoreRefused, "or the proxy to it has an address that cannot be used"),
)
"""What is no answer: the first that fits."""


class HttpsStore:
    """A `Store` of the one file at a url; patterns say nothing about it."""

    def __init__(self, location: Location, timeouts: Timeouts) -> None:
        self._location, self._timeouts = location, timeouts
        self._url = _read_url(location.url)
        self._server = f"The server {location.host}"
        self._addresses = PublicAddresses({location.host})
        self._session: aiohttp.ClientSession | None = None

    async def list(self, pattern: str, *, without: str | None = None, seen: RemoteFile | None = None) -> Found:
        """As in `Store`: the one file, whatever the pattern; `seen` itself where the server has nothing new."""
        del pattern, without
        async with self._asking(self._timeouts.connect + self._timeouts.answer), self._get(_conditions(seen)) as answer:
            if answer.status == 304 and seen is not None:
                return [seen]
            self._check(answer.status)
            return [_look(_name(self._url), answer.headers)]

    async def fetch(self, file: RemoteFile, target: Path, limit: int) -> str:
        """As in `Store`."""
        async with self._asking(self._timeouts.fetch), self._get({}) as answer:
            self._check(answer.status)
            now = _look(file.name, answer.headers)
            if None not in {file.size, now.size} and file.size != now.size:
                raise changed(file)
            async with staged(now, target, limit) as copy:
                async for piece in answer.content.iter_chunked(PIECE):
                    await copy.add(piece)
                return copy.digest

    async def archive(self, file: RemoteFile, folder: str) -> str:
        """Refused: nobody may move files there."""
        del file, folder
        self._refuse_change()

    async def delete(self, file: RemoteFile) -> None:
        """Refused: nobody may remove files there."""
        del file
        self._refuse_change()

    async def close(self) -> None:
        """As in `Store`."""
        session, self._session = self._session, None
        if session is not None:
            with suppress(Exception):
                await session.close()

    def _refuse_change(self) -> NoReturn:
        raise StoreRefused(f"{self._server} lets nobody move or remove files: HTTPS can only be read.")

    # ------------------------------------------------------------------------------------------ one question

    @asynccontextmanager
    async def _asking(self, seconds: float) -> AsyncIterator[None]:
        """For at most so long; what goes wrong is told as `Store` says."""
        try:
            async with asyncio.timeout(seconds):
                yield
        except StoreError:
            raise
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self._explain(error) from None

    @asynccontextmanager
    async def _get(self, conditions: Mapping[str, str]) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer, after redirects; its body is not read yet."""
        session = await self._open()
        url = self._url
        for _ in range(_MOST_REDIRECTS + 1):
            self._server = f"The server {url.host}"
            own = self._credentials() if url.origin() == self._url.origin() else {}
            headers = {"Accept-Encoding": "identity", "User-Agent": "contactfold", **own, **conditions}
            async with asyncio.timeout(self._timeouts.connect + self._timeouts.answer):
                answer = await session.get(url, headers=headers, allow_redirects=False, proxy=self._find_proxy(url))
            async with answer:
                if answer.status not in _REDIRECTS:
                    yield answer
                    answer.close()  # what is left of the body is not waited for
                    return
                url = self._follow(url, answer.headers.get("Location"))
        raise StoreRefused(f"{self._server} redirects more than {_MOST_REDIRECTS} times.")

    def _follow(self, url: URL, told: str | None) -> URL:
        if not told:
            raise StoreRefused(f"{self._server} redirects nowhere.")
        target = url.join(_read_url(told))
        if target.scheme != "https" or not target.host:
            raise StoreRefused(f"{self._server} redirects to an address that is not https://.")
        if target.user is not None or target.password is not None:
            raise StoreRefused(f"{self._server} redirects to an address with a login in it.")
        if target.host != self._location.host and not is_public_host(target.host):
            raise self._addresses.refuse(target.host)
        return target

    def _find_proxy(self, url: URL) -> str | None:
        """What HTTPS_PROXY and NO_PROXY say. A proxy's own address may be any."""
        proxies = urllib.request.getproxies_environment()
        proxy = proxies.get("https")
        if not proxy or urllib.request.proxy_bypass(f"{url.host}:{url.port}"):
            return None
        self._addresses.allow(URL(proxy).host or "")
        return proxy

    def _credentials(self) -> dict[str, str]:
        location = self._location
        headers = {name: value.get_secret_value() for name, value in location.headers.items()}
        if location.token is not None:
            headers["Authorization"] = f"Bearer {location.token.get_secret_value()}"
        if location.username is not None and location.password is not None:
            login = f"{location.username}:{location.password.get_secret_value()}"
            headers["Authorization"] = f"Basic {b64encode(login.encode()).decode()}"
        return headers

    async def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            context = await asyncio.to_thread(self._make_context)
            connector = aiohttp.TCPConnector(ssl=context, resolver=self._addresses, use_dns_cache=False)
            wait = self._timeouts
            timeout = aiohttp.ClientTimeout(total=None, connect=wait.connect, sock_read=wait.answer)
            jar = aiohttp.DummyCookieJar()
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=jar)
        return self._session

    def _make_context(self) -> ssl.SSLContext:
        ca_file = self._location.ca_file
        try:
            return ssl.create_default_context(cafile=str(Path(ca_file).expanduser()) if ca_file else None)
        except (OSError, ssl.SSLError):
            raise StoreRefused(f"The file {ca_file} (`ca_file`) holds no certificates that can be read.") from None

    # --------------------------------------------------------------------------------------- what went wrong

    def _check(self, status: int) -> None:
        if status == 200:
            return
        if status in _BUSY or status >= 500:
            raise StoreAway(f"{self._server} is overloaded or out of order (it answers {status}).")
        if status in {401, 403}:
            raise StoreRefused(f"{self._server} refused access to the file (it answers {status}).")
        if status in {404, 410}:
            raise StoreRefused(f"{self._server} has no such file (it answers {status}).")
        raise StoreRefused(f"{self._server} sends no file (it answers {status}).")

    def _explain(self, error: Exception) -> StoreError:
        if isinstance(error, aiohttp.ClientHttpProxyError):
            return StoreAway(f"{self._server} cannot be reached: the proxy answers {error.status}.")
        for types, kind, sentence in _BROKEN:
            if isinstance(error, types):
                return kind(f"{self._server} {sentence}.")
        return StoreAway(f"{self._server} broke the connection off.")


def _read_url(text: str) -> URL:
    """An address, with its escapes left as they are: a signature may be over them. A fragment is never sent."""
    plain = text.partition("#")[0]
    return URL(plain, encoded=plain.isascii() and " " not in plain)


def _name(url: URL) -> str:
    """The last part of the url's path, if a file can be called that."""
    return _NO_NAME if is_left_out(url.name) or "/" in url.name else url.name[:200]


def _look(name: str, headers: Mapping[str, str]) -> RemoteFile:
    size = headers.get("Content-Length", "")
    known = size.isascii() and size.isdigit() and "Content-Encoding" not in headers
    return RemoteFile(name, int(size) if known else None, _time(headers.get("Last-Modified")), headers.get("ETag"))


def _time(text: str | None) -> int | None:
    try:
        return None if text is None else int(parsedate_to_datetime(text).timestamp()) * 1_000_000
    except (ValueError, OverflowError):
        return None


def _conditions(seen: RemoteFile | None) -> dict[str, str]:
    headers = {}
    if seen is not None and seen.tag is not None and seen.tag.isprintable():
        headers["If-None-Match"] = seen.tag
    elif seen is not None and seen.modified is not None:
        with suppress(ValueError, OverflowError):
            at = datetime.fromtimestamp(seen.modified // 1_000_000, UTC)
            headers["If-Modified-Since"] = format_datetime(at, usegmt=True)
    return headers
