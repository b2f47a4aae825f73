"""Gathering: the evidence of some contacts and of whoever hangs together with them, retold.

What a directory keeps of a contact is what it is; why it is so is told by stepping through its evidence once more
(`contactfold.domain.retelling`). That is bounded as a rebuild is: by the pieces of evidence that hang together, and
by their bytes. It reads a snapshot, so that nothing changes under it, and computes in a thread, so that nobody waits.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace

from contactfold.domain.apart import Background, LeftOut
from contactfold.domain.directives import combine
from contactfold.domain.directory import Contact, Handle
from contactfold.domain.errors import ContactfoldError
from contactfold.domain.event import Statement
from contactfold.domain.retelling import Retelling, retell, strip
from contactfold.domain.schema import Schema
from contactfold.ports import Directory, Evidence
from contactfold.wire import Unreadable, read_evidence
from contactfold_console.retracting import Retractions, find_retractions

MOST_BYTES = 64 * 1024 * 1024
"""Bytes of evidence that one request looks through at most."""

_TOGETHER = 64
"""Pieces of evidence of small contacts that are read at once."""
_PAGE = 500

SETTLING = "A directive is still being carried out on these contacts, so not all of this can be told yet."
ERASED = "Somebody who had to do with these contacts was erased, so not all of this can be told."
UNREADABLE = "Some evidence cannot be read with this schema and is left out."


class TooMuchEvidence(ContactfoldError):
    """More evidence hangs together than may be retold; `pieces` of it, or more than `MOST_BYTES`."""

    def __init__(self, pieces: int, limit: int) -> None:
        why = (
            f"{pieces} pieces of evidence hang together here, and at most {limit} are retold (limits.component_events)"
            if pieces > limit
            else f"The evidence that hangs together here is larger than {MOST_BYTES >> 20} MiB"
        )
        super().__init__(f"{why}; GET /v1/contacts/{{id}}/evidence tells them page by page.")
        self.pieces, self.limit = pieces, limit


@dataclass(frozen=True, slots=True)
class Gathered:
    """Contacts with all that hangs together with them, retold. `incomplete` is a sentence where that is not all."""

    retelling: Retelling
    background: Background
    incomplete: str | None = None

    def find(self, contact: Contact) -> Contact | None:
        """A contact of the directory as it is retold; None where its evidence alone does not make it what it is."""
        retold = self.retelling.contact_of(contact.id)
        return retold if retold is not None and (retold.id, retold.owned) == (contact.id, contact.owned) else None


@dataclass(slots=True)
class _Read:
    """What was read of the evidence."""

    statements: list[Statement]
    left_out: list[tuple[Evidence, Statement]]
    incomplete: str | None = None


async def gather(view: Directory, schema: Schema, contacts: Iterable[Contact], *, limit: int) -> Gathered:
    """Retell these contacts and the components they are in; `view` is a snapshot. Raises `TooMuchEvidence`."""
    members = await _find_members(view, list(contacts), limit)
    read = _Read([], [])
    size = 0
    async for piece in _pages(view, members):
        size += len(piece.event) + len(piece.understood or b"")
        if size > MOST_BYTES:
            raise TooMuchEvidence(0, limit)
        _take(piece, schema, read)
    rules = await view.rules(after=0)
    retractions = await find_retractions(view, [piece for piece, _ in read.left_out])
    left_out = [
        LeftOut(statement, retractions.get(piece.event_id, Retractions()).in_force)
        for piece, statement in read.left_out
    ]
    retelling = await asyncio.to_thread(retell, read.statements, schema, combine(rules))
    gathered = Gathered(retelling, Background(rules, left_out), read.incomplete)
    agrees = all(contact.nobody or gathered.find(contact) is not None for contact in members)
    return gathered if agrees or read.incomplete else replace(gathered, incomplete=SETTLING)


async def _find_members(view: Directory, contacts: list[Contact], limit: int) -> list[Contact]:
    """The contacts and everybody of their components, each once, if they are few enough."""
    names = sorted({contact.component for contact in contacts if contact.component is not None})
    found: dict[Handle, Contact] = {contact.handle: contact for contact in contacts if contact.component is None}
    parts = await view.components(names) if names else {}
    pieces = sum(part.size for part in parts.values()) + sum(contact.size for contact in found.values())
    if pieces > limit:
        raise TooMuchEvidence(pieces, limit)
    for contact in await view.members(names) if names else []:
        found[contact.handle] = contact
    return list(found.values())


async def _pages(view: Directory, members: Sequence[Contact]) -> AsyncIterator[Evidence]:
    """The evidence of these contacts: small ones some together, large ones page by page."""
    small: list[Contact] = []
    for contact in members:
        if contact.size > _TOGETHER:
            after = None
            while page := await view.evidence_page(contact, after=after, limit=_PAGE):
                after = page[-1].stamp
                for piece in page:
                    yield piece
        else:
            small.append(contact)
            if sum(one.size for one in small) > _TOGETHER:
                for piece in await view.evidence_of(small):
                    yield piece
                small = []
    for piece in await view.evidence_of(small) if small else []:
        yield piece


def _take(piece: Evidence, schema: Schema, read: _Read) -> None:
    if piece.erased_by:
        read.incomplete = ERASED
        return
    try:
        statement = strip(read_evidence(piece, schema), schema)
    except Unreadable:
        read.incomplete = UNREADABLE
        return
    if piece.retracted:
        read.left_out.append((replace(piece, event=b"", understood=None), statement))
    else:
        read.statements.append(statement)
