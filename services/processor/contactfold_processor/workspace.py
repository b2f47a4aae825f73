"""A workspace: what one decision has loaded of the directory, judged and rebuilt, and what it would write there."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from contactfold.domain.changes import Changes, DeadLetter, Evidence, Fate
from contactfold.domain.directives import Directive, RuleBook, Settling, gate_of_import
from contactfold.domain.directory import Contact, Handle
from contactfold.domain.erasing import Erasing, Erasure, Hasher, erased_outcome, is_token, make_skeleton
from contactfold.domain.errors import RetryOnFreshState
from contactfold.domain.event import Statement
from contactfold.domain.outcome import Outcome
from contactfold.domain.rebuild import Past, rebuild
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId, Stamp
from contactfold.ports import Directory
from contactfold.wire import encode_skeleton, read_evidence
from contactfold_processor.accounts import Accounts
from contactfold_processor.judging import Judging
from contactfold_processor.loading import check_agreement
from contactfold_processor.staging import stage_moves

PAGE = 5_000
"""Pieces of evidence, or contacts, asked for at a time where there may be any number."""


class Workspace(Judging):
    """One decision in the making."""

    def __init__(self, directory: Directory, schema: Schema, book: RuleBook, hasher: Hasher | None = None) -> None:
        """`hasher` is the directory's, which has one as soon as anything was erased."""
        super().__init__(directory, schema, book)
        self.schema = schema
        self.accounts = Accounts(directory, schema)
        self.evidence: list[Evidence] = []
        self.settlings: dict[EventId, Settling] = {}
        self.gone_settlings: list[Settling] = []
        self.met: set[Handle] = set()
        """Contacts to write although nothing changes in them, so that who has decided otherwise collides there."""
        self.rebuilt = 0
        self.folded = 0
        """Pieces of evidence that were folded anew."""
        self._members: dict[Handle, Contact] = {}
        self._former: dict[EventId, Fate] = {}
        self.directives: dict[EventId, Directive] = {}
        """The directives that are settling here."""
        self.hasher = hasher
        self.absent_claims: list[str] = []
        self.settings: dict[str, bytes] = {}
        self.rewritten: list[Evidence] = []
        self.dead_letters: list[DeadLetter] = []
        self.erased_new: dict[EventId, tuple[EventId, ...]] = {}
        """The erasures that have reached statements of this decision."""
        self._rebuilt_names: set[str] = set()
        """What was named in rebuilds that came by erasures."""

    # ---- erasures

    def list_tokens(self, identifiers: Iterable[str]) -> set[str]:
        """What these identifiers would be known by if they were erased; none where nothing was."""
        if self.hasher is None or not self.excerpt.rules.erased:
            return set()
        return {self.hasher.token(identifier) for identifier in identifiers}

    def hear_echoes(self, statements: Iterable[Statement], tokens: Iterable[str]) -> None:
        """Let statements mention what people are known by who were erased."""
        known = {token for token in tokens if self.excerpt.claims[token].mentions}
        if known and self.hasher is not None:
            for statement in statements:
                named = (name for name in statement.identifiers if name not in self.excerpt.rules.shared)
                statement.echoes = tuple(token for token in map(self.hasher.token, named) if token in known)

    def find_erasures_of(self, statements: Iterable[Statement]) -> set[EventId]:
        """The erasures that name an identifier of any of these statements, and are later than that one.

        Asked for many at once: all erasures are gone through, of which there may be thousands.
        """
        if self.hasher is None or not self.excerpt.rules.erased:
            return set()
        erasures: dict[str, list[Erasure]] = {}
        for one in self.list_erasures():
            erasures.setdefault(one.token, []).append(one)
        return {
            one.event_id
            for statement in statements
            for name in statement.identifiers
            for one in erasures.get(self.hasher.token(name), ())
            if statement.stamp < one.stamp
        }

    async def _claim_both_forms(self) -> None:
        """Where people were erased, somebody may be known by an identifier or by its token: collide on either.

        Who turns an identifier into a token writes no claim of the one, and who is the first to name the other none
        of the token.
        """
        if self.hasher is None or not self.excerpt.rules.erased:
            return
        touched = self.excerpt.touched_claims
        gone = {claim.identifier for claim in self.excerpt.gone_claims if claim.version}
        first = {name for name in touched if not self.excerpt.claims[name].version}
        other = {self.hasher.token(name) for name in first if not is_token(name)}
        other.update(name for name in self._rebuilt_names if not is_token(name))
        other -= self.excerpt.rules.shared | gone | touched
        # What nobody mentioned, and nobody does after all: to ask again would find who has come since.
        unheard = other.intersection(claim.identifier for claim in self.excerpt.gone_claims)
        self.absent_claims += unheard
        for claim in await self.find_claims(sorted(other - unheard)):
            if claim.version:
                touched.add(claim.identifier)
            else:
                self.absent_claims.append(claim.identifier)

    async def scrub_again(self, erasures: Iterable[EventId]) -> None:
        """Have erasures look once more through what is kept outside the fold: something that names them has come."""
        if not (erasures := set(erasures)):
            return
        stored = {settling.directive: settling for settling in await self.directory.settlings()}
        for erasure in erasures:
            settling = stored.get(erasure) or Settling(erasure)
            settling.cursor, settling.done = b"", 0
            self.settlings[erasure] = settling

    # ---- rebuilding

    async def rebuild(
        self,
        members: Mapping[Handle, Contact],
        statements: list[Statement],
        returning: Sequence[Evidence] = (),
        naming: Collection[str] = (),
    ) -> dict[EventId, tuple[Outcome, Handle]]:
        """Fold these contacts anew, with new statements and with evidence that belonged to nobody.

        `members` must be closed; whoever mentions an identifier of `naming` is one. Returns what became of the new
        statements.
        """
        members = dict(members)
        while True:
            named = {name for contact in members.values() for name in contact.owned | contact.named}
            await self.load_claims(named)
            check_agreement({name: self.excerpt.claims[name] for name in named}, members)
            pieces = [piece async for piece in self._history(list(members.values()))]
            _check_history(pieces, members, statements)
            pieces += [piece for piece in returning if piece.handle is None]
            left_out = await self.judge(pieces)
            past = [
                Past(read_evidence(piece, self.schema), piece.handle, piece.retracted, out)
                for piece, out in zip(pieces, left_out, strict=True)
            ]
            folded = [*statements, *(one.statement for one in past if not one.left_out)]
            erasing = self.find_erasures(members, pieces, folded, naming)
            # Whom a retracted statement names must find it if an erasure takes its payload, and it is let in again.
            tied = [one.statement for one in past if one.left_out] if erasing and erasing.erasures else []
            outside = await self._find_outside(members, [*folded, *tied])
            if not outside:
                break
            # What is let in again, or no longer shared, may name somebody whom nothing else here does.
            changed = self.excerpt.touched.union(contact.handle for contact in self.excerpt.gone_contacts)
            if not changed.isdisjoint(outside):
                raise RetryOnFreshState(
                    "A rebuild reaches whom its batch has changed already: a smaller one is needed."
                )
            await self.load_reached(outside)
            members |= await self.close({handle: self.excerpt.contacts[handle] for handle in outside})
        await self._turn(pieces, past)
        before = {handle: replace(contact) for handle, contact in members.items()}
        first = len(self.excerpt.fates)
        results = rebuild(self.excerpt, list(members.values()), past, statements, erasing)
        if moved := {fate.event_id for fate in self.excerpt.fates[first:]}:
            self._members |= before
            self._former |= {
                one.event_id: Fate(one.event_id, one.handle, one.retracted) for one in pieces if one.event_id in moved
            }
        else:
            self._forget_unchanged(members)
        turned = {one.event_id: one.version for one, out in zip(pieces, left_out, strict=True) if one.retracted != out}
        for fate in self.excerpt.fates:
            fate.version = turned.get(fate.event_id, fate.version)
        if erasing is not None:
            self._rebuilt_names.update(name for one in (*folded, *tied) for name in one.identifiers)
            await self._erase(pieces, past, statements, erasing)
        self.rebuilt += 1
        self.folded += len(pieces)
        return results

    async def _turn(self, pieces: Sequence[Evidence], past: Sequence[Past]) -> None:
        """Let imports and organisations hear of what is left out, or let in again, from now on."""
        for piece, one in zip(pieces, past, strict=True):
            if one.left_out != one.retracted:
                if piece.import_row is not None:
                    self.gates.touch_head(gate_of_import(piece.import_row[0]))
                await self.accounts.change(piece, one.statement, left_out=one.left_out)

    def _forget_unchanged(self, members: Mapping[Handle, Contact]) -> None:
        """Let go of contacts that are not to be written, so that no number of large components fills the memory."""
        excerpt = self.excerpt
        for handle in (excerpt.contacts.keys() & members.keys()) - excerpt.touched - self.met:
            del excerpt.contacts[handle]

    def find_erasures(
        self,
        members: Mapping[Handle, Contact],
        pieces: Sequence[Evidence],
        statements: Sequence[Statement],
        naming: Collection[str],
    ) -> Erasing | None:
        """The erasures that a rebuild comes by; None where nothing was ever erased."""
        if self.hasher is None or not self.excerpt.rules.erased:
            return None
        token, rules = self.hasher.token, self.excerpt.rules
        named = {name for statement in statements for name in statement.identifiers}
        # What is shared leads to nobody; whoever mentions its token nevertheless is among the members.
        tokens = {token(name) for name in named} - {token(name) for name in rules.shared}
        tokens.update(token(name) for name in naming)
        tokens.update(name for contact in members.values() for name in contact.named if is_token(name))
        reached = {piece.event_id: set(piece.erased_by) for piece in pieces if piece.erased_by}
        before = set().union(*reached.values())
        erasures = [
            replace(one, here=one.token in tokens)
            for one in self.list_erasures()
            if one.token in tokens or one.event_id in before
        ]
        plain = {name for name in (*named, *rules.shared, *rules.apart) if not is_token(name)}
        return Erasing(self.hasher, erasures, {token(name): name for name in plain}, reached)

    async def _erase(
        self, pieces: Sequence[Evidence], past: Sequence[Past], statements: Sequence[Statement], erasing: Erasing
    ) -> None:
        """Take the payload from whatever an erasure has reached."""
        fates = {fate.event_id: fate for fate in self.excerpt.fates}
        for piece, one in zip(pieces, past, strict=True):
            by = tuple(sorted(erasing.reached.get(piece.event_id, ())))
            if by == piece.erased_by:
                continue
            fate = fates.get(piece.event_id)
            if not piece.erased_by and not one.left_out:
                await self.accounts.change(piece, one.statement, left_out=True)
            erased = self.make_skeleton(piece, one.statement, by)
            if fate is not None:
                erased.handle, erased.retracted = fate.handle, fate.retracted
            self.rewritten.append(erased)
        for statement in statements:
            if statement.event_id in erasing.reached:
                self.erased_new[statement.event_id] = tuple(sorted(erasing.reached[statement.event_id]))

    def make_skeleton(self, piece: Evidence, statement: Statement, by: tuple[EventId, ...]) -> Evidence:
        """A piece of evidence without its payload, as a rewrite of what is stored."""
        if self.hasher is None:
            raise ValueError("Nothing is erased without an erasure key.")
        event = piece.event if piece.erased_by else encode_skeleton(make_skeleton(statement, self.schema, self.hasher))
        outcome = erased_outcome(piece.event_id, piece.outcome.source)
        return replace(piece, event=event, understood=None, outcome=outcome, account_id=None, erased_by=by)

    async def _find_outside(self, members: Mapping[Handle, Contact], folded: Iterable[Statement]) -> set[Handle]:
        """Contacts that are not among these but mention what they name, or what these statements name."""
        named = {name for contact in members.values() for name in contact.owned | contact.named}
        named.update(name for statement in folded for name in statement.identifiers)
        if self.hasher is not None and self.excerpt.rules.erased:
            named.update([self.hasher.token(name) for name in named - self.excerpt.rules.shared])
        claims = await self.find_claims(named - self.excerpt.rules.shared)
        return {handle for claim in claims for handle in claim.mentions if handle not in members}

    async def _history(self, contacts: list[Contact]) -> AsyncIterator[Evidence]:
        """The evidence of contacts; one contact's in pages, for it may have any amount."""
        if len(contacts) != 1 or contacts[0].size <= PAGE:
            for piece in await self.directory.evidence_of(contacts) if contacts else ():
                yield piece
            return
        after: Stamp | None = None
        while page := await self.directory.evidence_page(contacts[0], after=after, limit=PAGE):
            for piece in page:
                yield piece
            after = page[-1].stamp

    # ---- what it comes to

    async def changes(self) -> Changes:
        """Everything this decision would write, but the positions and the dead letters."""
        excerpt = self.excerpt
        lost = {piece.event_id for piece in self.rewritten}
        fragments, gone_fragments = await self.accounts.settle({fate.event_id: fate for fate in excerpt.fates}, lost)
        for piece in self.rewritten:
            if mark := self.marks.pop(piece.event_id, None):
                piece.by = mark.by
        for fate in excerpt.fates:
            if fate.event_id in self.marks or fate.event_id in lost:
                fate.version = None  # Those are written over the version, and raise it.
        met = self.met & excerpt.contacts.keys()
        await self._claim_both_forms()
        await self.read_versions([*(excerpt.claims[name] for name in excerpt.touched_claims), *excerpt.gone_claims])
        changes = Changes(
            evidence=self.evidence,
            fates=excerpt.fates,
            rewritten=self.rewritten,
            marks=list(self.marks.values()),
            # In one order everywhere, so that two batches that meet wait for each other instead of deadlocking.
            contacts=[excerpt.contacts[handle] for handle in sorted(excerpt.touched | met)],
            gone_contacts=excerpt.gone_contacts,
            claims=[excerpt.claims[name] for name in sorted(excerpt.touched_claims)],
            gone_claims=[claim for claim in excerpt.gone_claims if claim.version],
            components=[excerpt.components[name] for name in sorted(excerpt.touched_components)],
            gone_components=excerpt.gone_components,
            moved_members=excerpt.moved_members,
            dead_letters=self.dead_letters,
            fragments=fragments,
            gone_fragments=gone_fragments,
            rules_known=self._book.number,
            absent_claims=sorted(set(self.absent_claims)),
            settings=self.settings,
            rules=list({rule.directive: rule for rule in self.rules}.values()),
            gates=self.gates.list_written(),
            settlings=[self.settlings[directive] for directive in sorted(self.settlings)],
            gone_settlings=self.gone_settlings,
        )
        changes.first = stage_moves(changes, self._members.values(), self._former)
        return changes


def _check_history(
    pieces: Sequence[Evidence], members: Mapping[Handle, Contact], statements: Iterable[Statement]
) -> None:
    """Raise `RetryOnFreshState` where evidence has come since the contacts were loaded."""
    new = {statement.event_id for statement in statements}
    if len(pieces) != sum(contact.size for contact in members.values()) or any(one.event_id in new for one in pieces):
        raise RetryOnFreshState("The evidence of a component has just grown.")
