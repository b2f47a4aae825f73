"""Judging: which rules are in force for one decision, and which evidence is retracted."""

from collections.abc import Sequence

from contactfold.domain.changes import Evidence
from contactfold.domain.directives import Mark, Rule, RuleBook, Rules, gate_of_import
from contactfold.domain.erasing import Erasure
from contactfold.domain.event import ERASE, Statement
from contactfold.domain.excerpt import Excerpt
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId, Stamp, stamp_event
from contactfold.ports import Directory
from contactfold_processor.gates import Gates
from contactfold_processor.loading import Loading


class Judging(Loading):
    """What one decision has loaded, and by which rules and retractions it is judged."""

    def __init__(self, directory: Directory, schema: Schema, book: RuleBook) -> None:
        super().__init__(directory, Excerpt(schema, book.rules))
        self.gates = Gates(directory)
        self.marks: dict[EventId, Mark] = {}
        self.rules: list[Rule] = []
        self._book = book
        self._in_force: dict[EventId, bool] = {}
        self._stubs: dict[EventId, Mark] = {}

    def change_rule(self, rule: Rule) -> tuple[Rules, Rules]:
        """Write a new or changed rule, under the next number; returns what all rules amounted to before and after."""
        rule.number = self._book.number + len(self.rules) + 1
        self.rules.append(rule)
        before, self.excerpt.rules = self.excerpt.rules, self._book.with_changes(self.rules)
        return before, self.excerpt.rules

    def list_erasures(self) -> list[Erasure]:
        """Every erasure, in order of stamps."""
        rules = [*self._book.list_rules(ERASE), *(rule for rule in self.rules if rule.kind == ERASE)]
        erasures = {rule.directive: Erasure(rule.directive, rule.stamp, rule.identifiers[0]) for rule in rules}
        return sorted(erasures.values(), key=lambda erasure: erasure.stamp)

    def find_rule(self, directive: EventId) -> Rule | None:
        """The rule a directive has made already, in force or not."""
        return self._book.find(directive)

    def put_in_force(self, retraction: EventId, in_force: bool) -> None:
        """Let a retraction count or not count from here on, whatever the directory says yet."""
        self._in_force[retraction] = in_force

    async def find_known(self, event_ids: Sequence[EventId]) -> list[EventId]:
        """Which of these events are in evidence already; the stubs of others are kept in mind."""
        marks = await self.directory.marks(event_ids) if event_ids else {}
        self._stubs |= {event_id: mark for event_id, mark in marks.items() if mark.stub}
        return [event_id for event_id, mark in marks.items() if not mark.stub]

    def find_stub(self, event_id: EventId) -> Mark | None:
        """The stub of an event that `find_known` was asked for."""
        return self._stubs.get(event_id)

    def list_against(self, statement: Statement) -> Sequence[Stamp]:
        """The stamps of the retractions that name a statement that has not come yet, or its import."""
        stub = self._stubs.get(statement.event_id)
        return self._with_import(stub.by if stub else (), statement.import_row)

    async def judge(self, pieces: Sequence[Evidence]) -> list[bool]:
        """Which of these are retracted, by the retractions that name them or their import.

        Asked after everything that rests on the answer was loaded: what changes it later comes by again.
        """
        await self.gates.load({gate_of_import(piece.import_row[0]) for piece in pieces if piece.import_row})
        marked = (self.marks.get(piece.event_id, piece).by for piece in pieces)
        return await self.judge_stamps(
            [self._with_import(by, piece.import_row) for by, piece in zip(marked, pieces, strict=True)]
        )

    def _with_import(self, by: tuple[Stamp, ...], row: tuple[str, int] | None) -> Sequence[Stamp]:
        head = None if row is None else self.gates.find_head(gate_of_import(row[0]))
        return by if head is None else (*by, *head.by)

    async def judge_stamps(self, against: Sequence[Sequence[Stamp]]) -> list[bool]:
        """For each of these lists of retractions, whether any of them is in force."""
        asked = {stamp_event(stamp) for stamps in against for stamp in stamps}
        if unknown := asked - self._in_force.keys():
            found = {piece.event_id: not piece.retracted for piece in await self.directory.pieces(list(unknown))}
            self._in_force |= {event_id: found.get(event_id, False) for event_id in unknown}
        return [any(self._in_force[stamp_event(stamp)] for stamp in stamps) for stamps in against]
