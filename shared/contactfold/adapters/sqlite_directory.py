"""The embedded directory: one SQLite file, durable at every commit, no server.

One thread writes; two read, one for batches and one for people, so that a long list never stalls a
batch. An event loop that is alone with its batches reads for itself. Other processes on the same file (the command
line beside a running server) read and write at the same time. An export reads on a connection of its own, inside one
read transaction.
"""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

import apsw

from contactfold.adapters import sqlite_reading as reading
from contactfold.adapters import sqlite_writing as writing
from contactfold.adapters.sqlite_directives import SqliteDirectives
from contactfold.adapters.sqlite_import_rows import SqliteImportRows
from contactfold.adapters.sqlite_imports import SqliteImports
from contactfold.adapters.sqlite_keys import SqliteKeys
from contactfold.adapters.sqlite_schedules import SqliteSchedules
from contactfold.adapters.sqlite_schema import make_tables
from contactfold.adapters.sqlite_threads import NoWriter, SqliteHere, SqliteThread
from contactfold.adapters.sqlite_verifying import SqliteVerifying
from contactfold.domain.directory import Claim, Component, Contact, Fragment, Handle
from contactfold.domain.errors import Unavailable
from contactfold.domain.stamp import EventId, Stamp
from contactfold.ports import Changes, DeadLetter, Directory, Evidence, Partition, Window

Given = ParamSpec("Given")
Result = TypeVar("Result")


