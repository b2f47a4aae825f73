"""API keys and tokens in the embedded directory."""

from collections.abc import Sequence

import apsw
from msgspec import msgpack

from contactfold.adapters.key_documents import read_key, read_token, write_key, write_token
from contactfold.adapters.sqlite_rows import pack
from contactfold.adapters.sqlite_threads import SqliteThread
from contactfold.adapters.sqlite_transactions import writing
from contactfold.domain.errors import RetryOnFreshState
from contactfold.ports import AccessToken, ApiKey
from contactfold.ports.keys import MOST_REMOVED

_unpack = msgpack.Decoder().decode


class SqliteKeys:
    """The part of the embedded directory that keeps keys and tokens."""

    _reader: SqliteThread
    _writer: SqliteThread

    async def keys(self) -> list[ApiKey]:
        """See `Keys.keys`."""
        return await self._reader.run(_list_keys)

    async def add_key(self, key: ApiKey) -> None:
        """See `Keys.add_key`."""
        await self._writer.run(_add_key, key)

    async def revoke_key(self, key_id: str, at: int) -> bool:
        """See `Keys.revoke_key`."""
        return await self._writer.run(_revoke_key, key_id, at)

    async def tokens(self, digests: Sequence[bytes]) -> list[AccessToken]:
        """See `Keys.tokens`."""
        return await self._reader.run(_find_tokens, digests)

    async def add_token(self, token: AccessToken, *, now: int) -> None:
        """See `Keys.add_token`."""
        await self._writer.run(_add_token, token, now)


def _list_keys(connection: apsw.Connection) -> list[ApiKey]:
    found = [read_key(_unpack(packed)) for (packed,) in connection.execute("SELECT document FROM keys")]
    return sorted(found, key=lambda key: (key.created_at, key.id))


def _add_key(connection: apsw.Connection, key: ApiKey) -> None:
    with writing(connection):
        row = connection.execute("SELECT document FROM keys WHERE id = ?", (key.id,)).fetchone()
        if row is None:
            connection.execute("INSERT INTO keys (id, document) VALUES (?, ?)", (key.id, pack(write_key(key))))
        elif _unpack(row[0])["digest"] != key.digest:
            raise RetryOnFreshState(f"There is another key with the id {key.id}.")


def _revoke_key(connection: apsw.Connection, key_id: str, at: int) -> bool:
    """A key revoked twice stays revoked since the first time."""
    with writing(connection):
        row = connection.execute("SELECT document FROM keys WHERE id = ?", (key_id,)).fetchone()
        if row is None:
            return False
        key = read_key(_unpack(row[0]))
        if key.revoked_at is None:
            key.revoked_at = at
            connection.execute("UPDATE keys SET document = ? WHERE id = ?", (pack(write_key(key)), key_id))
        return True


def _find_tokens(connection: apsw.Connection, digests: Sequence[bytes]) -> list[AccessToken]:
    rows = connection.executemany("SELECT document FROM tokens WHERE digest = ?", ((digest,) for digest in digests))
    return [read_token(_unpack(packed)) for (packed,) in rows]


def _add_token(connection: apsw.Connection, token: AccessToken, now: int) -> None:
    expired = "SELECT digest FROM tokens WHERE expires_at <= ? ORDER BY expires_at LIMIT ?"
    with writing(connection):
        connection.execute(f"DELETE FROM tokens WHERE digest IN ({expired})", (now, MOST_REMOVED))
        row = token.digest, token.expires_at, pack(write_token(token))
        connection.execute("INSERT OR REPLACE INTO tokens (digest, expires_at, document) VALUES (?, ?, ?)", row)
