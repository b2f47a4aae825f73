"""Scrubbing: what an erasure takes from where no fold comes by (SEMANTICS 5).

Evidence that was refused or is retracted, and dead letters, say what was sent, too. Those that are older than the
erasure and name somebody it reached lose it. They are looked through page by page; what comes later is met when it
comes.
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import replace

from contactfold.domain.changes import DeadLetter, Evidence
from contactfold.domain.directives import Directive, Settling
from contactfold.domain.erasing import ERASED, NOTHING
from contactfold.domain.stamp import stamp_time
from contactfold.ports import LogRecord
from contactfold.wire import Unreadable, read_evidence, read_record
from contactfold_processor.pieces import is_refused, is_ruling, nothing_of
from contactfold_processor.records import as_record
from contactfold_processor.workspace import Workspace

_SHARED = re.compile(r"`contactfold share ([^`]*)`")
"""How a reason names the identifier that made a component too large."""


async def scrub_further(workspace: Workspace, directive: Directive, settling: Settling, limit: int) -> bool:
    """Look through the next page; returns whether it was the last."""
    tokens = await _list_tokens(workspace, directive)
    part, _, place = settling.cursor.decode().partition(":")
    if part != "letters":
        page = await workspace.directory.loose_evidence(after=bytes.fromhex(place) or None, limit=limit)
        kept = [piece for piece in page if _concerns(workspace, piece, directive, tokens)]
        for piece in kept:
            if is_refused(piece):
                _scrub(workspace, piece, directive)
        await _fold_out(workspace, [piece for piece in kept if not is_refused(piece)], directive)
        if page:
            settling.cursor, settling.done = f"loose:{page[-1].event_id.hex()}".encode(), settling.done + len(page)
            return False
        place = ""
    letters = await workspace.directory.dead_letters(after=place or None, limit=limit)
    for letter in letters:
        if _names(workspace, letter, directive, tokens):
            workspace.dead_letters.append(_empty(letter))
    if letters:
        settling.cursor, settling.done = f"letters:{letters[-1].id}".encode(), settling.done + len(letters)
    return not letters


async def _list_tokens(workspace: Workspace, directive: Directive) -> set[str]:
    """Every token of whom the erasure reached; what retracted evidence names besides is not among them."""
    members = await workspace.close(await workspace.reach(directive.identifiers))
    nobodies = [contact for contact in members.values() if contact.nobody]
    tokens = set(directive.identifiers)
    for piece in await workspace.directory.evidence_of(nobodies) if nobodies else ():
        if directive.event_id in piece.erased_by and not piece.retracted:
            tokens.update(read_evidence(piece, workspace.schema).identifiers)
    return tokens


def _concerns(workspace: Workspace, piece: Evidence, directive: Directive, tokens: set[str]) -> bool:
    """Whether a piece of evidence that is part of no fold is older than an erasure, and names whom that reached."""
    if directive.event_id in piece.erased_by or piece.stamp > directive.stamp:
        return False
    if is_ruling(piece) and not is_refused(piece):
        return False
    if is_refused(piece):
        record = LogRecord(piece.partition, piece.offset, None, piece.event, (), stamp_time(piece.stamp))
        named = _read_identifiers(workspace, record)
    else:
        named = read_evidence(piece, workspace.schema).identifiers
    return not tokens.isdisjoint(workspace.list_tokens(named))


def _scrub(workspace: Workspace, piece: Evidence, directive: Directive) -> None:
    """Take the payload from a piece of evidence that was refused, and so will never be part of a fold."""
    outcome = replace(piece.outcome, id="", contested=[], set_aside=[], over_limit=[], ignored_fields=())
    outcome.reasons = [*piece.outcome.reasons[:1], ERASED] if piece.retracted else [ERASED]
    by = tuple(sorted((*piece.erased_by, directive.event_id)))
    workspace.rewritten.append(
        replace(piece, event=nothing_of(piece), understood=None, outcome=outcome, account_id=None, erased_by=by)
    )


async def _fold_out(workspace: Workspace, pieces: Sequence[Evidence], directive: Directive) -> None:
    """Take the payload from retracted evidence, and tie whom it names to it: it may be let in again."""
    if not pieces:
        return
    named = {name for piece in pieces for name in read_evidence(piece, workspace.schema).identifiers}
    reached = await workspace.reach({*named, *workspace.list_tokens(named), *directive.identifiers})
    handles = {piece.handle for piece in pieces if piece.handle is not None} - reached.keys()
    members = await workspace.close(reached | await workspace.find_contacts(handles))
    await workspace.rebuild(members, [], pieces, naming=directive.identifiers)


def _names(workspace: Workspace, letter: DeadLetter, directive: Directive, tokens: set[str]) -> bool:
    """Whether a dead letter names somebody who was erased, in an event of before or in none that can be read.

    Its reason may name somebody else than its record does.
    """
    if letter.value == NOTHING:
        return False
    named, happened = _read_letter(workspace, letter)
    if _SHARED.search(letter.reason):
        named = (*named, *shlex.split(_SHARED.findall(letter.reason)[0]))
        happened = min(happened, stamp_time(directive.stamp))
    return happened <= stamp_time(directive.stamp) and not tokens.isdisjoint(workspace.list_tokens(named))


def _read_letter(workspace: Workspace, letter: DeadLetter) -> tuple[tuple[str, ...], int]:
    """The identifiers a dead letter's record names, and when what it says happened."""
    try:
        event = read_record(as_record(letter), workspace.schema)
    except Unreadable:
        return (), letter.timestamp
    return event.identifiers, stamp_time(event.stamp)


def _read_identifiers(workspace: Workspace, record: LogRecord) -> tuple[str, ...]:
    try:
        return read_record(record, workspace.schema).identifiers
    except Unreadable:
        return ()


def _empty(letter: DeadLetter) -> DeadLetter:
    return replace(letter, key=None, value=NOTHING, headers=(), reason=f"{ERASED.message} It had died: {letter.code}.")
