"""Ruling: what it takes to put a directive in force, or out of force again (SEMANTICS 5 and 8).

A directive is recorded in one small transaction, which also writes what every decision made without knowing it
must collide with: the claims and components of its identifiers, all gates of its import. Its rebuilds begin in the
same transaction; `settling` goes on with those that do not fit.
"""

from contactfold.directing import encode_directive
from contactfold.domain.changes import Evidence
from contactfold.domain.directives import Directive, Mark, Rule, Settling, gate_of_import
from contactfold.domain.event import ERASE, RETRACT, SHARE
from contactfold.domain.outcome import IGNORED, REJECTED, UNCHANGED, UPDATED, Outcome, Reason
from contactfold.domain.stamp import Stamp
from contactfold.ports import LogRecord
from contactfold_processor.gates import ASIDE, gate_of_shared
from contactfold_processor.pieces import RETRACTED, kind_of
from contactfold_processor.workspace import Workspace

NOT_FOUND = Reason("not_found", "There was nothing to erase; what comes later and is older will be erased.")


async def record_directive(workspace: Workspace, directive: Directive, record: LogRecord) -> bool:
    """Record a directive, and put it in force unless it is refused or retracted already.

    Returns whether it is new: the same event twice is dropped by its id.
    """
    mark = (await workspace.directory.marks([directive.event_id])).get(directive.event_id)
    if mark is not None and not mark.stub:
        return False
    outcome = Outcome(directive.event_id, directive.source, directive.id, UPDATED)
    outcome.ignored_fields = directive.ignored_fields
    evidence = Evidence(
        directive.event_id,
        directive.stamp,
        record.value,
        None,
        None,
        outcome,
        record.partition,
        record.offset,
        by=mark.by if mark else (),
        version=mark.version if mark else 0,
    )
    workspace.evidence.append(evidence)
    if directive.faults:
        outcome.status, outcome.reasons = REJECTED, list(directive.faults)
        return True
    evidence.retracted = await is_out_of_force(workspace, directive.kind, directive.stamp, evidence.by)
    workspace.put_in_force(directive.event_id, not evidence.retracted)
    if evidence.retracted:
        outcome.status, outcome.reasons = IGNORED, [RETRACTED]
    elif not await put_in_force(workspace, directive, in_force=True):
        outcome.status = UNCHANGED
    outcome.reasons += await _tell_erasures(workspace, directive)
    if evidence.retracted:
        return True
    if outcome.status == UNCHANGED and directive.kind == ERASE:
        outcome.reasons = [NOT_FOUND]
    if directive.kind == ERASE:
        evidence.event = encode_directive(directive)
    return True


async def is_out_of_force(workspace: Workspace, kind: str, stamp: Stamp, by: tuple[Stamp, ...]) -> bool:
    """Whether a directive is retracted. Only a later retraction takes an earlier one back; nothing an erasure."""
    if kind == ERASE:
        return False
    against = [other for other in by if kind != RETRACT or other > stamp]
    return (await workspace.judge_stamps([against]))[0]


async def put_in_force(workspace: Workspace, directive: Directive, *, in_force: bool) -> bool:
    """Put a directive in force or out of it; returns whether that changes what the rules amount to.

    Its rebuilds are all still to be done.
    """
    if directive.kind == RETRACT:
        changes = await (_close_import if directive.import_id else _is_news)(workspace, directive)
    else:
        changes = await _change_rule(workspace, directive, in_force=in_force)
    await _begin_settling(workspace, directive)
    return changes


async def _change_rule(workspace: Workspace, directive: Directive, *, in_force: bool) -> bool:
    if directive.kind == ERASE:
        return await _erase(workspace, directive)
    stored = workspace.find_rule(directive.event_id)
    version = stored.version if stored else 0
    rule = Rule(directive.event_id, directive.stamp, directive.kind, directive.identifiers, in_force, 0, version)
    before, after = workspace.change_rule(rule)
    excerpt = workspace.excerpt
    # Of an identifier that was or is shared there is a claim to write too: whoever does not know takes it for common.
    for claim in await workspace.find_claims(directive.identifiers):
        excerpt.touched_claims.add(claim.identifier)
    reached = await workspace.reach(directive.identifiers)
    workspace.met.update(reached)
    excerpt.touched_components.update(one.component for one in reached.values() if one.component is not None)
    if directive.kind == SHARE:
        subjects = [gate_of_shared(identifier) for identifier in directive.identifiers]
        await workspace.gates.load(subjects)
        for subject in subjects:
            workspace.gates.close(subject)
    return before != after


