"""The directory in MongoDB: a replica set, one transaction a batch, read by anybody with a shell.

Reads see what a majority holds, so nothing that was read is ever rolled back. A snapshot is a session
that reads every collection as of one moment.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pymongo.asynchronous.client_session import AsyncClientSession

from contactfold.adapters import mongo_writing as writing
from contactfold.adapters.documents import read_fragment, readable
from contactfold.adapters.mongo_abandoned import AbandonedTransactions
from contactfold.adapters.mongo_connecting import (
    DEFAULT_DATABASE,
    DURABLE,
    SETTLED,
    Client,
    Database,
    connect,
    require_transactions,
    translated,
)
from contactfold.adapters.mongo_contacts import read_contact
from contactfold.adapters.mongo_directives import MongoDirectives
from contactfold.adapters.mongo_import_rows import MongoImportRows
from contactfold.adapters.mongo_imports import MongoImports
from contactfold.adapters.mongo_keys import MongoKeys
from contactfold.adapters.mongo_reading import SOMEBODY
from contactfold.adapters.mongo_schedules import MongoSchedules
from contactfold.adapters.mongo_schema import make_collections
from contactfold.adapters.mongo_verifying import MongoVerifying
from contactfold.domain.directory import Contact, Fragment
from contactfold.domain.errors import Collided
from contactfold.ports import Changes, Directory

EXPORT_PAGE = 1_000
"""Documents an export asks for at a time."""

CLOSE_WITHIN = 5.0
"""Seconds that the driver has to let go of its connections; what is left of them ends with the process."""


class MongoDirectory(MongoDirectives, MongoKeys, MongoImports, MongoImportRows, MongoSchedules, MongoVerifying):
    """A `Directory` in the MongoDB database that `url` names (`contactfold` where it names none).

    `selection_timeout` is how many seconds a call waits for a primary before it raises `Unavailable`.
    """

    def __init__(self, url: str, *, selection_timeout: float = 3.0) -> None:
        self._url, self._selection_timeout = url, selection_timeout
        self._client: Client | None = None
        self._abandoned = AbandonedTransactions()

    async def open(self) -> None:
        """See `Directory.open`. Raises `Misconfigured` where the address or its password is wrong."""
        await self.close()
        self._client = client = connect(self._url, self._selection_timeout)
        try:
            await require_transactions(client, self._url)
            name = client.get_default_database(DEFAULT_DATABASE).name
            database = client.get_database(name, read_concern=SETTLED, write_concern=DURABLE)
            with translated():
                await make_collections(database)
        except BaseException:
            await self.close()
            raise
        self._database = database

    async def close(self) -> None:
        """See `Directory.close`."""
        client, self._client, self._database = self._client, None, None
        if client is not None:
            # A driver whose monitors met a server that went may wait for a lock of its own, without end.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_WITHIN):
                    await client.close()

    async def probe(self) -> None:
        """See `Directory.probe`. A write that changes nothing still needs a primary that takes writes."""
        with translated():
            await self._writable["settings"].update_one({"_id": "probe"}, {"$set": {"value": ""}}, upsert=True)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Directory]:
        """See `Directory.snapshot`."""
        home = self._home
        async with home.client.start_session(snapshot=True) as session:
            view = MongoSnapshot(self._url, home, session)
            # The session's moment is that of its first read.
            await view.positions([""])
            yield view

    async def prepare(self, changes: Changes) -> None:
        """See `Directory.prepare`."""
        await writing.prepare(changes)

    async def commit(self, changes: Changes) -> None:
        """See `Directory.commit`."""
        try:
            await writing.commit(self._writable, changes)
        except Collided:
            await self._abandoned.look(self._writable.client)
            raise

    async def export_contacts(self) -> AsyncIterator[Contact]:
        """See `Directory.export_contacts`."""
        async with self.snapshot() as view:
            async for contact in view.export_contacts():
                yield contact

    async def export_fragments(self) -> AsyncIterator[Fragment]:
        """See `Directory.export_fragments`."""
        async with self.snapshot() as view:
            async for fragment in view.export_fragments():
                yield fragment

    async def set_setting(self, name: str, value: bytes | None) -> None:
        """See `Directory.set_setting`."""
        with translated():
            settings = self._writable["settings"]
            if value is None:
                await settings.delete_one({"_id": name})
            else:
                await settings.replace_one({"_id": name}, {"value": readable(value)}, upsert=True)


class MongoSnapshot(MongoDirectory):
    """The directory as of one moment. Nothing can be written.

    MongoDB keeps the past for `minSnapshotHistoryWindowInSeconds` (5 minutes unless set). An export of contacts
    sorts them first, so it needs the past only until the sort is done.
    """

    def __init__(self, url: str, database: Database, session: AsyncClientSession) -> None:
        super().__init__(url)
        self._database, self._session = database, session

    async def open(self) -> None:
        """It is open."""

    async def close(self) -> None:
        """It ends with its context."""

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Directory]:
        """This moment."""
        yield self

    async def export_contacts(self) -> AsyncIterator[Contact]:
        """See `Directory.export_contacts`."""
        with translated():
            contacts = self._home["contacts"].find(
                SOMEBODY, sort=[("id", 1)], batch_size=EXPORT_PAGE, allow_disk_use=True, session=self._session
            )
            async for document in contacts:
                yield read_contact(document)

    async def export_fragments(self) -> AsyncIterator[Fragment]:
        """See `Directory.export_fragments`."""
        with translated():
            fragments = self._home["fragments"].find(
                {}, sort=[("_id", 1)], batch_size=EXPORT_PAGE, session=self._session
            )
            async for document in fragments:
                yield read_fragment(document)

    @property
    def _writable(self) -> Database:
        raise TypeError("A snapshot of the directory is for reading only.")
