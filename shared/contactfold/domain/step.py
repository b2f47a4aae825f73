"""The step: the only meaning an event has (SEMANTICS 3).

`step` takes an excerpt that has seen all earlier statements about the people at hand, applies one more
and says what became of it. It runs live, in a rebuild, in a dry run and in the tests alike. Statements
that come late may take it too where they are plain: then stamps decide, not the order of the calls.
"""

from contactfold.domain.directory import Contact, Handle
from contactfold.domain.event import ANONYMOUS, FIRST, IGNORE, REJECT, Statement
from contactfold.domain.excerpt import Excerpt
from contactfold.domain.fold import merge, write
from contactfold.domain.identity import clash, find_candidates, is_anonymous, is_plain, part_identifiers
from contactfold.domain.outcome import CREATED, IGNORED, REJECTED, UNCHANGED, UPDATED, Outcome, Reason

DUPLICATE = Reason("duplicate", "Ignored - duplicate found")
AMBIGUOUS = Reason("ambiguous", "The identifiers belong to more than one contact, and on_many is reject.")


def refuse(statement: Statement) -> Outcome:
    """The outcome of a statement with faults: evidence that belongs to no contact."""
    outcome = _begin(statement, REJECTED)
    outcome.reasons = [*statement.faults, *statement.remarks]
    return outcome


def step(excerpt: Excerpt, statement: Statement) -> tuple[Outcome, Handle]:
    """Apply one statement; returns its outcome and the handle of the contact it belongs to."""
    identifiers, aside = part_identifiers(excerpt, statement)
    candidates = find_candidates(excerpt, statement, identifiers)
    outcome = _begin(statement, UNCHANGED)
    outcome.set_aside = aside
    plain = not aside and is_plain(statement, excerpt.schema)
    if candidates and statement.action == IGNORE:
        contact = candidates[0]
        outcome.status = IGNORED
        outcome.reasons.append(DUPLICATE)
    elif len(candidates) > 1 and statement.on_many == REJECT:
        contact = candidates[0]
        outcome.status = REJECTED
        outcome.reasons.append(AMBIGUOUS)
    else:
        if not candidates:
            contact = _create(excerpt, statement)
            outcome.status = CREATED
        else:
            contact, all_merged = _merge_candidates(excerpt, candidates, statement, outcome)
            plain &= all_merged
        _take_birth(contact, statement)
        written = write(excerpt, contact, statement, identifiers, aside, merged=bool(outcome.merged))
        outcome.over_limit, outcome.contested = written.over_limit, written.contested
        plain &= written.plain
        if written.changed and outcome.status == UNCHANGED:
            outcome.status = UPDATED
        contact.updated = max(contact.updated, statement.stamp)
        if written.known or outcome.merged or outcome.status == CREATED:
            contact.known_since = max(contact.known_since, statement.stamp)
    outcome.reasons += statement.remarks
    _record(excerpt, contact, statement, aside, plain=plain)
    outcome.contact_id = contact.id
    return outcome, contact.handle


def _begin(statement: Statement, status: str) -> Outcome:
    return Outcome(statement.event_id, statement.source, statement.id, status, ignored_fields=statement.ignored_fields)


def _create(excerpt: Excerpt, statement: Statement) -> Contact:
    event_id, stamp = statement.event_id, statement.stamp
    contact = excerpt.contacts[event_id] = Contact(event_id, event_id, stamp, stamp, stamp)
    return contact


def _merge_candidates(
    excerpt: Excerpt, candidates: list[Contact], statement: Statement, outcome: Outcome
) -> tuple[Contact, bool]:
    """Merge what `on_many` lets merge; returns the target, and whether nothing stood in the way."""
    target, all_merged = candidates[0], True
    if statement.on_many == FIRST:
        return target, all_merged
    for candidate in candidates[1:]:
        if statement.on_many == ANONYMOUS and not is_anonymous(excerpt, candidate):
            continue
        if clash(excerpt, target, candidate):
            all_merged = False
            continue
        target, gone = merge(excerpt, target, candidate, statement.event_id)
        outcome.merged.append(gone.id)
        outcome.status = UPDATED
    return target, all_merged


def _take_birth(contact: Contact, statement: Statement) -> None:
    """A plain event from before a contact's birth becomes its first: the contact takes its id."""
    if statement.stamp < contact.birth:
        contact.id, contact.birth = statement.event_id, statement.stamp


def _record(excerpt: Excerpt, contact: Contact, statement: Statement, aside: list[str], *, plain: bool) -> None:
    """Count the evidence, mention what it names, and join the contacts that now share a mention."""
    contact.size += 1
    contact.last = max(contact.last, statement.stamp)
    contact.plain &= plain
    excerpt.touched.add(contact.handle)
    if contact.component is not None:
        component = excerpt.components[contact.component]
        component.size += 1
        component.latest = max(component.latest, statement.stamp)
        excerpt.touched_components.add(component.id)
    for identifier in statement.identifiers:
        if identifier in excerpt.rules.shared:
            contact.shared.add(identifier)
            continue
        claim = excerpt.mention(identifier, contact)
        if len(claim.mentions) > 1:
            other = excerpt.find_mentioner(claim, but=contact.handle)
            sharing = [contact] if other is None else [contact, other]
            _unplain(excerpt, sharing)
            excerpt.join(sharing, statement.event_id)
        elif identifier in aside:
            contact.plain = False
    for token in statement.echoes:
        claim = excerpt.mention(token, contact)
        other = excerpt.find_mentioner(claim, but=contact.handle)
        sharing = [contact] if other is None else [contact, other]
        _unplain(excerpt, sharing)
        excerpt.join(sharing, statement.event_id)


def _unplain(excerpt: Excerpt, contacts: list[Contact]) -> None:
    for contact in contacts:
        if contact.plain:
            contact.plain = False
            excerpt.touched.add(contact.handle)
