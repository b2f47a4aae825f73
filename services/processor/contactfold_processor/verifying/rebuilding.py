"""Contacts against what their evidence makes of them, folded once more from nothing, as a rebuild does."""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from contactfold.domain.directives import RuleBook
from contactfold.domain.directory import Claim, Component, Contact
from contactfold.domain.excerpt import Excerpt
from contactfold.domain.rebuild import Past, rebuild
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId
from contactfold.ports import Directory, Evidence
from contactfold.wire import Unreadable, read_evidence
from contactfold_processor.hashing import find_hasher
from contactfold_processor.verifying.comparing import Folded, compare_folded
from contactfold_processor.verifying.findings import EVIDENCE, TOO_LARGE, UNSETTLED, Mismatch, Names, name_event
from contactfold_processor.workspace import Workspace

PAGE = 200

_TOGETHER = 2_000
"""Pieces of evidence that are loaded together."""

_RUN = 10
"""Contacts of a sample that lie side by side: handles are as good as random numbers."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Contacts that are folded together: one that is its own component, or all of a component."""

    members: list[Contact]

    @property
    def size(self) -> int:
        return sum(contact.size for contact in self.members)


class Rebuilder:
    """Folds the evidence of contacts anew and says where the result is not what is stored.

    Components of more than `largest` pieces of evidence are left out, and told as such; what differs while a directive
    is settling is told as unsettled.
    """

    def __init__(self, schema: Schema, names: Names, largest: int, erasure_key: bytes | None = None) -> None:
        self._schema, self._names, self._largest, self._key = schema, names, largest, erasure_key

    async def compare(self, moment: Directory, alone: list[Contact], components: list[EventId]) -> list[Mismatch]:
        """What does not agree about these contacts, each its own component, and the contacts of these components."""
        book = RuleBook()
        book.take(await moment.rules(after=0))
        found: list[Mismatch] = []
        large = [contact.handle for contact in alone if contact.size > self._largest]
        documents = await moment.components(components) if components else {}
        large += [name for name, document in documents.items() if document.size > self._largest]
        groups = [_Group([contact]) for contact in alone if contact.handle not in large]
        groups += await _gather(moment, [name for name in components if name not in large])
        hasher = await find_hasher(moment, self._key)
        for portion in _together(groups):
            found += await self._fold(Workspace(moment, self._schema, book, hasher), portion)
        if found and await moment.settlings():
            found = [replace(mismatch, kind=UNSETTLED) for mismatch in found]
        return found + [Mismatch(TOO_LARGE, name_event(name), "size", "", "") for name in large]

    async def _fold(self, workspace: Workspace, groups: list[_Group]) -> list[Mismatch]:
        moment = workspace.directory
        members = [contact for group in groups for contact in group.members]
        evidence = await moment.evidence_of(members)
        place = {handle: at for at, group in enumerate(groups) for handle in _handles(group.members)}
        pieces: list[list[Evidence]] = [[] for _ in groups]
        for piece in evidence:
            if piece.handle is not None:
                pieces[place[piece.handle]].append(piece)
        read = [self._read(each) for each in pieces]
        named = {name for contact in members for name in contact.owned | contact.named}
        named |= {name for pasts, _ in read for one in pasts for name in one.statement.identifiers}
        claims = await moment.claims(list(named)) if named else {}
        parts = {contact.component for contact in members if contact.component is not None}
        components = await moment.components(list(parts)) if parts else {}
        found: list[Mismatch] = []
        for group, own, (pasts, unreadable) in zip(groups, pieces, read, strict=True):
            if unreadable:
                found += unreadable
                continue
            folded = _fold_again(workspace, group, own, pasts, claims, components)
            found += compare_folded(group.members, own, claims, folded, self._names)
        return found

    def _read(self, pieces: Iterable[Evidence]) -> tuple[list[Past], list[Mismatch]]:
        pasts: list[Past] = []
        unreadable: list[Mismatch] = []
        for piece in pieces:
            try:
                statement = read_evidence(piece, self._schema)
            except Unreadable:
                statement = None
            if statement is None or (statement.event_id, statement.stamp) != (piece.event_id, piece.stamp):
                name = name_event(piece.event_id)
                unreadable.append(Mismatch(EVIDENCE, name, "event", "other words", "the statement of this event"))
            else:
                pasts.append(Past(statement, piece.handle, piece.retracted, piece.retracted))
        return pasts, unreadable


