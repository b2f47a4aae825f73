"""Who may use a door, and how often: API keys with scopes, and the loopback rule while there is no key (CONTRACT 4).

Keys live in the directory as SHA-256 digests. A `KeyRing` keeps them in memory and loads them again at most
once a second, so a key made or revoked takes effect within two seconds, and a directory that is
away does not close a door: the ring goes on with the keys it has. Digests are compared in constant time,
and an empty secret is no key at all. A wrong key costs a digest and never a question to the directory.

A key that is bound to a source has no scope `admin`, whatever it was made with: directives rule over what every
source has said.

Whoever asks `authorize` is counted as well, so no door can forget a limit: by key, its tokens with it, and on open
doors by address.

Where no key was ever made (revoked ones count as made), a door answers without one, but only to requests that come
from this machine, to a `Host` that is this machine, and from no other web page: otherwise any page open in a
browser could use the door, directly or by pointing a name of its own at 127.0.0.1.
"""

import asyncio
import hmac
from base64 import b64decode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TypeAlias

import structlog
from fastapi import Request
from starlette.types import Scope

from contactfold.domain.errors import Misconfigured, Unavailable
from contactfold.ports import ApiKey, Clock, Keys
from contactfold.scopes import ADMIN, INGEST, PII, READ, SCOPES
from contactfold.web.loopback import is_loopback_address, refuse_strangers
from contactfold.web.problems import Problem
from contactfold.web.rates import Rates
from contactfold.web.tokens import Tokens, read_key_id

SHORTEST_ADMIN_KEY = 32

_FRESH = 1_000_000
"""Microseconds for which loaded keys are used without another look."""
_STALE = 1_800_000
"""Microseconds after which a request waits for the look, so that a revoked key is dead within two seconds."""
_RECENT = 100_000
"""Microseconds after which a token of a key that is not known here makes the ring look, and wait for it."""
_PATIENCE = 1.0
"""Seconds a request waits for the directory's keys at most."""
_MOST_CANDIDATES = 8
"""Secrets of one request that are looked at."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a request may do: its key's id (None through an open door), scopes, and the only source it may write.

    `requests_per_minute` is how often, 0 for no limit.
    """

    key_id: str | None
    scopes: frozenset[str]
    source: str | None = None
    requests_per_minute: int = 0


OPEN = Grant(None, frozenset(SCOPES))
"""What a door without keys grants."""

_ADMIN_ID = "admin"
"""The id of the key that the environment gives."""

_Entry: TypeAlias = tuple[bytes, Grant]
"""A key in force: its digest, and what it may do."""


def digest_key(secret: str | bytes) -> bytes:
    """The digest a key is stored under."""
    return sha256(secret.encode() if isinstance(secret, str) else secret).digest()


