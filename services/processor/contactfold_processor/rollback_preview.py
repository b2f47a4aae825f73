"""Previewing the rollback of an import: what taking all its rows back would change, found by doing it on an overlay.

`previewing` shows a directive as far as its first batch goes, contact by contact; the retraction of an import goes
further than that. So it is recorded and settled to its end on an overlay (`overlay`) of one moment, and then what
stands there is held against what stands below.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Final, TypeVar

from contactfold.config import Limits
from contactfold.domain.directives import Directive
from contactfold.domain.directory import Contact, Handle
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId, format_event_id
from contactfold.ports import Clock, Directory, LogRecord
from contactfold.profile import contact_object, organization_object, provenance_object
from contactfold.row_previews import EXAMPLES, RollbackPreview
from contactfold.wire import write_directive
from contactfold_processor.applying import Applier
from contactfold_processor.overlay import OverlayDirectory
from contactfold_processor.row_preview import PARTITION

LASTS: Final = 200_000_000
"""Microseconds for which a rollback is settled. MongoDB keeps the past for five minutes unless told otherwise."""

_AT_ONCE: Final = 500
"""Contacts, or pieces of evidence, that one question asks for."""

Advanced = Callable[[int], None]

V = TypeVar("V")


class RollbackPreviewer:
    """Previews one rollback. `own` is an empty directory, open, that is thrown away afterwards."""

    def __init__(
        self,
        directory: Directory,
        own: Directory,
        schema: Schema,
        limits: Limits,
        clock: Clock,
        erasure_key: bytes | None = None,
        *,
        lasts: int = LASTS,
    ) -> None:
        """After `lasts` microseconds it is told as far as it has come."""
        self._directory, self._own, self._schema, self._limits = directory, own, schema, limits
        self._clock, self._erasure_key, self._lasts = clock, erasure_key, lasts

    async def run(self, directive: Directive, *, advanced: Advanced = lambda _: None) -> RollbackPreview:
        """What the retraction of an import without faults would change; `advanced` is told how many rows are done.

        Raises `Unavailable`, and `Misconfigured` where something was erased with another key.
        """
        async with self._directory.snapshot() as moment:
            overlay = OverlayDirectory(moment, self._own)
            shown = RollbackPreview(rows=await moment.count_import(directive.import_id or ""))
            await self._settle(overlay, directive, shown, advanced)
            comparison = _Comparison(overlay, self._schema, shown)
            await comparison.compare_contacts()
            await comparison.compare_organizations()
        return shown

    async def _settle(
        self, overlay: OverlayDirectory, directive: Directive, shown: RollbackPreview, advanced: Advanced
    ) -> None:
        """Do all rebuilds that the retraction asks for; those of other directives are not its doing."""
        until = self._clock() + self._lasts
        record = write_directive(directive, self._schema)
        applier = Applier(overlay.as_directory, self._schema, self._limits, self._clock, self._erasure_key)
        others = [one.directive for one in await overlay.settlings()]
        arriving = LogRecord(PARTITION, 0, record.key, record.value, record.headers, directive.received_at)
        await applier.apply([arriving])
        while own := next((one for one in await overlay.settlings() if one.directive not in others), None):
            shown.done = min(own.done, shown.rows)
            if self._clock() >= until:
                shown.complete = False
                return
            advanced(shown.done)
            await applier.settle(busy=others)
        shown.done = shown.rows


class _Comparison:
    """What stands on an overlay, held against what stands below. Contacts are known by their ids."""

    def __init__(self, overlay: OverlayDirectory, schema: Schema, shown: RollbackPreview) -> None:
        self._overlay, self._schema, self._shown = overlay, schema, shown
        self._before: dict[EventId, Handle] = {}
        """The contacts below that were touched and have not been found again, by their ids."""
        self._new: set[Handle] = set()
        """The contacts of the overlay that are none of those, so far."""

    async def compare_contacts(self) -> None:
        """First those that keep their ids, then those that go on under another."""
        overlay = self._overlay
        for handles in _in_parts(sorted(overlay.gone.contacts)):
            self._take_before((await overlay.below.contacts(handles)).values())
        async for page in self._pages():
            self._take_before((await overlay.below.contacts([one.handle for one in page])).values())
        async for page in self._pages():
            await self._find_again([one for one in page if not one.nobody])
        for handles in _in_parts(sorted(self._before.values())):
            await self._follow(list((await overlay.below.contacts(handles)).values()))
        self._shown.made = len(self._new)

    def _take_before(self, below: Iterable[Contact]) -> None:
        self._before.update((one.id, one.handle) for one in below if not one.nobody)

    async def _find_again(self, page: Sequence[Contact]) -> None:
        handles = [self._before[one.id] for one in page if one.id in self._before]
        below = {one.id: one for one in (await self._overlay.below.contacts(handles)).values()}
        for after in page:
            if after.id in below:
                del self._before[after.id]
                self._note_change(below[after.id], after)
            else:
                self._new.add(after.handle)

    async def _follow(self, lost: Sequence[Contact]) -> None:
        """Tell what became of contacts below whose ids no contact has any more."""
        overlay, targets = self._overlay, {one.handle: set[Handle]() for one in lost}
        home = {old: one.handle for one in lost for old in (one.handle, *one.absorbed)}
        for part in _in_parts(await overlay.below.evidence_of(lost)):
            origin = {piece.event_id: home[piece.handle or b""] for piece in part}
            for piece in await overlay.pieces(list(origin)):
                if piece.handle is not None and not piece.retracted:
                    targets[origin[piece.event_id]].add(piece.handle)
        for contact in lost:
            found = [await overlay.contact_by_handle(handle) for handle in sorted(targets[contact.handle])]
            living = {one.handle: one for one in found if one is not None and not one.nobody}
            new = sorted(living.keys() & self._new)
            if new:
                self._new.remove(new[0])
                self._note_change(contact, living[new[0]])
            elif living:
                self._shown.joined += 1
            else:
                self._note_gone(contact)

    def _note_gone(self, contact: Contact) -> None:
        self._shown.gone += 1
        if len(self._shown.gone_contacts) < EXAMPLES:
            self._shown.gone_contacts.append(format_event_id(contact.id))

    def _note_change(self, before: Contact, after: Contact) -> None:
        if self._read(before) == self._read(after):
            return
        self._shown.changed += 1
        if len(self._shown.changed_contacts) < EXAMPLES:
            self._shown.changed_contacts.append(format_event_id(before.id))

    def _read(self, contact: Contact) -> object:
        """A contact as an export has it."""
        return contact_object(contact, self._schema), provenance_object(contact, self._schema)

    async def _pages(self) -> AsyncIterator[list[Contact]]:
        after: Handle | None = None
        while page := await self._overlay.own.list_contacts(after=after, limit=_AT_ONCE, nobodies=True):
            yield page
            after = page[-1].handle

    async def compare_organizations(self) -> None:
        """Those that are gone, and those that read differently."""
        overlay, shown = self._overlay, self._shown
        touched = {account_id for account_id, _ in overlay.gone.fragments}
        async for fragment in overlay.own.export_fragments():
            touched.add(fragment.account_id)
        for account_id in sorted(touched):
            before, after = await overlay.below.organization(account_id), await overlay.organization(account_id)
            if before and not after:
                shown.organizations_gone += 1
            elif before and organization_object(before) != organization_object(after):
                shown.organizations_changed += 1


def _in_parts(found: Sequence[V]) -> Iterable[Sequence[V]]:
    return (found[begin : begin + _AT_ONCE] for begin in range(0, len(found), _AT_ONCE))
