"""Access tokens: what an API key is exchanged for at `POST /oauth2/token` (CONTRACT 5), and how one is known again.

A token is `cft_<id of its key>_<random>`. The directory keeps it under an HMAC of it, made with the digest of its key:
who reads the directory learns no token, and a token is dead with its key, also where only the key was changed and kept
its id (`admin`). It may do what its key may do now, narrowed to the scopes that it was asked for with.

Tokens are given out by one process and shown to another, so one that is not known here is looked for in the directory.
Made-up ones cannot make much work of that: without the id of a key in force nobody is asked at all, there is one
question at a time however many wait for it, and what was not found is not asked again for a while.
"""

import asyncio
import hmac
import re
import secrets
from itertools import islice
from typing import TypeVar

from contactfold.domain.errors import Unavailable
from contactfold.ports import AccessToken, Clock, Keys

LIFETIME = 3600
"""Seconds that a token is good for."""

_SHAPE = re.compile(rb"cft_([0-9A-Za-z._~-]{1,64})_[0-9a-f]{64}")
_PATIENCE = 1.0
"""Seconds a request waits for the directory's tokens at most."""
_MISSING = 10_000_000
"""Microseconds for which a token that is not there is not asked about again."""
_MOST_KNOWN = 10_000
"""Tokens that are remembered, and as many that are not there."""
_MOST_AT_ONCE = 1_000
"""Tokens that one question is about."""

Kept = TypeVar("Kept")


def read_key_id(secret: bytes) -> str | None:
    """The id of the key that a token says it is of; None for what is no token."""
    match = _SHAPE.fullmatch(secret)
    return match[1].decode() if match else None


def digest_token(secret: bytes, key_digest: bytes) -> bytes:
    """The digest a token is stored under."""
    return hmac.digest(key_digest, secret, "sha256")


class Tokens:
    """The tokens in force, as one process knows them."""

    def __init__(self, directory: Keys, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock
        self._known: dict[bytes, AccessToken] = {}
        self._missing: dict[bytes, int] = {}
        self._waited: dict[bytes, asyncio.Future[AccessToken | Unavailable | None]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def give(self, key_id: str, key_digest: bytes, scopes: frozenset[str]) -> str:
        """A new token of this key, which every process takes when this returns. Raises `Unavailable`."""
        text = f"cft_{key_id}_{secrets.token_hex(32)}"
        now = self._clock()
        digest = digest_token(text.encode(), key_digest)
        token = AccessToken(digest, key_id, scopes, now + LIFETIME * 1_000_000)
        await self._directory.add_token(token, now=now)
        _keep(self._known, digest, token)
        return text

    async def find(self, secret: bytes, key_digest: bytes) -> AccessToken | None:
        """The token that this is, of the key with this digest; None where it was never given out, or has expired.

        Raises `Unavailable` where that cannot be told.
        """
        digest = digest_token(secret, key_digest)
        token = self._known.get(digest) or await self._ask_about(digest)
        if token is None or not hmac.compare_digest(token.digest, digest):
            return None
        if token.expires_at <= self._clock():
            self._known.pop(digest, None)
            return None
        return token

    async def _ask_about(self, digest: bytes) -> AccessToken | None:
        until = self._missing.get(digest)
        if until is not None and self._clock() < until:
            return None
        answer = self._waited.get(digest)
        if answer is None:
            answer = self._waited[digest] = asyncio.get_running_loop().create_future()
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        await asyncio.wait({answer}, timeout=_PATIENCE)
        found = answer.result() if answer.done() else Unavailable("directory", "it does not answer about a token.")
        if isinstance(found, Unavailable):
            raise found
        return found

    async def _ask(self) -> None:
        """Ask the directory about all that is waited for, until nothing is."""
        try:
            while self._waited:
                batch = list(islice(self._waited, _MOST_AT_ONCE))
                answers = await self._look(batch)
                for digest in batch:
                    self._waited.pop(digest).set_result(answers.get(digest))
        finally:
            self._asking = None

    async def _look(self, digests: list[bytes]) -> dict[bytes, AccessToken | Unavailable]:
        """Those of these tokens that exist; for each of them why it cannot be told, where it cannot."""
        try:
            found = {token.digest: token for token in await self._directory.tokens(digests)}
        except Exception as error:  # noqa: BLE001 - whatever is wrong there, those who wait must hear of it
            away = error if isinstance(error, Unavailable) else Unavailable("directory", type(error).__name__)
            return dict.fromkeys(digests, away)
        until = self._clock() + _MISSING
        for digest in digests:
            if digest in found:
                _keep(self._known, digest, found[digest])
            else:
                _keep(self._missing, digest, until)
        return dict(found)


def _keep(kept: dict[bytes, Kept], digest: bytes, one: Kept) -> None:
    """Remember one, and forget the one remembered first where that is too many."""
    kept.pop(digest, None)
    kept[digest] = one
    if len(kept) > _MOST_KNOWN:
        del kept[next(iter(kept))]
