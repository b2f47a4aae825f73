"""What must hold between the documents of any directory, whatever arrived in whatever order.

`audit` reads through the port alone; `find_leftovers` looks into the store for documents that nothing leads to.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from contactfold.domain.directives import combine
from contactfold.domain.directory import Claim, Contact, Handle
from contactfold.domain.erasing import is_token
from contactfold.domain.event import Statement
from contactfold.domain.fold import held
from contactfold.domain.identity import is_plain
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId
from contactfold.ports import Directory, Evidence
from contactfold.wire import read_evidence
from oracle.places import Contents

PAGE = 500


async def audit(directory: Directory, schema: Schema) -> list[str]:
    """Every fault found, one sentence each; an empty list where all is well."""
    contacts = await _all_contacts(directory)
    shared = combine(await directory.rules(after=0)).shared
    faults: list[str] = []
    mentions: dict[str, set[Handle]] = defaultdict(set)
    for contact in contacts.values():
        evidence = await directory.evidence_of([contact])
        if contact.nobody:
            faults += _check_nobody(contact, evidence)
        else:
            faults += _check_contact(contact, evidence, schema)
            faults += _check_identifiers(contact, _told(evidence, schema), schema, shared)
        for identifier in contact.owned | contact.named:
            mentions[identifier].add(contact.handle)
    claims = await directory.claims(list(mentions))
    for identifier, handles in mentions.items():
        faults += _check_claim(identifier, claims.get(identifier), handles, contacts)
    faults += await _check_components(directory, contacts)
    faults += _check_handles(contacts)
    return faults


async def find_leftovers(directory: Directory, contents: Contents) -> list[str]:
    """Claims, components and evidence that no contact knows of, and evidence counted nowhere."""
    contacts = (await _all_contacts(directory)).values()
    named = {name for contact in contacts for name in contact.owned | contact.named}
    used = {contact.component for contact in contacts}
    # A rule leaves a claim of what it names, also where nobody else does: decisions made without it collide there.
    ruled = {name for rule in await directory.rules(after=0) for name in rule.identifiers}
    faults = [f"the claim {name} is left over" for name in contents.claims - named - ruled]
    faults += [f"the component {_short(name)} is left over" for name in contents.components - used]
    counted = sum(contact.size for contact in contacts)
    counted += sum(handle is None for handle in contents.evidence.values())
    if counted != len(contents.evidence):
        faults.append(f"{counted} pieces of evidence are counted, and {len(contents.evidence)} are stored")
    return faults


def _short(name: bytes | None) -> str:
    return "nobody" if name is None else name.hex()[:8]


def _list(names: Iterable[bytes | None]) -> str:
    return ", ".join(sorted(map(_short, names))) or "nobody"


async def _all_contacts(directory: Directory) -> dict[Handle, Contact]:
    """Those who were erased among them."""
    found: dict[Handle, Contact] = {}
    after: Handle | None = None
    while page := await directory.list_contacts(after=after, limit=PAGE, nobodies=True):
        found.update({contact.handle: contact for contact in page})
        after = page[-1].handle
    return found


def _check_contact(contact: Contact, evidence: list[Evidence], schema: Schema) -> Iterator[str]:
    name = f"contact {_short(contact.handle)}"
    stamps = [each.stamp for each in evidence if not each.retracted]
    if not stamps:
        yield f"{name} has no evidence that counts"
        return
    if contact.handle not in {each.event_id for each in evidence}:
        yield f"{name} has a handle that is no event of its own evidence"
    if contact.size != len(evidence):
        yield f"{name} counts {contact.size} pieces of evidence and has {len(evidence)}"
    if contact.birth != min(stamps) or contact.id != contact.birth[8:]:
        yield f"{name} has an id or a birth that is not its earliest event's"
    if contact.last != max(stamps):
        yield f"{name} has a latest stamp that is not its latest event's"
    if contact.plain and not all(is_plain(statement, schema) for statement in _told(evidence, schema)):
        yield f"{name} is called plain, and a statement of its is not"


def _check_nobody(contact: Contact, evidence: list[Evidence]) -> Iterator[str]:
    """What is left of whom was erased shows and owns nothing, and is known by tokens alone."""
    name = f"nobody {_short(contact.handle)}"
    if contact.single or contact.multi or contact.owned:
        yield f"{name} has values or owns something"
    if bare := [one for one in contact.named | contact.shared if not is_token(one)]:
        yield f"{name} knows {sorted(bare)}"
    if contact.size != len(evidence):
        yield f"{name} counts {contact.size} pieces of evidence and has {len(evidence)}"
    if not all(one.erased_by or one.retracted for one in evidence):
        yield f"{name} has evidence that no erasure reached"
    if contact.plain:
        yield f"{name} is called plain"


def _told(evidence: list[Evidence], schema: Schema) -> list[Statement]:
    return [read_evidence(each, schema) for each in evidence if not each.retracted]


def _check_identifiers(
    contact: Contact, statements: list[Statement], schema: Schema, shared: frozenset[str]
) -> Iterator[str]:
    name = f"contact {_short(contact.handle)}"
    if contact.owned & contact.named:
        yield f"{name} has identifiers both owned and merely named: {sorted(contact.owned & contact.named)}"
    told = {identifier for statement in statements for identifier in statement.identifiers}
    if {each for each in contact.owned | contact.named if not is_token(each)} != told - shared:
        yield f"{name} knows {sorted(contact.owned | contact.named)}, its evidence names {sorted(told - shared)}"
    if contact.shared != told & shared:
        yield f"{name} shares {sorted(contact.shared)}, its evidence names {sorted(told & shared)}"
    if not contact.owned <= held(contact, schema, shared):
        yield f"{name} owns what it does not hold: {sorted(contact.owned - held(contact, schema, shared))}"
    if any(not elements for elements in contact.multi.values()):
        yield f"{name} has an empty field"


def _check_claim(
    identifier: str, claim: Claim | None, handles: set[Handle], contacts: dict[Handle, Contact]
) -> Iterator[str]:
    if claim is None:
        yield f"nothing claims {identifier}, which contacts name"
        return
    if claim.mentions != handles:
        yield f"the claim {identifier} is mentioned by {_list(claim.mentions)}, and {_list(handles)} name it"
    owners = {handle for handle in handles if identifier in contacts[handle].owned}
    if owners != ({claim.owner} if claim.owner is not None else set()):
        yield f"the claim {identifier} belongs to {_short(claim.owner)}, and {_list(owners)} own it"
    sharing = [contacts[handle] for handle in handles]
    if len(sharing) > 1:
        components = {contact.component for contact in sharing}
        if len(components) > 1 or None in components:
            yield f"contacts that share {identifier} are in the components {_list(components)}"
        if any(contact.plain for contact in sharing):
            yield f"a contact that shares {identifier} is called plain"


async def _check_components(directory: Directory, contacts: dict[Handle, Contact]) -> list[str]:
    members: dict[EventId, list[Contact]] = defaultdict(list)
    for contact in contacts.values():
        if contact.component is not None:
            members[contact.component].append(contact)
    faults: list[str] = []
    components = await directory.components(list(members))
    for name, inside in members.items():
        component = components.get(name)
        if component is None:
            faults.append(f"the component {_short(name)} does not exist")
            continue
        if component.latest != max(contact.last for contact in inside):
            faults.append(f"the component {_short(name)} has a latest stamp that is not its contacts' latest")
        if component.size != sum(contact.size for contact in inside):
            faults.append(f"the component {_short(name)} counts {component.size}, its contacts more or less")
        if {contact.handle for contact in await directory.members([name])} != {contact.handle for contact in inside}:
            faults.append(f"the members of the component {_short(name)} are not those that point to it")
    return faults


def _check_handles(contacts: dict[Handle, Contact]) -> Iterator[str]:
    seen = set(contacts)
    ids: set[EventId] = set()
    for contact in contacts.values():
        for handle in contact.absorbed:
            if handle in seen:
                yield f"the absorbed handle {_short(handle)} is a contact's, or was absorbed twice"
            seen.add(handle)
        if contact.id in ids:
            yield f"two contacts have the id {_short(contact.id)}"
        ids.add(contact.id)
