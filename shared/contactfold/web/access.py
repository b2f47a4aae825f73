"""Who may use a door: API keys with scopes, and the loopback rule while there is no key (CONTRACT 4).

Keys live in the directory as SHA-256 digests. A `KeyRing` keeps them in memory and loads them again at most
once a second, so a key made or revoked takes effect within two seconds, and a directory that is
away does not close a door: the ring goes on with the keys it has. Digests are compared in constant time,
and an empty secret is no key at all.

Where no key was ever made (revoked ones count as made), a door answers without one, but only to requests that come
from this machine, to a `Host` that is this machine, and from no other web page: otherwise any page open in a
browser could use the door, directly or by pointing a name of its own at 127.0.0.1.
"""

import asyncio
import hmac
from base64 import b64decode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

import structlog
from fastapi import Request
from starlette.types import Scope

from contactfold.domain.errors import Misconfigured, Unavailable
from contactfold.ports import ApiKey, Clock
from contactfold.scopes import ADMIN, INGEST, PII, READ, SCOPES
from contactfold.web.loopback import is_loopback_address, refuse_strangers
from contactfold.web.problems import Problem

SHORTEST_ADMIN_KEY = 32

_FRESH = 1_000_000
"""Microseconds for which loaded keys are used without another look."""
_STALE = 1_800_000
"""Microseconds after which a request waits for the look, so that a revoked key is dead within two seconds."""
_PATIENCE = 1.0
"""Seconds a request waits for the directory's keys at most."""
_MOST_CANDIDATES = 8
"""Secrets of one request that are looked at."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a request may do: its key's id (None through an open door), scopes, and the only source it may write."""

    key_id: str | None
    scopes: frozenset[str]
    source: str | None = None


OPEN = Grant(None, frozenset(SCOPES))
"""What a door without keys grants."""


class Keys(Protocol):
    """Where keys are kept: the part of `Directory` that a ring needs."""

    async def keys(self) -> list[ApiKey]:
        """Every API key, revoked ones too."""
        ...


def digest_key(secret: str | bytes) -> bytes:
    """The digest a key is stored under."""
    return sha256(secret.encode() if isinstance(secret, str) else secret).digest()