async def _erase(workspace: Workspace, directive: Directive) -> bool:
    """Carry an erasure out; returns whether it reaches anything. No name is left of it but a token.

    Its component is rebuilt at once, whatever its size: afterwards nobody knows which identifier it named.
    """
    if workspace.hasher is None:
        raise ValueError("Nothing is erased without an erasure key.")
    identifier = directive.identifiers[0]
    token = workspace.hasher.token(identifier)
    workspace.change_rule(Rule(directive.event_id, directive.stamp, ERASE, (token,), True, 0))
    await workspace.gates.load([ASIDE])
    workspace.gates.close(ASIDE)
    claims = await workspace.find_claims([identifier, token])
    reached = await workspace.reach([identifier, token])
    await workspace.rebuild(await workspace.close(reached), [], naming=(identifier, token))
    claim = workspace.excerpt.claims.get(identifier)
    if claim is not None and claim.version and identifier != token:
        if claim.mentions:
            workspace.excerpt.touched_claims.add(identifier)
        else:
            # A rule has left it: it would keep the name.
            workspace.excerpt.gone_claims.append(workspace.excerpt.claims.pop(identifier))
            workspace.excerpt.touched_claims.discard(identifier)
    elif claims[0].version == 0 and identifier != token:
        workspace.absent_claims.append(identifier)
    directive.identifiers = (token,)
    return bool(workspace.rewritten)


async def _close_import(workspace: Workspace, directive: Directive) -> bool:
    """Close an import's gates to whoever passes them now; returns whether its rows change sides."""
    subject = gate_of_import(directive.import_id or "")
    await workspace.gates.load([subject])
    head = workspace.gates.close(subject)
    others = [stamp for stamp in head.by if stamp != directive.stamp]
    if len(others) == len(head.by):
        head.by = (*head.by, directive.stamp)
    return not (await workspace.judge_stamps([others]))[0]


async def _tell_erasures(workspace: Workspace, directive: Directive) -> list[Reason]:
    """A reason for each event that a retraction names in vain, being an erasure."""
    if not directive.events:
        return []
    pieces = await workspace.directory.pieces(directive.events)
    final = {piece.event_id for piece in pieces if kind_of(piece) == ERASE}
    message = "An erasure cannot be retracted: what it took is gone."
    places = (place for place, event_id in enumerate(directive.events) if event_id in final)
    return [Reason("erasure_is_final", message, "events", place) for place in places]


async def _is_news(workspace: Workspace, directive: Directive) -> bool:
    """Whether any event that a retraction names is not retracted by others already."""
    marks = await workspace.directory.marks(directive.events)
    others = [[stamp for stamp in mark.by if stamp != directive.stamp] for mark in marks.values()]
    judged = await workspace.judge_stamps(others)
    final = {piece.event_id for piece in await workspace.directory.pieces(directive.events) if kind_of(piece) == ERASE}
    judged = [out or event_id in final for event_id, out in zip(marks, judged, strict=True)]
    return len(marks) < len(directive.events) or not all(judged)


async def _begin_settling(workspace: Workspace, directive: Directive) -> None:
    """Have all rebuilds of a directive done, from the beginning."""
    stored = {settling.directive: settling for settling in await workspace.directory.settlings()}
    settling = stored.get(directive.event_id) or Settling(directive.event_id)
    if directive.import_id is not None:
        total = await workspace.directory.count_import(directive.import_id)
    elif directive.kind == SHARE:
        total = sum(max(1, len(claim.mentions)) for claim in await workspace.find_claims(directive.identifiers))
    else:
        total = len(directive.events or directive.identifiers)
    workspace.directives[directive.event_id] = directive
    settling.cursor, settling.done, settling.total = b"", 0, total
    workspace.settlings[directive.event_id] = settling


def mark_named(mark: Mark | Evidence, directive: Directive) -> None:
    """Note on an event that a retraction names it."""
    if directive.stamp not in mark.by:
        mark.by = (*mark.by, directive.stamp)
