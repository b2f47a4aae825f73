"""Imports in MongoDB."""

from collections.abc import Sequence

from pymongo.errors import DuplicateKeyError

from contactfold.adapters.import_documents import read_import, write_import
from contactfold.adapters.mongo_connecting import translated
from contactfold.adapters.mongo_reading import MongoReading
from contactfold.domain.errors import RetryOnFreshState
from contactfold.ports import Import


class MongoImports(MongoReading):
    """The part of a directory that keeps imports."""

    async def keep_import(self, one: Import) -> None:
        """See `Imports.keep_import`."""
        document = write_import(one)
        with translated():
            imports = self._writable["imports"]
            if one.version:
                replaced = await imports.replace_one({"_id": one.id, "version": one.version}, document)
                is_kept = replaced.matched_count == 1
            else:
                try:
                    await imports.insert_one(document)
                except DuplicateKeyError:
                    is_kept = False
                else:
                    is_kept = True
        if not is_kept:
            raise RetryOnFreshState(f"Another writer has changed the import {one.id} since it was loaded.")
        one.version += 1

    async def imports(self, ids: Sequence[str]) -> list[Import]:
        """See `Imports.imports`."""
        return list(map(read_import, await self._find("imports", {"_id": {"$in": list(ids)}})))

    async def list_imports(self, *, before: str | None, limit: int) -> list[Import]:
        """See `Imports.list_imports`."""
        if limit < 1:
            return []  # MongoDB takes 0 for no limit at all
        where = {} if before is None else {"_id": {"$lt": before}}
        return list(map(read_import, await self._find("imports", where, sort=[("_id", -1)], limit=limit)))

    async def running_imports(self) -> list[Import]:
        """See `Imports.running_imports`."""
        return list(map(read_import, await self._find("imports", {"running": True}, sort=[("_id", 1)])))
