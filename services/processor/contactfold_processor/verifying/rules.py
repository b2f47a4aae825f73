"""Rules and retractions against the directives in evidence that make them: what is in force is said by somebody."""

from collections.abc import Iterator, Sequence

import msgspec

from contactfold.domain.directives import Rule, RuleBook
from contactfold.domain.event import DIRECTIVES, ERASE, RETRACT, UPSERT
from contactfold.domain.outcome import REJECTED
from contactfold.domain.schema import Schema
from contactfold.ports import Directory, Evidence
from contactfold.wire import read_directive
from contactfold_processor.pieces import is_refused
from contactfold_processor.ruling import is_out_of_force
from contactfold_processor.verifying.findings import EVIDENCE, NOTHING, RULE, UNSETTLED, Mismatch, name_event
from contactfold_processor.workspace import Workspace


class RuleCheck:
    """Each rule is what its directive says, and in force where that is."""

    name = "rules"

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    async def page(self, moment: Directory, after: Rule | None) -> list[Rule]:
        """See `Check.page`. People make rules, so all of them are one page."""
        return await moment.rules(after=after.number) if after else await moment.rules(after=0)

    async def again(self, moment: Directory, documents: list[Rule]) -> list[Rule]:
        """See `Check.again`."""
        wanted = {rule.directive for rule in documents}
        return [rule for rule in await moment.rules(after=0) if rule.directive in wanted]

    async def compare(self, moment: Directory, documents: list[Rule]) -> list[Mismatch]:
        """See `Check.compare`."""
        pieces = {piece.event_id: piece for piece in await moment.pieces([rule.directive for rule in documents])}
        return [each for rule in documents for each in self._compare(rule, pieces.get(rule.directive))]

    def _compare(self, rule: Rule, piece: Evidence | None) -> Iterator[Mismatch]:
        where = name_event(rule.directive)
        if piece is None or find_kind(piece) not in DIRECTIVES:
            yield Mismatch(RULE, where, "document", rule.kind, "none: no directive in evidence makes it")
            return
        directive = read_directive(piece, self._schema)
        if rule.in_force == piece.retracted:
            told = ("out of force", "in force")
            yield Mismatch(RULE, where, "in_force", told[rule.in_force], told[not piece.retracted])
        said = (
            (directive.kind, piece.stamp)
            if rule.kind == ERASE
            else (directive.kind, piece.stamp, directive.identifiers)
        )
        held = (rule.kind, rule.stamp) if rule.kind == ERASE else (rule.kind, rule.stamp, rule.identifiers)
        if held != said:
            yield Mismatch(RULE, where, "identifiers", "another rule", "what its directive says")


class RetractionCheck:
    """Whether evidence is left out where retractions in force name it, and rules are there for directives."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    async def compare(self, moment: Directory, pieces: Sequence[Evidence]) -> list[Mismatch]:
        """What does not agree about these pieces. While a directive is settling some may be behind it."""
        book = RuleBook()  # of the same moment as the pieces: pages of other moments are compared beside these
        book.take(await moment.rules(after=0))
        workspace = Workspace(moment, self._schema, book)
        kinds = {piece.event_id: find_kind(piece) for piece in pieces if piece.handle is None}
        statements = [piece for piece in pieces if kinds.get(piece.event_id, UPSERT) == UPSERT]
        taken = [piece for piece in statements if not is_refused(piece)]
        left_out = zip(taken, await workspace.judge(taken), strict=True)
        found = [_about(piece, out) for piece, out in left_out if out != piece.retracted]
        for piece in pieces:
            kind = kinds.get(piece.event_id)
            if kind in DIRECTIVES and piece.outcome.status != REJECTED:
                found += await _compare_directive(workspace, book, piece, str(kind))
        if found and await moment.settlings():
            found = [Mismatch(UNSETTLED, each.where, each.field, each.stored, each.expected) for each in found]
        return found


async def _compare_directive(workspace: Workspace, book: RuleBook, piece: Evidence, kind: str) -> list[Mismatch]:
    out = await is_out_of_force(workspace, kind, piece.stamp, piece.by)
    found = [] if out == piece.retracted else [_about(piece, out)]
    if kind != RETRACT and not piece.retracted and book.find(piece.event_id) is None:
        found.append(Mismatch(RULE, name_event(piece.event_id), "document", NOTHING, f"a rule, for it is a {kind}"))
    return found


class _Kind(msgspec.Struct):
    type: str = UPSERT


_decode_kind = msgspec.json.Decoder(_Kind).decode


def find_kind(piece: Evidence) -> str | None:
    """The type of an event in evidence, None where it cannot be read."""
    try:
        return _decode_kind(piece.event).type
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _about(piece: Evidence, out: bool) -> Mismatch:
    told = ("in force", "retracted")
    return Mismatch(EVIDENCE, name_event(piece.event_id), "retracted", told[piece.retracted], told[out])