class KeyRing:
    """The API keys in force, as one process knows them."""

    def __init__(self, directory: Keys, admin_key: str | None, clock: Clock, requests_per_minute: int = 0) -> None:
        """`requests_per_minute` bounds every key that has no limit of its own, and every address at open doors.

        Raises `Misconfigured` for an admin key of fewer than 32 characters.
        """
        if admin_key is not None and len(admin_key) < SHORTEST_ADMIN_KEY:
            raise Misconfigured(
                [f"CONTACTFOLD_ADMIN_KEY: use {SHORTEST_ADMIN_KEY} characters or more, or leave it out"]
            )
        self._directory = directory
        self._clock = clock
        self._requests_per_minute = requests_per_minute
        self._rates = Rates(clock)
        self._tokens = Tokens(directory, clock)
        self._admin: dict[bytes, _Entry] = {}
        if admin_key is not None:
            digest = digest_key(admin_key)
            self._admin[digest] = (digest, Grant(_ADMIN_ID, frozenset(SCOPES), None, requests_per_minute))
        self._by_digest: dict[bytes, _Entry] | None = None
        self._by_id: dict[str, _Entry] = self._name_keys({})
        self._made = False
        self._loaded_at = 0
        self._tried_at = 0
        self._look: asyncio.Task[None] | None = None
        self._away = False

    async def authorize(self, scope: Scope, *, need: Sequence[str] = (INGEST,)) -> Grant:
        """What the request of this ASGI scope may do, if that is one of the scopes in `need`.

        Raises `Problem`: 401 without a key or token or with a wrong one, 403 for a key without the scope and for what
        the loopback rule refuses, 429 for one request too many, 503 while keys have never been loaded.
        """
        secrets = find_secrets(scope)
        if not self._is_fresh():
            await self._refresh()
        found = self._find(secrets)
        grant = found[1] if found else await self._find_by_token(secrets) if secrets else None
        if grant is None:
            if self._closed:
                raise _refuse(bool(secrets))
            refuse_strangers(scope)
            if self._requests_per_minute:
                self._rates.count(f"address {(scope.get('client') or ('',))[0]}", self._requests_per_minute)
            return OPEN
        if grant.requests_per_minute:
            self._rates.count(f"key {grant.key_id}", grant.requests_per_minute)
        if grant.scopes.isdisjoint(need):
            raise Problem(
                403,
                "scope_missing",
                f"This API key has the scopes {_words(grant.scopes)}; this door needs {' or '.join(need)}.",
            )
        return grant

    async def refuse_strangers(self, scope: Scope) -> None:
        """Raise `Problem` 403 for what the loopback rule refuses, while no key was made; for doors that need none."""
        await self._refresh()
        if not self._closed:
            refuse_strangers(scope)

    async def give_token(self, clients: Sequence[tuple[bytes, bytes]], wanted: frozenset[str] | None) -> str:
        """A new token for the key that one of these pairs names by its id and itself.

        It has the scopes that are `wanted`, or all of the key's. Raises `Problem`: 401 where no pair names a key in
        force, 403 for a scope that the key has not, 429 for one request too many, 503 where keys have never been
        loaded; and `Unavailable` where the token cannot be kept.
        """
        await self._refresh()
        found = next((one for id_, secret in clients if (one := self._find([secret])) and _is_named(one[1], id_)), None)
        if found is None:
            raise _refuse_client(bool(clients), closed=self._closed)
        digest, grant = found
        if grant.requests_per_minute:
            self._rates.count(f"key {grant.key_id}", grant.requests_per_minute)
        scopes = grant.scopes if wanted is None else wanted
        if not scopes <= grant.scopes:
            raise Problem(403, "scope_missing", f"This API key has the scopes {_words(grant.scopes)} and no other.")
        return await self._tokens.give(str(grant.key_id), digest, scopes)

    def count_signed(self, source: str) -> None:
        """Count a request that a source's signature let in instead of a key. Raises `Problem` 429."""
        if self._requests_per_minute:
            self._rates.count(f"source {source}", self._requests_per_minute)

    async def is_open(self) -> bool:
        """Whether there is no key at all, so that doors answer on loopback alone. Raises `Unavailable`."""
        return not self._admin and not await self._directory.keys()

    @property
    def _closed(self) -> bool:
        """Whether a key is needed. Raises `Problem` 503 where that is not known yet."""
        if self._by_digest is None:
            raise _away()
        return self._made or bool(self._admin)

    def _find(self, secrets: Sequence[bytes]) -> _Entry | None:
        for secret in secrets:
            digest = digest_key(secret)
            found = self._admin.get(digest) or (self._by_digest or {}).get(digest)
            if found is not None and hmac.compare_digest(found[0], digest):
                return found
        return None

    async def _find_by_token(self, secrets: Sequence[bytes]) -> Grant | None:
        for secret in secrets:
            key_id = read_key_id(secret)
            if key_id is None:
                continue
            if key_id not in self._by_id:
                # Another process may know a key already that this one will see with its next look.
                await self._refresh(_RECENT, _RECENT)
            found = self._by_id.get(key_id)
            if found is None:
                continue
            try:
                token = await self._tokens.find(secret, found[0])
            except Unavailable:
                raise _away() from None
            if token is not None:
                return replace(found[1], scopes=token.scopes & found[1].scopes)
        return None

    def _is_fresh(self) -> bool:
        """Whether keys were loaded a moment ago."""
        return self._by_digest is not None and 0 <= self._clock() - self._loaded_at < _FRESH

    async def _refresh(self, fresh: int = _FRESH, stale: int = _STALE) -> None:
        """Look for changed keys where the last look is old, and wait for it only where that is needed."""
        now = self._clock()
        age = now - self._loaded_at if self._by_digest is not None else stale
        if 0 <= age < fresh:
            return
        look = self._look
        if look is None:
            if self._away and 0 <= now - self._tried_at < _FRESH:
                return
            self._tried_at = now
            look = self._look = asyncio.create_task(self._load())
            look.add_done_callback(self._looked)
        if self._by_digest is not None and (self._away or 0 <= age < stale):
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
        self._by_digest = {key.digest: (key.digest, self._grant(key)) for key in keys if key.revoked_at is None}
        self._by_id = self._name_keys(self._by_digest)
        self._made = bool(keys)
        self._loaded_at = begun
        self._away = False

    def _grant(self, key: ApiKey) -> Grant:
        scopes = key.scopes if key.source is None else key.scopes - {ADMIN}
        often = self._requests_per_minute if key.requests_per_minute is None else key.requests_per_minute
        return Grant(key.id, scopes, key.source, often)

    def _name_keys(self, by_digest: dict[bytes, _Entry]) -> dict[str, _Entry]:
        """The keys by their ids; where somebody has named one as the admin key is named, it is the admin key."""
        return {str(entry[1].key_id): entry for entry in (*by_digest.values(), *self._admin.values())}


