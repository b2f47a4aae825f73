"""Deciding a batch: from records to the changes one transaction writes.

Loads what the records' statements touch, in as many round trips as there are kinds of documents and
not one an event, steps them through it in memory, and returns the decision as data. Nothing is written here.

The rules are asked for last: a directive that is recorded after that writes the claims and components its
identifiers lead to, so that the commit of whoever has not heard of it fails.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from shlex import quote
from typing import TypeVar

from contactfold.config import Limits
from contactfold.domain.directives import RuleBook
from contactfold.domain.directory import Handle
from contactfold.domain.erasing import Hasher
from contactfold.domain.errors import RetryOnFreshState, Unavailable
from contactfold.domain.event import ERASE, Statement
from contactfold.domain.outcome import IGNORED, Outcome
from contactfold.domain.planning import Group, list_extra_claims, make_groups
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId
from contactfold.domain.step import refuse, step
from contactfold.ports import Changes, DeadLetter, Directory, LogRecord
from contactfold_processor.aside import keep_aside
from contactfold_processor.counting import list_subjects, pass_gates
from contactfold_processor.crowds import find_busiest, part_doomed
from contactfold_processor.hashing import find_hasher, make_hasher
from contactfold_processor.keeping import keep_evidence
from contactfold_processor.loading import check_agreement
from contactfold_processor.making_way import PIECE, make_way
from contactfold_processor.pieces import RETRACTED
from contactfold_processor.portions import rebuild_groups
from contactfold_processor.records import Heard, bury, hear
from contactfold_processor.settling import decide_directive, settle_further
from contactfold_processor.workspace import Workspace

T = TypeVar("T")

_ROUNDS = 3
"""Times a batch is decided by rules that have changed meanwhile, before it is tried again as after a conflict."""


@dataclass(slots=True)
class Decision:
    """What the first `count` records of a batch would write (all but the positions), and what there is to say of it."""

    count: int
    changes: Changes
    outcomes: list[Outcome]
    dead: list[DeadLetter]
    duplicates: int = 0
    rebuilt: int = 0
    folded: int = 0
    """Pieces of evidence that were folded anew for it."""
    asked: bool = True
    """Whether it was asked which of the events are known."""


@dataclass(slots=True)
class _Folded:
    """The statements that were folded, by event: outcome and handle (None: nobody's); and those that died of it."""

    results: dict[EventId, tuple[Outcome, Handle | None]] = field(default_factory=dict)
    dead: list[DeadLetter] = field(default_factory=list)


class Decider:
    """Decides batches against one directory with one schema, and keeps the rules in force in mind."""

    def __init__(self, directory: Directory, schema: Schema, limits: Limits, erasure_key: bytes | None = None) -> None:
        """`erasure_key` is the operator's, where there is one."""
        self._directory = directory
        self._erasure_key = erasure_key
        self._hasher: Hasher | None = None
        self._schema = schema
        self._limits = limits
        self._book = RuleBook()

    async def decide(
        self, records: Sequence[LogRecord], now: int, *, on: Directory | None = None, asking: bool = True
    ) -> Decision:
        """Decide records in the order of their stamps; `now` dates dead letters (microseconds since 1970).

        `on` is the directory as it is about to be, where that is not as it is (`FollowingDirectory`). A directive is
        decided alone, and what comes before it without it. Raises `RetryOnFreshState` where what was
        read does not fit together, because others wrote meanwhile.

        Without `asking`, no event is taken to be in evidence already: that is right where it can be committed, for
        no commit takes evidence twice, and otherwise may have failed for that.
        """

        async def decide() -> Decision:
            heard = await hear(records, self._schema, largest=self._limits.record_bytes, now=now)
            workspace = await self._begin(on)
            if heard.directive is not None:
                if heard.directive[0].kind == ERASE:
                    await self._provide_hasher(workspace)
                duplicate = not await decide_directive(workspace, *heard.directive)
                outcomes = [evidence.outcome for evidence in workspace.evidence]
                decision = Decision(1, await workspace.changes(), outcomes, [], duplicates=int(duplicate))
            else:
                decision = await self._decide_statements(workspace, records[: heard.count], heard, now, asking)
            decision.rebuilt, decision.folded = workspace.rebuilt, workspace.folded
            return decision

        return await self._by_the_rules(decide)

    async def settle(self, *, limit: int, holder: str, until: int, busy: Sequence[EventId] = ()) -> Changes | None:
        """What the next rebuilds of a directive that is settling would write, or None where none is left to do.

        At most about `limit` pieces of evidence are looked at. `holder` is who works on it up to `until`; directives
        in `busy` are left to others.
        """

        async def decide() -> Changes | None:
            workspace = await self._begin()
            found = await settle_further(workspace, limit=limit, holder=holder, until=until, busy=busy)
            return await workspace.changes() if found else None

        return await self._by_the_rules(decide)

    async def _begin(self, on: Directory | None = None) -> Workspace:
        """A workspace for one decision."""
        if self._book.rules.erased and self._hasher is None:
            self._hasher = await find_hasher(self._directory, self._erasure_key)
        return Workspace(on or self._directory, self._schema, self._book, self._hasher)

    async def _provide_hasher(self, workspace: Workspace) -> None:
        """Give an erasure its hasher, which is made with the first one."""
        workspace.hasher = self._hasher or await find_hasher(self._directory, self._erasure_key)
        if workspace.hasher is None:
            workspace.hasher, workspace.settings = make_hasher(self._erasure_key)

    async def _by_the_rules(self, decide: Callable[[], Awaitable[T]]) -> T:
        """Decide until the rules are the same afterwards: by outdated ones what is loaded need not fit together.

        Raises `RetryOnFreshState` where they change faster than that.
        """
        for _ in range(_ROUNDS):
            try:
                decision = await decide()
            except Unavailable:
                raise
            except Exception:
                if await self._knows_the_rules():
                    raise
            else:
                if await self._knows_the_rules():
                    return decision

        raise RetryOnFreshState("The rules change faster than this is decided.")

    async def _knows_the_rules(self) -> bool:
        """Whether the rules are still those that were decided by; if not, they are now the ones to decide by."""
        changed = await self._directory.rules(after=self._book.number)
        self._book.take(changed)
        return not changed

    async def _decide_statements(
        self, workspace: Workspace, records: Sequence[LogRecord], heard: Heard, now: int, asking: bool
    ) -> Decision:
        excerpt = workspace.excerpt
        named = {name for statement, _ in heard.statements.values() for name in statement.identifiers}
        shared = named & excerpt.rules.shared
        named -= shared
        tokens = workspace.list_tokens(named)
        # One identifier of each leads to whom the directory knows by all of them, nearly always. Where people were
        # erased, others may be known by tokens.
        leading = named if tokens else _list_leading(heard, shared)
        # Absent claims are loaded too: nobody mentioned them when they were looked for.
        known, *_ = await asyncio.gather(
            workspace.find_known(list(heard.statements) if asking else []),
            workspace.reach(leading | tokens),
            workspace.gates.load(list_subjects(heard, shared)),
        )
        for event_id in known:
            del heard.statements[event_id]
        retracted = await self._find_retracted(workspace, heard)
        alive = [
            statement
            for statement, _ in heard.statements.values()
            if not statement.faults and statement.event_id not in retracted
        ]
        workspace.hear_echoes(alive, tokens)
        if leading < named:
            await make_way()
            workspace.derive_claims()
            await workspace.reach(named)
        await make_way()
        groups = part_doomed(excerpt, make_groups(excerpt, alive), self._limits.component_events)
        await make_way()
        if (fitting := self._count_fitting(groups, records, heard)) < len(records):
            again = await hear(records[:fitting], self._schema, largest=self._limits.record_bytes, now=now)
            return await self._decide_statements(
                await self._begin(workspace.directory), records[:fitting], again, now, asking
            )
        folded = await self._fold(workspace, groups, heard, now)
        folded.results |= {event_id: (_ignore(heard.statements[event_id][0]), None) for event_id in retracted}
        await make_way()
        keep_evidence(workspace, heard, folded.results, retracted)
        await make_way()
        await workspace.accounts.hear(
            [
                (statement, record.partition)
                for statement, record in heard.statements.values()
                if statement.organization and statement.event_id in folded.results
                if statement.event_id not in retracted and statement.event_id not in workspace.erased_new
            ]
        )
        dead = [*heard.dead, *folded.dead]
        pass_gates(workspace, heard, shared)
        statements = (statement for statement, _ in heard.statements.values())
        aside = [statement for statement in statements if statement.faults or statement.event_id in retracted]
        await keep_aside(workspace, records, aside, dead)
        changes = await workspace.changes()
        changes.dead_letters = dead
        outcomes = [evidence.outcome for evidence in workspace.evidence]
        return Decision(len(records), changes, outcomes, dead, duplicates=len(known) + heard.repeated, asked=asking)

    async def keep_dead(self, record: LogRecord, letter: DeadLetter) -> Changes:
        """What a record's death writes besides its letter, which an erasure must come by."""

        async def decide() -> Changes:
            workspace = await self._begin()
            await keep_aside(workspace, [record], [], [letter])
            changes = await workspace.changes()
            changes.dead_letters = [letter]
            return changes

        return await self._by_the_rules(decide)

    async def _find_retracted(self, workspace: Workspace, heard: Heard) -> set[EventId]:
        """The statements that were retracted before they came, by their stubs or with their import."""
        asked = [
            statement
            for statement, _ in heard.statements.values()
            if workspace.find_stub(statement.event_id) or statement.import_row
        ]
        against = [workspace.list_against(statement) for statement in asked]
        judged = await workspace.judge_stamps(against) if asked else []
        return {statement.event_id for statement, retracted in zip(asked, judged, strict=True) if retracted}

    async def _fold(self, workspace: Workspace, groups: list[Group], heard: Heard, now: int) -> _Folded:
        folded = _Folded()
        excerpt = workspace.excerpt
        groups = await self._drop_too_large(workspace, groups, heard, folded, now)
        stepping = [group for group in groups if not group.rebuild]
        extra = set().union(*(list_extra_claims(excerpt, group) for group in stepping))
        if extra:
            await workspace.load_claims(extra)
            check_agreement(excerpt.claims, excerpt.contacts)
        for place, group in enumerate(stepping):
            if place % PIECE == 0:
                await make_way()
            for statement in group.statements:
                folded.results[statement.event_id] = step(excerpt, statement)
        folded.results |= await rebuild_groups(workspace, [group for group in groups if group.rebuild])
        return folded

    def _is_too_large(self, group: Group) -> bool:
        size = group.size + len(group.statements)
        return group.doomed or (group.rebuild and not group.behind and size > self._limits.component_events)

    def _count_fitting(self, groups: list[Group], records: Sequence[LogRecord], heard: Heard) -> int:
        """How many of the first records can be decided together: as many of a group as may be rebuilt, at least one.

        Or as many as come before the first late one of it, where that are more: those are in order. Alone, each is
        judged by its own component; together, one that is in order or plain would be refused for what another does.
        """
        places = {id(record): place for place, record in enumerate(records)}
        fitting = len(records)
        for group in groups:
            if len(group.statements) > 1 and not group.doomed and self._is_too_large(group):
                come = {each.event_id: places[id(heard.statements[each.event_id][1])] for each in group.statements}
                as_many = sorted(come.values())[max(1, self._limits.component_events - group.size)]
                fitting = min(fitting, max(as_many, min(come[each.event_id] for each in group.late)))
        return fitting

    async def _drop_too_large(
        self, workspace: Workspace, groups: list[Group], heard: Heard, folded: _Folded, now: int
    ) -> list[Group]:
        """A late statement that would rebuild a component past its limit becomes a dead letter.

        What it was judged by is written too, unchanged but for its version: a death is a decision like any other.
        """
        fitting: list[Group] = []
        excerpt = workspace.excerpt
        for group in groups:
            if not self._is_too_large(group):
                fitting.append(group)
                continue
            excerpt.touched.update(contact.handle for contact in group.contacts)
            excerpt.touched_components.update(group.components)
            own = (name for statement in group.statements for name in statement.identifiers)
            busiest = await find_busiest(workspace.directory, self._schema, group.contacts, own, excerpt.rules.shared)
            reason = (
                f"A late event would rebuild {group.size + 1} pieces of evidence that hang together, and at most "
                f"{self._limits.component_events} may (limits.component_events). Most do so by the identifier "
                f"{busiest}. If it is nobody's own, run `contactfold share {quote(busiest)}`; else raise "
                "the limit."
            )
            # Its own evidence may be what makes it too large, where another processor has just applied a copy.
            if await workspace.directory.known([statement.event_id for statement in group.statements]):
                raise RetryOnFreshState("Another processor has just applied an event of this batch.")
            for statement in group.statements:
                for record in heard.take_out(statement.event_id):
                    folded.dead.append(bury(record, "component_too_large", reason, now))
        return fitting


def _ignore(statement: Statement) -> Outcome:
    """The outcome of a statement that was retracted before it came."""
    outcome = refuse(statement)
    outcome.status, outcome.reasons = IGNORED, [RETRACTED, *statement.faults]
    return outcome


def _list_leading(heard: Heard, shared: Collection[str]) -> set[str]:
    """The identifier of each statement that is looked for first."""
    firsts = (
        next((name for name in statement.identifiers if name not in shared), None)
        for statement, _ in heard.statements.values()
    )
    return {name for name in firsts if name is not None}
