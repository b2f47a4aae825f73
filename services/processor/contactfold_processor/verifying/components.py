"""Components against the contacts that point to them: how much evidence they have together, and the latest of it."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from contactfold.domain.directory import Component, Contact
from contactfold.domain.stamp import EventId, Stamp
from contactfold.ports import Directory
from contactfold_processor.verifying.findings import COMPONENT, Mismatch, name_event, name_stamp

PAGE = 200

_TOGETHER = 5_000
"""Pieces of evidence up to which components are loaded together: they have no more contacts than evidence."""

_MEMBERS = 1_000


@dataclass(slots=True)
class _Sum:
    """What the contacts of one component come to."""

    contacts: int = 0
    size: int = 0
    latest: Stamp = b""

    def add(self, contact: Contact) -> None:
        self.contacts += 1
        self.size += contact.size
        self.latest = max(self.latest, contact.last)


class ComponentCheck:
    """A component has contacts, as many pieces of evidence as they have, and the latest stamp of them all."""

    name = "components"

    async def page(self, moment: Directory, after: Component | None) -> list[Component]:
        """See `Check.page`."""
        return await moment.list_components(after=after.id if after else None, limit=PAGE)

    async def again(self, moment: Directory, documents: list[Component]) -> list[Component]:
        """See `Check.again`."""
        return list((await moment.components([component.id for component in documents])).values())

    async def compare(self, moment: Directory, documents: list[Component]) -> list[Mismatch]:
        """See `Check.compare`."""
        sums = {component.id: _Sum() for component in documents}
        async for contact in _members(moment, documents):
            if contact.component is not None:
                sums[contact.component].add(contact)
        return [mismatch for component in documents for mismatch in _compare(component, sums[component.id])]


def _compare(component: Component, found: _Sum) -> Iterator[Mismatch]:
    def about(field: str, stored: str, expected: str) -> Mismatch:
        return Mismatch(COMPONENT, name_event(component.id), field, stored, expected)

    if not found.contacts:
        yield about("document", "a component of nobody", "none")
        return
    if component.size != found.size:
        yield about("size", str(component.size), f"{found.size}, the evidence of its {found.contacts} contacts")
    if component.latest != found.latest:
        yield about("latest", name_stamp(component.latest), f"{name_stamp(found.latest)}, its contacts' latest")


async def _members(moment: Directory, components: list[Component]) -> AsyncIterator[Contact]:
    """Every contact of these components; those of large ones in pages, so that memory stays flat."""
    together: list[EventId] = []
    size = 0
    for component in components:
        if component.size > _TOGETHER:
            async for contact in _members_of(moment, component.id):
                yield contact
            continue
        together.append(component.id)
        size += component.size
        if size >= _TOGETHER:
            for contact in await moment.members(together):
                yield contact
            together, size = [], 0
    if together:
        for contact in await moment.members(together):
            yield contact


async def _members_of(moment: Directory, component: EventId) -> AsyncIterator[Contact]:
    after = None
    while page := await moment.members_page(component, after=after, limit=_MEMBERS):
        for contact in page:
            yield contact
        after = page[-1].handle