def _fold_again(
    workspace: Workspace,
    group: _Group,
    pieces: list[Evidence],
    pasts: list[Past],
    claims: Mapping[str, Claim],
    components: Mapping[EventId, Component],
) -> Folded:
    """What a rebuild would leave of a group: on copies, for it changes what it is given."""
    excerpt = Excerpt(workspace.schema, workspace.excerpt.rules)
    named = {name for contact in group.members for name in contact.owned | contact.named}
    named |= {name for one in pasts for name in one.statement.identifiers}
    excerpt.add(claims=(_copy(claims[name]) for name in named if name in claims))
    excerpt.add(contacts=group.members)
    for contact in group.members:
        if contact.component is not None:
            stored = components.get(contact.component) or Component(contact.component, b"", group.size)
            excerpt.add(components=[replace(stored)])
    taking = [one.statement for one in pasts if not one.left_out]
    members = {contact.handle: contact for contact in group.members}
    erasing = workspace.find_erasures(members, pieces, taking, ())
    rebuild(excerpt, list(group.members), pasts, [], erasing)
    return Folded(excerpt.contacts, excerpt.claims, excerpt.fates, erasing.reached if erasing is not None else {})


def _copy(claim: Claim) -> Claim:
    return replace(claim, mentions=set(claim.mentions))


async def _gather(moment: Directory, components: list[EventId]) -> list[_Group]:
    members: dict[EventId | None, list[Contact]] = {}
    for contact in await moment.members(components) if components else []:
        members.setdefault(contact.component, []).append(contact)
    return list(map(_Group, members.values()))


def _handles(members: Sequence[Contact]) -> Iterator[bytes]:
    for contact in members:
        yield contact.handle
        yield from contact.absorbed


def _together(groups: list[_Group]) -> Iterator[list[_Group]]:
    """Groups in portions whose evidence fits into memory."""
    portion: list[_Group] = []
    size = 0
    for group in groups:
        if portion and size + group.size > _TOGETHER:
            yield portion
            portion, size = [], 0
        portion.append(group)
        size += group.size
    if portion:
        yield portion


class EveryContact:
    """Every contact that is its own component, rebuilt."""

    name = "rebuilt"

    def __init__(self, rebuilder: Rebuilder) -> None:
        self._rebuilder = rebuilder

    async def page(self, moment: Directory, after: Contact | None) -> list[Contact]:
        """See `Check.page`."""
        return await moment.list_contacts(after=after.handle if after else None, limit=PAGE, nobodies=True)

    async def again(self, moment: Directory, documents: list[Contact]) -> list[Contact]:
        """See `Check.again`."""
        return list((await moment.contacts([contact.handle for contact in documents])).values())

    async def compare(self, moment: Directory, documents: list[Contact]) -> list[Mismatch]:
        """See `Check.compare`."""
        alone = [contact for contact in documents if contact.component is None]
        return await self._rebuilder.compare(moment, alone, [])


class EveryComponent:
    """Every component, rebuilt."""

    name = "rebuilt_components"

    def __init__(self, rebuilder: Rebuilder) -> None:
        self._rebuilder = rebuilder

    async def page(self, moment: Directory, after: Component | None) -> list[Component]:
        """See `Check.page`."""
        return await moment.list_components(after=after.id if after else None, limit=PAGE)

    async def again(self, moment: Directory, documents: list[Component]) -> list[Component]:
        """See `Check.again`."""
        return list((await moment.components([component.id for component in documents])).values())

    async def compare(self, moment: Directory, documents: list[Component]) -> list[Mismatch]:
        """See `Check.compare`."""
        return await self._rebuilder.compare(moment, [], [component.id for component in documents])


class SomeContacts(EveryContact):
    """A random sample of contacts, each rebuilt with its whole component."""

    def __init__(self, rebuilder: Rebuilder, sample: int) -> None:
        super().__init__(rebuilder)
        self._left = sample
        self._seen: set[bytes] = set()

    async def page(self, moment: Directory, after: Contact | None) -> list[Contact]:  # noqa: ARG002
        """The next contacts of the sample, wherever they are."""
        found: list[Contact] = []
        fruitless = 0
        while len(found) < min(PAGE, self._left) and fruitless < _RUN:
            run = await moment.list_contacts(after=secrets.token_bytes(16), limit=_RUN, nobodies=True)
            new = [contact for contact in run if (contact.component or contact.handle) not in self._seen]
            self._seen.update(contact.component or contact.handle for contact in new)
            found += new[: self._left - len(found)]
            fruitless = 0 if new else fruitless + 1
        self._left -= len(found)
        return found

    async def compare(self, moment: Directory, documents: list[Contact]) -> list[Mismatch]:
        """See `Check.compare`."""
        alone = [contact for contact in documents if contact.component is None]
        parts = {contact.component for contact in documents if contact.component is not None}
        return await self._rebuilder.compare(moment, alone, sorted(parts))
