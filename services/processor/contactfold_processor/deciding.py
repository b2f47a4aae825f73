"""Deciding a batch: from records to the changes one transaction writes.

Loads what the records' statements touch, in as many round trips as there are kinds of documents and
not one an event, steps them through it in memory, and returns the decision as data. Nothing is written here.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from contactfold.config import Limits
from contactfold.domain.directory import Claim, Contact, Fragment, Handle
from contactfold.domain.errors import RetryOnFreshState
from contactfold.domain.event import Statement
from contactfold.domain.excerpt import Excerpt
from contactfold.domain.outcome import Outcome
from contactfold.domain.planning import Group, find_busiest, list_extra_claims, list_reached, make_groups
from contactfold.domain.rebuild import Past, rebuild
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId
from contactfold.domain.step import refuse, step
from contactfold.ports import Changes, DeadLetter, Directory, Evidence, LogRecord, Partition
from contactfold.wire import encode_statement, read_evidence
from contactfold_processor.records import Heard, bury, hear


@dataclass(slots=True)
class Decision:
    """What the first `count` records of a batch would write (all but the positions), and what there is to say of it."""

    count: int
    changes: Changes
    outcomes: list[Outcome]
    dead: list[DeadLetter]
    duplicates: int = 0
    rebuilt: int = 0


@dataclass(slots=True)
class _Folded:
    """The statements that were folded, by event: outcome and handle; and those a rebuild was too large for."""

    results: dict[EventId, tuple[Outcome, Handle]] = field(default_factory=dict)
    dead: list[DeadLetter] = field(default_factory=list)
    rebuilt: int = 0


class Decider:
    """Decides batches against one directory with one schema."""

    def __init__(self, directory: Directory, schema: Schema, limits: Limits) -> None:
        self._directory = directory
        self._schema = schema
        self._limits = limits

    async def decide(self, records: Sequence[LogRecord], now: int) -> Decision:
        """Decide records in the order of their stamps; `now` dates dead letters (microseconds since 1970).

        Raises `RetryOnFreshState` where what was read does not fit together, because others wrote meanwhile.
        """
        heard = hear(records, self._schema, largest=self._limits.record_bytes, now=now)
        named = {name for statement, _ in heard.statements.values() for name in statement.identifiers}
        known, claims = await asyncio.gather(
            self._directory.known(list(heard.statements)), self._directory.claims(list(named))
        )
        for event_id in known:
            del heard.statements[event_id]
        excerpt = Excerpt(self._schema)
        # Absent claims are loaded too: nobody mentioned them when they were looked for.
        excerpt.add(claims=(claims.get(name) or Claim(name) for name in named))
        alive = [statement for statement, _ in heard.statements.values() if not statement.faults]
        await self._load_reached(excerpt, list_reached(excerpt.claims.values()))
        groups = make_groups(excerpt, alive)
        if (fitting := self._count_fitting(groups, records, heard)) < len(records):
            return await self.decide(records[:fitting], now)
        folded = await self._fold(excerpt, groups, heard, now)
        changes = _journal(excerpt)
        for statement, record in heard.statements.values():
            if statement.faults:
                changes.evidence.append(self._keep(statement, record, refuse(statement), None))
            elif statement.event_id in folded.results:
                outcome, handle = folded.results[statement.event_id]
                changes.evidence.append(self._keep(statement, record, outcome, excerpt.present_handle(handle)))
        changes.dead_letters = [*heard.dead, *folded.dead]
        changes.fragments = await self._fold_organizations(heard, folded)
        return Decision(
            len(records),
            changes,
            [evidence.outcome for evidence in changes.evidence],
            changes.dead_letters,
            duplicates=len(known) + heard.repeated,
            rebuilt=folded.rebuilt,
        )

    async def _fold(self, excerpt: Excerpt, groups: list[Group], heard: Heard, now: int) -> _Folded:
        folded = _Folded()
        groups = await self._drop_too_large(excerpt, groups, heard, folded, now)
        stepping = [group for group in groups if not group.rebuild]
        extra = set().union(*(list_extra_claims(excerpt, group) for group in stepping))
        if extra:
            await self._load_claims(excerpt, extra)
            _check_agreement(excerpt.claims, excerpt.contacts)
        for group in stepping:
            for statement in group.statements:
                folded.results[statement.event_id] = step(excerpt, statement)
        for group in groups:
            if group.rebuild:
                await self._rebuild(excerpt, group, folded)
        return folded

    async def _load_reached(self, excerpt: Excerpt, handles: Iterable[Handle]) -> None:
        wanted = list(handles)
        contacts = await self._directory.contacts(wanted) if wanted else {}
        if len(contacts) < len(wanted):
            raise RetryOnFreshState("A claim names a contact that has just been merged away.")
        excerpt.add(contacts=contacts.values())
        parts = list({contact.component for contact in contacts.values() if contact.component is not None})
        if parts:
            components = await self._directory.components(parts)
            if len(components) < len(parts):
                raise RetryOnFreshState("A contact names a component that has just joined another.")
            excerpt.add(components=components.values())
        _check_agreement(excerpt.claims, excerpt.contacts)

    async def _load_claims(self, excerpt: Excerpt, identifiers: set[str]) -> None:
        """Load claims that contacts say exist."""
        claims = await self._directory.claims(list(identifiers)) if identifiers else {}
        if len(claims) < len(identifiers):
            raise RetryOnFreshState("A contact names an identifier whose claim has just gone.")
        excerpt.add(claims=claims.values())

    def _is_too_large(self, group: Group) -> bool:
        return group.rebuild and group.size + len(group.statements) > self._limits.component_events

    def _count_fitting(self, groups: list[Group], records: Sequence[LogRecord], heard: Heard) -> int:
        """How many of the first records can be decided together: no two statements of a group too large to rebuild.

        Alone, each is judged by its own component; together, one that is in order or plain would be refused
        for what another does.
        """
        places = {id(record): place for place, record in enumerate(records)}
        fitting = len(records)
        for group in groups:
            if len(group.statements) > 1 and self._is_too_large(group):
                come = sorted(places[id(heard.statements[each.event_id][1])] for each in group.statements)
                fitting = min(fitting, come[1])
        return fitting

    async def _drop_too_large(
        self, excerpt: Excerpt, groups: list[Group], heard: Heard, folded: _Folded, now: int
    ) -> list[Group]:
        """A late statement that would rebuild a component past its limit becomes a dead letter.

        What it was judged by is written too, unchanged but for its version: a death is a decision like any other.
        """
        fitting: list[Group] = []
        for group in groups:
            if not self._is_too_large(group):
                fitting.append(group)
                continue
            excerpt.touched.update(contact.handle for contact in group.contacts)
            excerpt.touched_components.update(group.components)
            busiest = find_busiest(excerpt, group)
            reason = (
                f"A late event would rebuild {group.size + 1} pieces of evidence that hang together, and at most "
                f"{self._limits.component_events} may (limits.component_events). Most contacts share the "
                f"identifier {busiest}: if it reaches more than one person, leave it out; else raise the limit."
            )
            # Its own evidence may be what makes it too large, where another processor has just applied a copy.
            if await self._directory.known([statement.event_id for statement in group.statements]):
                raise RetryOnFreshState("Another processor has just applied an event of this batch.")
            for statement in group.statements:
                _, record = heard.statements.pop(statement.event_id)
                folded.dead.append(bury(record, "component_too_large", reason, now))
        return fitting

    async def _rebuild(self, excerpt: Excerpt, group: Group, folded: _Folded) -> None:
        members = {contact.handle: contact for contact in group.contacts}
        if group.components:
            for contact in await self._directory.members(group.components):
                loaded = excerpt.contacts.get(contact.handle)
                if loaded is not None and loaded.version != contact.version:
                    raise RetryOnFreshState("A contact has just changed; another group may have stepped it as it was.")
                members.setdefault(contact.handle, contact)
        named = {name for contact in members.values() for name in contact.owned | contact.named}
        _, evidence = await asyncio.gather(
            self._load_claims(excerpt, named - excerpt.claims.keys()),
            self._directory.evidence_of(list(members.values())),
        )
        mentioned = {name: excerpt.claims[name] for name in named}
        _check_agreement(mentioned, members)
        if any(not claim.mentions <= members.keys() for claim in mentioned.values()):
            raise RetryOnFreshState("A component has just grown by a contact.")
        if len(evidence) != sum(contact.size for contact in members.values()):
            raise RetryOnFreshState("The evidence of a component has just grown.")
        past = [Past(read_evidence(one, self._schema), one.handle) for one in evidence if one.handle is not None]
        folded.results |= rebuild(excerpt, list(members.values()), past, group.statements)
        folded.rebuilt += 1

    def _keep(self, statement: Statement, record: LogRecord, outcome: Outcome, handle: Handle | None) -> Evidence:
        as_sent = statement.faults or statement.taken_as_it_is
        return Evidence(
            statement.event_id,
            statement.stamp,
            record.value,
            None if as_sent else encode_statement(statement, self._schema),
            handle,
            outcome,
            record.partition,
            record.offset,
            statement.organization.account_id if statement.organization and not statement.faults else None,
            statement.import_row,
        )

    async def _fold_organizations(self, heard: Heard, folded: _Folded) -> list[Fragment]:
        """What the batch says of organisations, each in its own partition's fragment, whoever won a field."""
        said = [
            (statement, record.partition)
            for statement, record in heard.statements.values()
            if statement.organization is not None and statement.event_id in folded.results
        ]
        if not said:
            return []
        keys = {(s.organization.account_id, partition) for s, partition in said if s.organization is not None}
        fragments = await self._directory.fragments(list(keys))
        for statement, partition in said:
            _say(fragments, statement, partition)
        return list(fragments.values())


