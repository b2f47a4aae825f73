"""Gates: what keeps a directive and whatever rests on it from missing each other (SEMANTICS 8).

Two transactions that write nothing in common do not see each other. So what rests on a directive increments a
document of its own partition, which nobody else does, and the directive increments all of them.
"""

from collections.abc import Iterable

from contactfold.domain.changes import Partition
from contactfold.domain.directives import HEAD, Gate
from contactfold.ports import Directory

ASIDE = "aside"
"""The subject of the gates that batches pass which keep something outside the fold: refused, retracted, or dead."""


def gate_of_shared(identifier: str) -> str:
    """The subject of the gates that statements naming a shared identifier pass."""
    return f"shared:{identifier}"


class Gates:
    """The gates that one decision passes or closes."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._gates: dict[str, dict[Partition, Gate]] = {}
        self._passed: set[tuple[str, Partition]] = set()

    async def load(self, subjects: Iterable[str]) -> None:
        """Load every gate of these subjects."""
        if wanted := set(subjects) - self._gates.keys():
            self._gates |= {subject: {} for subject in wanted}
            for gate in await self._directory.gates(list(wanted)):
                self._gates[gate.subject][gate.partition] = gate

    def find_head(self, subject: str) -> Gate | None:
        """The head of a subject's gates, which were loaded."""
        return self._gates[subject].get(HEAD)

    def pass_through(self, subject: str, partition: Partition) -> Gate:
        """Increment a partition's gate; the head too where this makes the gate, so that no directive overlooks it."""
        gates = self._gates[subject]
        if partition not in gates:
            gates[partition] = Gate(subject, partition)
            self._touch(gates.setdefault(HEAD, Gate(subject, HEAD)))
        return self._touch(gates[partition])

    def touch_head(self, subject: str) -> None:
        """Increment a subject's head alone: a stored thing was judged by it, not one that comes through a partition."""
        self._touch(self._gates[subject].setdefault(HEAD, Gate(subject, HEAD)))

    def close(self, subject: str) -> Gate:
        """Increment every gate of a subject, so that whoever is passing one must come again; returns the head."""
        gates = self._gates[subject]
        gates.setdefault(HEAD, Gate(subject, HEAD))
        for gate in gates.values():
            self._touch(gate)
        return gates[HEAD]

    def _touch(self, gate: Gate) -> Gate:
        self._passed.add((gate.subject, gate.partition))
        return gate

    def list_written(self) -> list[Gate]:
        """The gates to write, in one order everywhere."""
        return [self._gates[subject][partition] for subject, partition in sorted(self._passed)]
