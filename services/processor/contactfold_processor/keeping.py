"""Keeping: what was decided of a batch's statements, as the evidence that is kept of them."""

from collections.abc import Collection, Mapping

from contactfold.domain.directory import Handle
from contactfold.domain.outcome import Outcome
from contactfold.domain.stamp import EventId
from contactfold.domain.step import refuse
from contactfold.ports import Evidence
from contactfold.wire import encode_statement
from contactfold_processor.records import Heard
from contactfold_processor.workspace import Workspace


def keep_evidence(
    workspace: Workspace,
    heard: Heard,
    results: Mapping[EventId, tuple[Outcome, Handle | None]],
    retracted: Collection[EventId],
) -> None:
    """Make evidence of every statement that did not die. `results` are those of the statements that were folded."""
    for statement, record in heard.statements.values():
        if statement.event_id in results:
            outcome, handle = results[statement.event_id]
        elif statement.faults:
            outcome, handle = refuse(statement), None
        else:
            continue
        if handle is not None:
            handle = workspace.excerpt.present_handle(handle)
        as_sent = statement.faults or statement.taken_as_it_is
        organization = None if statement.faults else statement.organization
        stub = workspace.find_stub(statement.event_id)
        erased_by = workspace.erased_new.get(statement.event_id, ())
        kept = Evidence(
            statement.event_id,
            statement.stamp,
            record.value,
            None if as_sent else encode_statement(statement, workspace.schema),
            handle,
            outcome,
            record.partition,
            record.offset,
            organization.account_id if organization else None,
            statement.import_row,
            by=stub.by if stub else (),
            retracted=statement.event_id in retracted,
            version=stub.version if stub else 0,
        )
        if erased_by:
            kept = workspace.make_skeleton(kept, statement, erased_by)
        workspace.evidence.append(kept)
