"""The overlay: a directory on top of another, which it reads and never writes.

What is written goes to a directory of its own (`own`, embedded and thrown away afterwards); what is read comes from
there first, and from the one below where its own has nothing of it. So batches are applied to it by the code that
applies them to the directory below, each on what the batches before it have left, and below nothing changes.

A document that is in `own` covers the one below, as does a name in `Gone`: what was removed here. Its own documents
count their versions anew; `overlay_changes` tells which is which when a batch is committed. One process alone works
on an overlay, one batch after the other.

It answers what whoever applies, settles or exports asks of a `Directory` (`as_directory`), and nothing else: it has
no keys, and nobody verifies it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar, cast

from contactfold.domain.changes import Changes, DeadLetter, Evidence, Partition, Window
from contactfold.domain.directives import Gate, Mark, Rule, Settling
from contactfold.domain.directory import Claim, Component, Contact, Fragment, Handle
from contactfold.domain.errors import Fenced, RetryOnFreshState
from contactfold.domain.stamp import EventId, Stamp
from contactfold.ports import Directory
from contactfold_processor.overlay_changes import Gone, over_the_one_below
from contactfold_processor.overlay_pages import merge_pages, merge_streams

K = TypeVar("K")
V = TypeVar("V")


class OverlayDirectory:
    """`below` with what was written here on top. `below` should be a snapshot; it may be put in another's place."""

    def __init__(self, below: Directory, own: Directory) -> None:
        """`own` is open and empty."""
        self.below, self.own = below, own
        self.gone = Gone()

    @property
    def as_directory(self) -> Directory:
        """The same, for whoever applies, settles or exports."""
        return cast(Directory, self)

    # ---- what a batch loads

    async def positions(self, partitions: Sequence[Partition]) -> dict[Partition, Window]:
        """See `Directory.positions`."""
        return await self._over(partitions, lambda directory: directory.positions)

    async def known(self, event_ids: Sequence[EventId]) -> set[EventId]:
        """See `Directory.known`."""
        found = await self.own.known(event_ids)
        rest = [event_id for event_id in event_ids if event_id not in found]
        return found | await self.below.known(rest) if rest else found

    async def marks(self, event_ids: Sequence[EventId]) -> dict[EventId, Mark]:
        """See `Directory.marks`."""
        return await self._over(event_ids, lambda directory: directory.marks)

    async def pieces(self, event_ids: Sequence[EventId]) -> list[Evidence]:
        """See `Directory.pieces`."""
        found = await self.own.pieces(event_ids)
        rest = set(event_ids) - {piece.event_id for piece in found}
        return found + await self.below.pieces(list(rest)) if rest else found

    async def claims(self, identifiers: Sequence[str]) -> dict[str, Claim]:
        """See `Directory.claims`."""
        return await self._over(identifiers, lambda directory: directory.claims, self.gone.claims)

    async def contacts(self, handles: Sequence[Handle]) -> dict[Handle, Contact]:
        """See `Directory.contacts`."""
        return await self._over(handles, lambda directory: directory.contacts, self.gone.contacts)

    async def components(self, ids: Sequence[EventId]) -> dict[EventId, Component]:
        """See `Directory.components`."""
        return await self._over(ids, lambda directory: directory.components, self.gone.components)

    async def members(self, components: Sequence[EventId]) -> list[Contact]:
        """See `Directory.members`."""
        found = await self.own.members(components)
        return found + await self.uncovered(await self.below.members(components))

    async def evidence_of(self, contacts: Sequence[Contact]) -> list[Evidence]:
        """See `Directory.evidence_of`."""
        found = await self.own.evidence_of(contacts)
        found += await self._uncovered_pieces(await self.below.evidence_of(contacts))
        return sorted(found, key=lambda piece: piece.stamp)

    async def evidence_page(self, contact: Contact, *, after: Stamp | None, limit: int) -> list[Evidence]:
        """See `Directory.evidence_page`."""
        return await merge_pages(
            lambda place: self.own.evidence_page(contact, after=place, limit=limit),
            lambda place: self.below.evidence_page(contact, after=place, limit=limit),
            self._uncovered_pieces,
            lambda piece: piece.stamp,
            after,
            limit,
            size_of,
        )

    async def fragments(self, keys: Sequence[tuple[str, Partition]]) -> dict[tuple[str, Partition], Fragment]:
        """See `Directory.fragments`."""
        return await self._over(keys, lambda directory: directory.fragments, self.gone.fragments)

    # ---- what directives load

    async def rules(self, *, after: int) -> list[Rule]:
        """See `Directory.rules`. Those that were changed here have the larger numbers."""
        own = await self.own.rules(after=0)
        changed = {rule.directive for rule in own}
        found = [rule for rule in await self.below.rules(after=after) if rule.directive not in changed]
        return found + [rule for rule in own if rule.number > after]

    async def gates(self, subjects: Sequence[str]) -> list[Gate]:
        """See `Directory.gates`."""
        found = {(gate.subject, gate.partition): gate for gate in await self.below.gates(subjects)}
        return list(
            (found | {(gate.subject, gate.partition): gate for gate in await self.own.gates(subjects)}).values()
        )

    async def settlings(self) -> list[Settling]:
        """See `Directory.settlings`."""
        found = {one.directive: one for one in await self.below.settlings() if one.directive not in self.gone.settlings}
        found |= {one.directive: one for one in await self.own.settlings()}
        return [found[directive] for directive in sorted(found)]

    async def sharers(self, identifier: str, *, after: Handle | None, limit: int) -> list[Contact]:
        """See `Directory.sharers`."""
        return await merge_pages(
            lambda place: self.own.sharers(identifier, after=place, limit=limit),
            lambda place: self.below.sharers(identifier, after=place, limit=limit),
            self.uncovered,
            lambda contact: contact.handle,
            after,
            limit,
        )

    async def evidence_of_import(self, import_id: str, *, after: int, limit: int) -> list[Evidence]:
        """See `Directory.evidence_of_import`."""
        return await merge_pages(
            lambda place: self.own.evidence_of_import(import_id, after=place, limit=limit),
            lambda place: self.below.evidence_of_import(import_id, after=place, limit=limit),
            self._uncovered_pieces,
            row_of,
            after,
            limit,
            size_of,
        )

    async def count_import(self, import_id: str) -> int:
        """See `Directory.count_import`."""
        count, after = await self.below.count_import(import_id), -1
        while page := await self.own.evidence_of_import(import_id, after=after, limit=1_000):
            copies = await self.below.known([piece.event_id for piece in page])
            count += len(page) - len(copies)
            after = row_of(page[-1])
        return count

    async def evidence_of_account(
        self, account_id: str, partition: Partition, *, after: Stamp | None, limit: int
    ) -> list[Evidence]:
        """See `Directory.evidence_of_account`."""
        return await merge_pages(
            lambda place: self.own.evidence_of_account(account_id, partition, after=place, limit=limit),
            lambda place: self.below.evidence_of_account(account_id, partition, after=place, limit=limit),
            self._uncovered_pieces,
            lambda piece: piece.stamp,
            after,
            limit,
            size_of,
        )

    async def loose_evidence(self, *, after: EventId | None, limit: int) -> list[Evidence]:
        """See `Directory.loose_evidence`."""
        return await merge_pages(
            lambda place: self.own.loose_evidence(after=place, limit=limit),
            lambda place: self.below.loose_evidence(after=place, limit=limit),
            self._uncovered_pieces,
            lambda piece: piece.event_id,
            after,
            limit,
            size_of,
        )

    # ---- what a batch writes

    async def prepare(self, changes: Changes) -> None:
        """See `Directory.prepare`. There is nothing to do ahead."""

    async def commit(self, changes: Changes) -> None:
        """See `Directory.commit`. Nothing of it reaches the directory below."""
        present = await self.positions([window.partition for window in changes.positions])
        for window in changes.positions:
            at = present[window.partition].next if window.partition in present else None
            if at != window.found:
                raise Fenced(window.partition, window.found, at)
        added = [piece.event_id for piece in changes.evidence if not piece.version]
        if added and await self.below.marks(added):
            raise RetryOnFreshState("Some of this evidence is in the directory below already.")
        await self.own.commit(await over_the_one_below(changes, self))
        self.gone.take(changes)

    # ---- what people read

    async def evidence(self, event_id: EventId) -> Evidence | None:
        """See `Directory.evidence`."""
        return next(iter(await self.pieces([event_id])), None)

    async def contact_of(self, event_id: EventId) -> Contact | None:
        """See `Directory.contact_of`."""
        piece = await self.evidence(event_id)
        contact = None if piece is None or piece.handle is None else await self.contact_by_handle(piece.handle)
        return None if contact is None or contact.nobody else contact

    async def contact_by_handle(self, handle: Handle) -> Contact | None:
        """See `Directory.contact_by_handle`."""
        if found := await self.own.contact_by_handle(handle):
            return found
        # One that is covered has let go of the handle since: else the contact that covers it would have it.
        below = await self.below.contact_by_handle(handle)
        return None if below is None else next(iter(await self.uncovered([below])), None)

    async def organization(self, account_id: str) -> list[Fragment]:
        """See `Directory.organization`."""
        below = await self.below.organization(account_id)
        found = {one.partition: one for one in below if (account_id, one.partition) not in self.gone.fragments}
        found |= {one.partition: one for one in await self.own.organization(account_id)}
        return [found[partition] for partition in sorted(found)]

    async def list_contacts(self, *, after: Handle | None, limit: int, nobodies: bool = False) -> list[Contact]:
        """See `Directory.list_contacts`."""
        return await merge_pages(
            lambda place: self.own.list_contacts(after=place, limit=limit, nobodies=nobodies),
            lambda place: self.below.list_contacts(after=place, limit=limit, nobodies=nobodies),
            self.uncovered,
            lambda contact: contact.handle,
            after,
            limit,
        )

    async def dead_letters(self, *, after: str | None, limit: int) -> list[DeadLetter]:
        """See `Directory.dead_letters`."""
        return await merge_pages(
            lambda place: self.own.dead_letters(after=place, limit=limit),
            lambda place: self.below.dead_letters(after=place, limit=limit),
            self._uncovered_letters,
            lambda letter: letter.id,
            after,
            limit,
            lambda letter: len(letter.value),
        )

    async def letters_of_import(self, import_id: str, *, after: tuple[int, str] | None, limit: int) -> list[DeadLetter]:
        """See `ImportRows.letters_of_import`."""
        return await merge_pages(
            lambda place: self.own.letters_of_import(import_id, after=place, limit=limit),
            lambda place: self.below.letters_of_import(import_id, after=place, limit=limit),
            self._uncovered_letters,
            lambda letter: ((letter.import_row or ("", 0))[1], letter.id),
            after,
            limit,
            lambda letter: len(letter.value),
        )

    async def letters(self, ids: Sequence[str]) -> list[DeadLetter]:
        """See `Directory.letters`."""
        return await self.own.letters(ids) + await self._uncovered_letters(await self.below.letters(ids))

    async def setting(self, name: str) -> bytes | None:
        """See `Directory.setting`. What a batch adds was not there, so what is below was not changed here."""
        found = await self.below.setting(name)
        return await self.own.setting(name) if found is None else found

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Directory]:
        """See `Directory.snapshot`: nobody else writes here, so it is this."""
        yield self.as_directory

    def export_contacts(self) -> AsyncIterator[Contact]:
        """See `Directory.export_contacts`."""
        below = self.below.export_contacts()
        return merge_streams(self.own.export_contacts(), below, self.uncovered, lambda contact: contact.id)

    def export_fragments(self) -> AsyncIterator[Fragment]:
        """See `Directory.export_fragments`."""

        async def uncovered(found: Sequence[Fragment]) -> list[Fragment]:
            keys = [(one.account_id, one.partition) for one in found]
            covered = (await self.own.fragments(keys)).keys() | self.gone.fragments
            return [one for one, key in zip(found, keys, strict=True) if key not in covered]

        below = self.below.export_fragments()
        return merge_streams(self.own.export_fragments(), below, uncovered, lambda one: (one.account_id, one.partition))

    # ---- what of the one below is to be seen

    async def _over(
        self,
        names: Sequence[K],
        question: Callable[[Directory], Callable[[Sequence[K]], Awaitable[dict[K, V]]]],
        gone: Iterable[K] = frozenset(),
    ) -> dict[K, V]:
        found = await question(self.own)(names) if names else {}
        rest = [name for name in names if name not in found and name not in gone]
        return found | await question(self.below)(rest) if rest else found

    async def uncovered(self, contacts: Sequence[Contact]) -> list[Contact]:
        """Those of these contacts of the one below that are as they are there."""
        there = [contact for contact in contacts if contact.handle not in self.gone.contacts]
        covered = await self.own.contacts([contact.handle for contact in there]) if there else {}
        return [contact for contact in there if contact.handle not in covered]

    async def _uncovered_pieces(self, pieces: Sequence[Evidence]) -> list[Evidence]:
        covered = await self.own.known([piece.event_id for piece in pieces]) if pieces else set()
        return [piece for piece in pieces if piece.event_id not in covered]

    async def _uncovered_letters(self, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
        there = [letter for letter in letters if letter.id not in self.gone.letters]
        covered = {letter.id for letter in await self.own.letters([letter.id for letter in there])} if there else set()
        return [letter for letter in there if letter.id not in covered]


def row_of(piece: Evidence) -> int:
    """The row of an import's piece of evidence."""
    if piece.import_row is None:
        raise ValueError("A piece of evidence that was found by its import is of none.")
    return piece.import_row[1]


def size_of(piece: Evidence) -> int:
    """About how many bytes a piece of evidence takes."""
    return len(piece.event) + len(piece.understood or b"")
