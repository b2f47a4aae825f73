"""Counting: what became of the rows of imports, told at the gates a batch passes as it applies them."""

from collections.abc import Iterable

from contactfold.domain.changes import Partition
from contactfold.domain.directives import gate_of_import
from contactfold.domain.outcome import REJECTED
from contactfold_processor.gates import gate_of_shared
from contactfold_processor.records import Heard
from contactfold_processor.workspace import Workspace

FAILED = "failed"
"""What a row of an import counts as that became a dead letter or was rejected (CONTRACT 6)."""


def list_subjects(heard: Heard, shared: Iterable[str]) -> set[str]:
    """The subjects of every gate that a batch passes."""
    rows = (statement.import_row for statement, _ in heard.statements.values())
    imports = {gate_of_import(row[0]) for row in rows if row is not None}
    return imports | {gate_of_shared(identifier) for identifier in shared}


def pass_gates(workspace: Workspace, heard: Heard, shared: set[str]) -> None:
    """Pass every gate of the batch, and count there what became of an import's rows (of dead ones: `letters`)."""
    for evidence in workspace.evidence:
        if evidence.import_row is not None:
            failed = evidence.outcome.status == REJECTED
            _count(workspace, evidence.import_row, evidence.partition, FAILED if failed else evidence.outcome.status)
    if shared:
        for statement, record in heard.statements.values():
            for identifier in shared.intersection(statement.identifiers):
                workspace.gates.pass_through(gate_of_shared(identifier), record.partition)


def _count(workspace: Workspace, row: tuple[str, int], partition: Partition, became: str) -> None:
    counts = workspace.gates.pass_through(gate_of_import(row[0]), partition).counts
    counts[became] = counts.get(became, 0) + 1