def requires(ring: KeyRing, *need: str) -> Callable[[Request], Awaitable[Grant]]:
    """A FastAPI dependency: the request's grant, where it has one of these scopes."""

    async def grant(request: Request) -> Grant:
        return await ring.authorize(request.scope, need=need)

    return grant


_SECRETS = frozenset({b"x-api-key", b"x-api-token", b"authorization"})
"""Headers that a request presents secrets in."""


def find_secrets(scope: Scope) -> list[bytes]:
    """Every secret a request presents: Bearer, `X-API-Key`, `X-API-Token`, or Basic's user name and password."""
    found: list[bytes] = []
    for name, value in scope["headers"]:
        if name not in _SECRETS:
            continue
        if name != b"authorization":
            found.append(value.strip())
        else:
            scheme, _, rest = value.strip().partition(b" ")
            if scheme.lower() == b"bearer":
                found.append(rest.strip())
            elif scheme.lower() == b"basic":
                found.extend(_read_basic(rest.strip()))
    return [secret for secret in found if secret][:_MOST_CANDIDATES] if found else found


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


def _refuse_client(presented: bool, *, closed: bool) -> Problem:
    """What the door for tokens says to whom it gives none."""
    if not closed:
        detail = (
            "No API key was ever made here, so the doors need no token from this machine; "
            "`contactfold keys create` makes a key, and whoever has it gets tokens."
        )
        return Problem(401, "key_missing", detail)
    if presented:
        return _refuse(presented)
    return Problem(401, "key_missing", "Send an API key's id as client_id and the key as client_secret.")


def _away() -> Problem:
    return Problem(
        503,
        "directory_unavailable",
        "API keys cannot be checked while the directory is away; try again in a moment.",
        headers={"Retry-After": "1"},
    )


def _is_named(grant: Grant, id_: bytes) -> bool:
    return hmac.compare_digest(str(grant.key_id).encode(), id_)


def _words(scopes: frozenset[str]) -> str:
    return ", ".join(sorted(scopes)) or "(none)"


__all__ = ["ADMIN", "INGEST", "OPEN", "PII", "READ", "SCOPES", "Grant", "KeyRing", "is_loopback_address", "requires"]