def _say(fragments: dict[tuple[str, Partition], Fragment], statement: Statement, partition: Partition) -> None:
    organization = statement.organization
    if organization is None:
        return
    key = (organization.account_id, partition)
    fragment = fragments.setdefault(key, Fragment(organization.account_id, partition, statement.stamp))
    fragment.said = max(fragment.said, statement.stamp)
    for name, value in organization.fields.items():
        present = fragment.fields.get(name)
        if present is None or present[0] < statement.stamp:
            fragment.fields[name] = (statement.stamp, value, statement.source)


def _check_agreement(claims: Mapping[str, Claim], contacts: Mapping[Handle, Contact]) -> None:
    """Claims and contacts are read one after the other; what changed between would not show in the versions.

    Each contact must be mentioned and owned from as it says itself, and each claim must be named and owned by those
    of these contacts that it says. Raises `RetryOnFreshState`.
    """
    for claim in claims.values():
        for handle in claim.mentions:
            contact = contacts.get(handle)
            if contact is not None and claim.identifier not in contact.owned and claim.identifier not in contact.named:
                raise RetryOnFreshState("A claim is mentioned by a contact that does not name it any more.")
    for contact in contacts.values():
        for identifiers, owned in ((contact.owned, True), (contact.named, False)):
            for identifier in identifiers:
                found = claims.get(identifier)
                if found is None:
                    continue
                if contact.handle not in found.mentions or (found.owner == contact.handle) != owned:
                    raise RetryOnFreshState("A contact names an identifier whose claim says otherwise by now.")


def _journal(excerpt: Excerpt) -> Changes:
    return Changes(
        moved_evidence=excerpt.moved_evidence,
        contacts=_pick(excerpt.contacts, excerpt.touched),
        gone_contacts=excerpt.gone_contacts,
        claims=[excerpt.claims[name] for name in sorted(excerpt.touched_claims)],
        gone_claims=[claim for claim in excerpt.gone_claims if claim.version],
        components=[excerpt.components[name] for name in sorted(excerpt.touched_components)],
        gone_components=excerpt.gone_components,
        moved_members=excerpt.moved_members,
    )


def _pick(contacts: Mapping[Handle, Contact], touched: Iterable[Handle]) -> list[Contact]:
    # In one order everywhere, so that two batches that meet wait for each other instead of deadlocking.
    return [contacts[handle] for handle in sorted(touched)]
