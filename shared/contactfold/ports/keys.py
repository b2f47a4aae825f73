"""Who may use a door: API keys and the tokens given out for them, as a directory keeps them (the port `Keys`).

Neither a key nor a token can be told from what is kept of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

MOST_REMOVED = 100
"""Expired tokens that go with each one that is added: more than one, so that the pile shrinks."""


@dataclass(slots=True)
class ApiKey:
    """An API key as it is stored: `digest` is the SHA-256 of the key, which is shown once and never kept.

    `requests_per_minute` is None where the configuration decides, and 0 for no limit at all.
    """

    id: str
    digest: bytes
    scopes: frozenset[str]
    name: str
    created_at: int
    source: str | None = None
    revoked_at: int | None = None
    requests_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token as it is stored: `digest` is made of the token and its key's digest (`contactfold.web.tokens`)."""

    digest: bytes
    key_id: str
    scopes: frozenset[str]
    expires_at: int


class Keys(Protocol):
    """The keys and tokens of a directory."""

    async def keys(self) -> list[ApiKey]:
        """Every API key, revoked ones too, oldest first."""
        ...

    async def add_key(self, key: ApiKey) -> None:
        """Keep a key. Durable when it returns. Raises `RetryOnFreshState` where another has its id."""
        ...

    async def revoke_key(self, key_id: str, at: int) -> bool:
        """Mark a key revoked; False where there is none of that id."""
        ...

    async def tokens(self, digests: Sequence[bytes]) -> list[AccessToken]:
        """Those of these tokens that are kept, in no order; expired ones may be among them."""
        ...

    async def add_token(self, token: AccessToken, *, now: int) -> None:
        """Keep a token: when it returns, whoever asks for it finds it, in any process.

        Up to `MOST_REMOVED` of the tokens that have expired by `now` are removed with it.
        """
        ...