class KeyRing:
    """The API keys in force, as one process knows them."""

    def __init__(self, directory: Keys, admin_key: str | None, clock: Clock) -> None:
        """Raises `Misconfigured` for an admin key of fewer than 32 characters."""
        if admin_key is not None and len(admin_key) < SHORTEST_ADMIN_KEY:
            raise Misconfigured(
                [f"CONTACTFOLD_ADMIN_KEY: use {SHORTEST_ADMIN_KEY} characters or more, or leave it out"]
            )
        self._directory = directory
        self._clock = clock
        self._admin: dict[bytes, tuple[bytes, Grant]] = {}
        if admin_key is not None:
            digest = digest_key(admin_key)
            self._admin[digest] = (digest, Grant("admin", frozenset(SCOPES)))
        self._by_digest: dict[bytes, tuple[bytes, Grant]] | None = None
        self._made = False
        self._loaded_at = 0
        self._tried_at = 0
        self._look: asyncio.Task[None] | None = None
        self._away = False

    async def authorize(self, scope: Scope, *, need: Sequence[str] = (INGEST,)) -> Grant:
        """What the request of this ASGI scope may do, if that is one of the scopes in `need`.

        Raises `Problem`: 401 without a key or with a wrong one, 403 for a key without the scope and for what the
        loopback rule refuses, 503 while keys have never been loaded.
        """
        secrets = find_secrets(scope)
        await self._refresh()
        grant = self._find(secrets)
        if grant is None:
            if self._by_digest is None:
                raise Problem(
                    503,
                    "directory_unavailable",
                    "API keys cannot be checked while the directory is away; try again in a moment.",
                    headers={"Retry-After": "1"},
                )
            if self._made or self._admin:
                raise _refuse(bool(secrets))
            refuse_strangers(scope)
            return OPEN
        if grant.scopes.isdisjoint(need):
            raise Problem(
                403,
                "scope_missing",
                f"This API key has the scopes {_words(grant.scopes)}; this door needs {' or '.join(need)}.",
            )
        return grant

    async def is_open(self) -> bool:
        """Whether there is no key at all, so that doors answer on loopback alone. Raises `Unavailable`."""
        return not self._admin and not await self._directory.keys()

    def _find(self, secrets: Sequence[bytes]) -> Grant | None:
        for secret in secrets:
            digest = digest_key(secret)
            found = self._admin.get(digest) or (self._by_digest or {}).get(digest)
            if found is not None and hmac.compare_digest(found[0], digest):
                return found[1]
        return None

    async def _refresh(self) -> None:
        """Look for changed keys where the last look is old, and wait for it only where that is needed."""
        now = self._clock()
        age = now - self._loaded_at if self._by_digest is not None else _STALE
        if 0 <= age < _FRESH:
            return
        look = self._look
        if look is None:
            if self._away and 0 <= now - self._tried_at < _FRESH:
                return
            self._tried_at = now
            look = self._look = asyncio.create_task(self._load())
            look.add_done_callback(self._looked)
        if self._by_digest is not None and (self._away or 0 <= age < _STALE):
            return
        await asyncio.wait({look}, timeout=_PATIENCE)
        self._away = self._away or not look.done()

    def _looked(self, _: "asyncio.Task[None]") -> None:
        self._look = None

    async def _load(self) -> None:
        begun = self._clock()
        try:
            keys = await self._directory.keys()
        except Exception as error:  # noqa: BLE001 - whatever is wrong there, the keys at hand go on working
            if not self._away:
                reason = error.why if isinstance(error, Unavailable) else type(error).__name__
                _log.warning("keys_not_loaded", reason=reason)
            self._away = True
            return
        self._by_digest = {
            key.digest: (key.digest, Grant(key.id, key.scopes, key.source)) for key in keys if key.revoked_at is None
        }
        self._made = bool(keys)
        self._loaded_at = begun
        self._away = False


def requires(ring: KeyRing, *need: str) -> Callable[[Request], Awaitable[Grant]]:
    """A FastAPI dependency: the request's grant, where it has one of these scopes."""

    async def grant(request: Request) -> Grant:
        return await ring.authorize(request.scope, need=need)

    return grant


def find_secrets(scope: Scope) -> list[bytes]:
    """Every secret a request presents: Bearer, `X-API-Key`, `X-API-Token`, or Basic's user name and password."""
    found: list[bytes] = []
    for name, value in scope["headers"]:
        if name in {b"x-api-key", b"x-api-token"}:
            found.append(value.strip())
        elif name == b"authorization":
            scheme, _, rest = value.strip().partition(b" ")
            if scheme.lower() == b"bearer":
                found.append(rest.strip())
            elif scheme.lower() == b"basic":
                found.extend(_read_basic(rest.strip()))
    return [secret for secret in found if secret][:_MOST_CANDIDATES]


def _read_basic(encoded: bytes) -> list[bytes]:
    try:
        user, _, password = b64decode(encoded, validate=True).partition(b":")
    except ValueError:
        return []
    return [user, password]


def _refuse(presented: bool) -> Problem:
    """One sentence for every wrong key: nobody learns whether it was revoked or never existed."""
    if presented:
        detail = "This API key is not known here, or was revoked; ask whoever runs this server for one."
    else:
        detail = "This door needs an API key, sent as `Authorization: Bearer KEY` or `X-API-Key: KEY`."
    return Problem(
        401,
        "wrong_key" if presented else "key_missing",
        detail,
        headers={"WWW-Authenticate": 'Bearer realm="contactfold"'},
    )


def _words(scopes: frozenset[str]) -> str:
    return ", ".join(sorted(scopes)) or "(none)"


__all__ = ["ADMIN", "INGEST", "OPEN", "PII", "READ", "SCOPES", "Grant", "KeyRing", "is_loopback_address", "requires"]
