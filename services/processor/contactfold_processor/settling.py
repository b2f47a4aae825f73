"""Settling: the rebuilds that a directive asks for, in bounded transactions from a cursor in the directory.

The cursor counts what a directive names: events of a retraction, identifiers of a rule; for the retraction of an
import it is the last row that was looked at. Each advance is one decision, committed by the versions it rests on
like any other: two processors that work on one directive at once do no harm, and one that dies leaves the rest
to whoever comes next.

An advance looks at everything afresh: what a directive amounts to may have changed since it was recorded.
"""

from collections.abc import Collection, Iterable, Sequence

from contactfold.domain.changes import Evidence
from contactfold.domain.directives import Directive, Mark, Settling
from contactfold.domain.directory import Contact, Handle
from contactfold.domain.errors import RetryOnFreshState
from contactfold.domain.event import ERASE, RETRACT, SHARE
from contactfold.domain.outcome import REJECTED
from contactfold.domain.stamp import EventId
from contactfold.ports import LogRecord
from contactfold.wire import read_directive, read_evidence
from contactfold_processor.pieces import is_refused, is_ruling
from contactfold_processor.ruling import is_out_of_force, mark_named, put_in_force, record_directive
from contactfold_processor.scrubbing import scrub_further
from contactfold_processor.workspace import Workspace

AT_ONCE = 500
"""Events, rows or contacts that one advance looks at."""

PIECES_AT_ONCE = 20_000
"""Pieces of evidence that one advance folds anew, unless a single component has more."""


async def decide_directive(workspace: Workspace, directive: Directive, record: LogRecord) -> bool:
    """Record a directive and begin with its rebuilds; returns whether it is new."""
    if not await record_directive(workspace, directive, record):
        return False
    await _advance_all(workspace, AT_ONCE)
    return True


async def settle_further(
    workspace: Workspace, *, limit: int, holder: str, until: int, busy: Collection[EventId]
) -> bool:
    """Do the next rebuilds of the first directive that is settling and not in `busy`; returns whether there is one."""
    settlings = [one for one in await workspace.directory.settlings() if one.directive not in busy]
    if not settlings:
        return False
    settling = settlings[0]
    (piece,) = await workspace.directory.pieces([settling.directive])
    workspace.put_in_force(piece.event_id, not piece.retracted)
    settling.holder, settling.until = holder, until
    workspace.settlings[piece.event_id] = settling
    workspace.directives[piece.event_id] = read_directive(piece, workspace.schema)
    await _advance_all(workspace, limit)
    return True


async def _advance_all(workspace: Workspace, limit: int) -> None:
    """Advance what is settling here, and what that sets off, until something was rebuilt: a decision rebuilds once."""
    advanced: set[EventId] = set()
    while not workspace.rebuilt:
        waiting = [directive for directive in workspace.settlings if directive not in advanced]
        if not waiting:
            return
        settling = workspace.settlings[waiting[0]]
        advanced.add(settling.directive)
        if await _advance(workspace, workspace.directives[settling.directive], settling, limit):
            del workspace.settlings[settling.directive]
            if settling.version:
                workspace.gone_settlings.append(settling)


async def _advance(workspace: Workspace, directive: Directive, settling: Settling, limit: int) -> bool:
    """Do the next rebuilds of one directive; returns whether they were the last."""
    if directive.kind == RETRACT:
        if directive.import_id is not None:
            return await _retract_rows(workspace, directive.import_id, settling, limit)
        return await _retract_events(workspace, directive, settling, limit)
    if directive.kind == ERASE:
        return await scrub_further(workspace, directive, settling, limit)
    if directive.kind == SHARE:
        return await _share(workspace, directive, settling, limit)
    return await _separate(workspace, directive, settling)


def _read_cursor(settling: Settling, start: int) -> int:
    return int(settling.cursor) if settling.cursor else start


def _move(settling: Settling, cursor: int, done: int) -> None:
    settling.cursor, settling.done = str(cursor).encode(), done


# ---- retractions


async def _retract_events(workspace: Workspace, directive: Directive, settling: Settling, limit: int) -> bool:
    begin = _read_cursor(settling, 0)
    while True:
        named = directive.events[begin : begin + limit]
        # What this decision adds, a directive, bears its own marks.
        marking = [event_id for event_id in named if not _mark_added(workspace, event_id, directive)]
        marks = await workspace.directory.marks(marking)
        pieces = await workspace.directory.pieces([mark.event_id for mark in marks.values() if not mark.stub])
        changing = [piece for piece in pieces if not is_ruling(piece)]
        if len(named) < 2 or not await _is_better_halved(workspace, changing):
            break
        limit = len(named) // 2
    for event_id in marking:
        mark = workspace.marks.setdefault(event_id, marks.get(event_id) or Mark(event_id))
        mark.retracted = None
        mark_named(mark, directive)
    for piece in sorted(pieces, key=lambda one: one.stamp, reverse=True):
        if is_ruling(piece):
            await _turn(workspace, piece, workspace.marks[piece.event_id])
    await _change_sides(workspace, changing)
    _move(settling, begin + len(named), begin + len(named))
    return begin + len(named) >= len(directive.events)


def _mark_added(workspace: Workspace, event_id: EventId, directive: Directive) -> bool:
    """Note on a directive that this decision adds that a retraction names it; False where it adds none of this id."""
    for added in workspace.evidence:
        if added.event_id == event_id:
            mark_named(added, directive)
            return True
    return False


