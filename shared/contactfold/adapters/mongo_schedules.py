"""Schedules in MongoDB."""

from collections.abc import Sequence

from pymongo.errors import DuplicateKeyError

from contactfold.adapters.documents import Document
from contactfold.adapters.mongo_connecting import translated
from contactfold.adapters.mongo_reading import MongoReading
from contactfold.adapters.schedule_documents import (
    end_of_files,
    file_id,
    read_schedule,
    read_scheduled_file,
    write_schedule,
    write_scheduled_file,
)
from contactfold.domain.errors import RetryOnFreshState
from contactfold.ports.schedules import ScheduledFile, ScheduleState


class MongoSchedules(MongoReading):
    """The part of a directory that keeps schedules."""

    async def keep_schedule(self, state: ScheduleState) -> None:
        """See `Schedules.keep_schedule`."""
        await self._replace_version("schedules", write_schedule(state), state.version)
        state.version += 1

    async def schedules(self, names: Sequence[str]) -> list[ScheduleState]:
        """See `Schedules.schedules`."""
        return list(map(read_schedule, await self._find("schedules", {"_id": {"$in": list(names)}})))

    async def keep_scheduled_file(self, file: ScheduledFile) -> None:
        """See `Schedules.keep_scheduled_file`."""
        await self._replace_version("scheduled_files", write_scheduled_file(file), file.version)
        file.version += 1

    async def scheduled_files(self, schedule: str, names: Sequence[str]) -> list[ScheduledFile]:
        """See `Schedules.scheduled_files`."""
        ids = [file_id(schedule, name) for name in names]
        return list(map(read_scheduled_file, await self._find("scheduled_files", {"_id": {"$in": ids}})))

    async def list_scheduled_files(self, schedule: str, *, after: str | None, limit: int) -> list[ScheduledFile]:
        """See `Schedules.list_scheduled_files`."""
        if limit < 1:
            return []  # MongoDB takes 0 for no limit at all
        where = {"_id": {"$gt": file_id(schedule, after or ""), "$lt": end_of_files(schedule)}}
        found = await self._find("scheduled_files", where, sort=[("_id", 1)], limit=limit)
        return list(map(read_scheduled_file, found))

    async def forget_scheduled_files(self, schedule: str, names: Sequence[str]) -> None:
        """See `Schedules.forget_scheduled_files`."""
        ids = [file_id(schedule, name) for name in names]
        with translated():
            await self._writable["scheduled_files"].delete_many({"_id": {"$in": ids}})

    async def _replace_version(self, collection: str, document: Document, version: int) -> None:
        with translated():
            documents = self._writable[collection]
            if version:
                replaced = await documents.replace_one({"_id": document["_id"], "version": version}, document)
                is_kept = replaced.matched_count == 1
            else:
                try:
                    await documents.insert_one(document)
                except DuplicateKeyError:
                    is_kept = False
                else:
                    is_kept = True
        if not is_kept:
            raise RetryOnFreshState("Another writer has changed this schedule since it was loaded.")