class SqliteDirectory(SqliteDirectives, SqliteKeys, SqliteImports, SqliteImportRows, SqliteSchedules, SqliteVerifying):
    """A `Directory` in one SQLite file, which is made where it is missing.

    Where the event loop is `alone`, with nothing to do but what it asks of the directory, it reads in its own thread.
    """

    def __init__(self, path: Path, *, alone: bool = False) -> None:
        self._path = path
        self._writer = SqliteThread(path, writes=True)
        self._loader = SqliteHere(path) if alone else SqliteThread(path)
        self._reader = self._loader if alone else SqliteThread(path)

    async def open(self) -> None:
        """See `Directory.open`. The file and its companions can be read by their owner alone."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise Unavailable("directory", f"{self._path} cannot be written ({error.strerror}).") from error
        await self._writer.run(make_tables)

    async def close(self) -> None:
        """See `Directory.close`."""
        for thread in (self._loader, self._reader, self._writer):
            await thread.close()

    async def probe(self) -> None:
        """See `Directory.probe`."""
        if not self._path.exists():
            raise Unavailable("directory", f"{self._path} is gone.")
        await self._writer.run(writing.try_writing)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Directory]:
        """See `Directory.snapshot`."""
        view = SqliteSnapshot(self._path)
        try:
            await view.open()
            yield view
        finally:
            await view.close()

    # ---- what a batch loads

    async def positions(self, partitions: Sequence[Partition]) -> dict[Partition, Window]:
        """See `Directory.positions`."""
        return await self._loader.run(reading.find_positions, partitions)

    async def known(self, event_ids: Sequence[EventId]) -> set[EventId]:
        """See `Directory.known`."""
        return await self._loader.run(reading.find_known, event_ids)

    async def claims(self, identifiers: Sequence[str]) -> dict[str, Claim]:
        """See `Directory.claims`."""
        return await self._loader.run(reading.find_claims, identifiers)

    async def contacts(self, handles: Sequence[Handle]) -> dict[Handle, Contact]:
        """See `Directory.contacts`."""
        return await self._loader.run(reading.find_contacts, handles)

    async def components(self, ids: Sequence[EventId]) -> dict[EventId, Component]:
        """See `Directory.components`."""
        return await self._loader.run(reading.find_components, ids)

    async def members(self, components: Sequence[EventId]) -> list[Contact]:
        """See `Directory.members`."""
        return await self._loader.run(reading.find_members, components)

    async def evidence_of(self, contacts: Sequence[Contact]) -> list[Evidence]:
        """See `Directory.evidence_of`."""
        return await self._loader.run(reading.find_evidence_of, contacts)

    async def evidence_page(self, contact: Contact, *, after: Stamp | None, limit: int) -> list[Evidence]:
        """See `Directory.evidence_page`."""
        return await self._reader.run(reading.find_evidence_page, contact, after, limit)

    async def fragments(self, keys: Sequence[tuple[str, Partition]]) -> dict[tuple[str, Partition], Fragment]:
        """See `Directory.fragments`."""
        return await self._loader.run(reading.find_fragments, keys)

    # ---- what a batch writes

    async def prepare(self, changes: Changes) -> None:
        """See `Directory.prepare`. Making rows and writing them take turns in one process: it would save nothing."""

    async def commit(self, changes: Changes) -> None:
        """See `Directory.commit`."""
        await self._writer.run(writing.commit, changes)

    # ---- what people read

    async def evidence(self, event_id: EventId) -> Evidence | None:
        """See `Directory.evidence`."""
        return await self._reader.run(reading.find_evidence, event_id)

    async def contact_of(self, event_id: EventId) -> Contact | None:
        """See `Directory.contact_of`."""
        return await self._reader.run(reading.find_contact_of, event_id)

    async def contact_by_handle(self, handle: Handle) -> Contact | None:
        """See `Directory.contact_by_handle`."""
        return await self._reader.run(reading.find_contact, handle)

    async def list_contacts(self, *, after: Handle | None, limit: int, nobodies: bool = False) -> list[Contact]:
        """See `Directory.list_contacts`."""
        return await self._reader.run(reading.list_contacts, after, limit, nobodies)

    async def export_contacts(self) -> AsyncIterator[Contact]:
        """See `Directory.export_contacts`."""
        async with self.snapshot() as view:
            async for contact in view.export_contacts():
                yield contact

    async def organization(self, account_id: str) -> list[Fragment]:
        """See `Directory.organization`."""
        return await self._reader.run(reading.find_organization, account_id)

    async def members_of(self, account_id: str, *, after: Handle | None = None, limit: int) -> list[Contact]:
        """See `Directory.members_of`."""
        return await self._reader.run(reading.find_members_of, account_id, after, limit)

    async def latest_of_account(
        self, account_id: str, partition: Partition, *, before: Stamp | None, limit: int
    ) -> list[Evidence]:
        """See `Directory.latest_of_account`."""
        return await self._reader.run(reading.find_latest_of_account, account_id, partition, before, limit)

    async def export_fragments(self) -> AsyncIterator[Fragment]:
        """See `Directory.export_fragments`."""
        async with self.snapshot() as view:
            async for fragment in view.export_fragments():
                yield fragment

    async def dead_letters(self, *, after: str | None, limit: int) -> list[DeadLetter]:
        """See `Directory.dead_letters`."""
        return await self._reader.run(reading.list_dead_letters, after, limit)

    async def dead_letter(self, letter_id: str) -> DeadLetter | None:
        """See `Directory.dead_letter`."""
        return await self._reader.run(reading.find_dead_letter, letter_id)

    async def counts(self) -> Mapping[str, int]:
        """See `Directory.counts`."""
        return await self._reader.run(reading.count)

    # ---- settings

    async def setting(self, name: str) -> bytes | None:
        """See `Directory.setting`."""
        return await self._reader.run(reading.find_setting, name)

    async def set_setting(self, name: str, value: bytes | None) -> None:
        """See `Directory.set_setting`."""
        await self._writer.run(writing.keep_setting, name, value)


class SqliteSnapshot(SqliteDirectory):
    """The directory as of the moment `open` returned, in one read transaction. Nothing can be written."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._writer = NoWriter(path)
        self._loader = self._reader = SqliteThread(path)

    async def open(self) -> None:
        """Fix the moment."""

        def begin(connection: apsw.Connection) -> None:
            connection.execute("BEGIN")
            # SQLite takes the snapshot at the first read.
            connection.execute("SELECT count(*) FROM positions").fetchall()

        await self._reader.run(begin)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Directory]:
        """This moment."""
        yield self

    async def export_contacts(self) -> AsyncIterator[Contact]:
        """See `Directory.export_contacts`."""
        handles = await self._reader.run(reading.start_contacts)
        while page := await self._reader.run(reading.next_contacts, handles):
            for contact in page:
                yield contact

    async def export_fragments(self) -> AsyncIterator[Fragment]:
        """See `Directory.export_fragments`."""
        fragments = await self._reader.run(reading.start_fragments)
        while page := await self._reader.run(reading.next_fragments, fragments):
            for fragment in page:
                yield fragment