async def _turn(workspace: Workspace, piece: Evidence, mark: Mark) -> None:
    """Put a directive that is named by retractions in force or out of it, as they have it now."""
    directive = read_directive(piece, workspace.schema)
    if directive.faults or piece.outcome.status == REJECTED:
        return
    retracted = await is_out_of_force(workspace, directive.kind, piece.stamp, mark.by)
    if retracted != piece.retracted:
        mark.retracted = retracted
        workspace.put_in_force(piece.event_id, not retracted)
        await put_in_force(workspace, directive, in_force=not retracted)


async def _retract_rows(workspace: Workspace, import_id: str, settling: Settling, limit: int) -> bool:
    after = _read_cursor(settling, -1)
    while page := await workspace.directory.evidence_of_import(import_id, after=after, limit=limit):
        changing = await _list_changing(workspace, page)
        if limit > 1 and await _is_better_halved(workspace, changing):
            limit //= 2
            continue
        await _change_sides(workspace, changing)
        row = page[-1].import_row
        if row is None:
            raise RetryOnFreshState("A piece of evidence is no row of an import any more.")
        _move(settling, row[1], settling.done + len(page))
        return not await workspace.directory.evidence_of_import(import_id, after=row[1], limit=1)
    return True


async def _change_sides(workspace: Workspace, pieces: Iterable[Evidence]) -> None:
    """Take pieces of evidence out of the fold or into it again, as the retractions have it now."""
    if changing := await _list_changing(workspace, pieces):
        await workspace.rebuild(await _gather(workspace, changing), [], changing)


async def _list_changing(workspace: Workspace, pieces: Iterable[Evidence]) -> list[Evidence]:
    """Those of these pieces of evidence that are out of the fold and should be in it, or the other way round."""
    candidates = [piece for piece in pieces if not is_refused(piece)]
    judged = await workspace.judge(candidates)
    return [one for one, out in zip(candidates, judged, strict=True) if out != one.retracted]


async def _is_better_halved(workspace: Workspace, pieces: Sequence[Evidence]) -> bool:
    """Whether to rebuild whom these belong to is too much at once, and for half of them it is less."""
    weight = _weigh(await _gather(workspace, pieces))
    if weight <= PIECES_AT_ONCE:
        return False
    return _weigh(await _gather(workspace, pieces[: len(pieces) // 2])) < weight


async def _gather(workspace: Workspace, pieces: Iterable[Evidence]) -> dict[Handle, Contact]:
    """The contacts that pieces of evidence belong to or name, with all of their components."""
    members: dict[Handle, Contact] = {}
    named: set[str] = set()
    for piece in pieces:
        if not is_refused(piece):
            named.update(read_evidence(piece, workspace.schema).identifiers)
    members |= await workspace.reach(sorted(named))
    handles = {piece.handle for piece in pieces if piece.handle is not None}
    members |= await workspace.find_contacts(handles - members.keys())
    return await workspace.close(members)


def _weigh(members: dict[Handle, Contact]) -> int:
    return sum(contact.size for contact in members.values())


# ---- rules


async def _separate(workspace: Workspace, directive: Directive, settling: Settling) -> bool:
    begin = _read_cursor(settling, 0)
    end = len(directive.identifiers)
    members = await workspace.close(await workspace.reach(directive.identifiers[begin:]))
    if _weigh(members) > PIECES_AT_ONCE and begin + 1 < end:
        end = begin + 1
        members = await workspace.close(await workspace.reach(directive.identifiers[begin:end]))
    if members:
        await workspace.rebuild(members, [])
    _move(settling, end, end)
    return end == len(directive.identifiers)


async def _share(workspace: Workspace, directive: Directive, settling: Settling, limit: int) -> bool:
    for place in range(_read_cursor(settling, 0), len(directive.identifiers)):
        identifier = directive.identifiers[place]
        _move(settling, place, settling.done)
        if identifier in workspace.excerpt.rules.shared:
            members, all_ = await _find_mentioners(workspace, identifier, limit)
        else:
            members, all_ = await _find_sharers(workspace, identifier), True
        if members:
            await workspace.rebuild(members, [])
        if members or not all_:
            _move(settling, place + all_, min(settling.total, settling.done + max(1, len(members))))
            return all_ and place + 1 == len(directive.identifiers)
    return True


async def _find_mentioners(workspace: Workspace, identifier: str, limit: int) -> tuple[dict[Handle, Contact], bool]:
    """Contacts that still go by an identifier that is shared, with those they hang together with otherwise.

    Also whether these are all that do.
    """
    names = [identifier, *workspace.list_tokens([identifier])]
    mentions = sorted({handle for claim in await workspace.find_claims(names) for handle in claim.mentions})
    while True:
        handles = mentions[:limit]
        await workspace.load_reached(handles)
        members = await workspace.close_finely({handle: workspace.excerpt.contacts[handle] for handle in handles})
        if len(handles) < 2 or _weigh(members) <= PIECES_AT_ONCE:
            return members, set(mentions) <= members.keys()
        limit = len(handles) // 2


async def _find_sharers(workspace: Workspace, identifier: str) -> dict[Handle, Contact]:
    """Contacts that do without an identifier that is shared no longer, and all whom it joins to them."""
    found: dict[Handle, Contact] = {}
    names = [identifier, *workspace.list_tokens([identifier])]
    for name in names:
        after: Handle | None = None
        while page := await workspace.directory.sharers(name, after=after, limit=1_000):
            workspace.excerpt.add(contacts=page)
            found |= {contact.handle: workspace.excerpt.contacts[contact.handle] for contact in page}
            after = page[-1].handle
    if not found:
        return {}
    return await workspace.close({**found, **await workspace.reach(names)})
