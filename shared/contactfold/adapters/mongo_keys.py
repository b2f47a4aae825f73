"""API keys and tokens in MongoDB."""

from collections.abc import Sequence

from contactfold.adapters.documents import Document
from contactfold.adapters.key_documents import read_key, read_token, write_key, write_token
from contactfold.adapters.mongo_connecting import translated
from contactfold.adapters.mongo_reading import MongoReading
from contactfold.domain.errors import RetryOnFreshState
from contactfold.ports import AccessToken, ApiKey
from contactfold.ports.keys import MOST_REMOVED


class MongoKeys(MongoReading):
    """The part of a directory that keeps keys and tokens."""

    async def keys(self) -> list[ApiKey]:
        """See `Keys.keys`."""
        return sorted(map(read_key, await self._find("keys", {})), key=lambda key: (key.created_at, key.id))

    async def add_key(self, key: ApiKey) -> None:
        """See `Keys.add_key`."""
        with translated():
            await self._keep("keys", write_key(key))
            stored = await self._writable["keys"].find_one({"_id": key.id})
        if stored is not None and stored["digest"] != key.digest:
            raise RetryOnFreshState(f"There is another key with the id {key.id}.")

    async def revoke_key(self, key_id: str, at: int) -> bool:
        """See `Keys.revoke_key`. A key revoked twice stays revoked since the first time."""
        with translated():
            keys = self._writable["keys"]
            await keys.update_one({"_id": key_id, "revoked_at": {"$exists": False}}, {"$set": {"revoked_at": at}})
            return await keys.find_one({"_id": key_id}) is not None

    async def tokens(self, digests: Sequence[bytes]) -> list[AccessToken]:
        """See `Keys.tokens`."""
        return list(map(read_token, await self._find("tokens", {"_id": {"$in": list(digests)}})))

    async def add_token(self, token: AccessToken, *, now: int) -> None:
        """See `Keys.add_token`."""
        expired = await self._find(
            "tokens", {"expires_at": {"$lte": now}}, sort=[("expires_at", 1)], limit=MOST_REMOVED, projection=["_id"]
        )
        with translated():
            if expired:
                await self._writable["tokens"].delete_many({"_id": {"$in": [one["_id"] for one in expired]}})
            await self._keep("tokens", write_token(token))

    async def _keep(self, collection: str, document: Document) -> None:
        """Insert a document, if there is none of its id: a call that is repeated changes nothing."""
        change = {"$setOnInsert": {name: value for name, value in document.items() if name != "_id"}}
        await self._writable[collection].update_one({"_id": document["_id"]}, change, upsert=True)
