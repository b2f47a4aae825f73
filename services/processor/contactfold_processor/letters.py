"""Letters: what becomes of the dead letters whose records have come again, and what rows of imports they count for.

A redriven record (`contactfold.redriving`) settles its letter in the transaction that decides it. Applied, also as a
duplicate or as refused evidence, it takes the letter away; dead again, it is no second letter but the same one
with one more try. Whatever happens in between, a letter is there or its record is in evidence, never neither.

A letter that is a row of an import counts there as a failed row for as long as it lies.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from contactfold.domain.directives import HEAD, Gate, gate_of_import
from contactfold.ports import Changes, DeadLetter, Directory, LogRecord, Partition
from contactfold.redriving import is_copy_of, named_letter, read_key
from contactfold_processor.deciding import FAILED
from contactfold_processor.records import find_row


@dataclass(slots=True)
class _Settled:
    """What the records of one batch do to letters: `dead` are to be written, by id; `gone` are removed before."""

    stored: Mapping[str, DeadLetter]
    dead: dict[str, DeadLetter]
    gone: set[str] = field(default_factory=set)
    failed: Counter[tuple[str, Partition]] = field(default_factory=Counter)
    """How many more rows of an import have failed, by the import and the partition that counts them."""

    def find(self, name: str) -> DeadLetter | None:
        """The letter of this id: as this batch leaves it so far, else as it is stored."""
        return self.dead.get(name) or self.stored.get(name)

    def die_again(self, letter: DeadLetter, death: DeadLetter) -> None:
        """Give a letter one more try. It keeps its own record, also where an edited one died."""
        edited = "" if death.value == letter.value else "With an edited body: "
        reason = edited + death.reason
        tries = letter.tries + 1
        self.dead[letter.id] = replace(letter, code=death.code, reason=reason, died_at=death.died_at, tries=tries)

    def apply(self, letter: DeadLetter, record: LogRecord) -> None:
        """Take a letter away, whose record is applied now."""
        self.gone.add(letter.id)
        # Where the body was edited into something that is not that row, the row itself has failed for good.
        if letter.import_row is not None and letter.id in self.stored and find_row(record.value) == letter.import_row:
            self.failed[letter.import_row[0], record.partition] -= 1

    def finish(self) -> None:
        """Count the letters that are new. One that died beside a copy that was applied stays: nothing may be lost."""
        for letter in self.dead.values():
            if letter.id not in self.stored and letter.import_row is not None:
                self.failed[letter.import_row[0], letter.partition] += 1


class Letters:
    """Settles the dead letters of one directory."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._key: bytes | None = None

    async def settle(self, records: Sequence[LogRecord], changes: Changes) -> None:
        """Account in `changes` for the redriven records among those it decides, and for what dies in it.

        `changes.dead_letters` come in with the place each record died at for an id, and go out as they are to be
        written: those under the id of an older letter drain nothing, and the breaker does not count them.
        """
        named = {_place(record): name for record in records if (name := named_letter(record)) is not None}
        if not named and not changes.dead_letters:
            return
        dead = {letter.id: letter for letter in changes.dead_letters}
        stored = await self._directory.letters([*{*named.values(), *dead}])
        settled = _Settled({letter.id: letter for letter in stored}, dead)
        for place in dead.keys() & settled.stored.keys():
            # Read again from its own place: that is no try, and what an erasure took from the letter stays gone.
            dead[place] = settled.stored[place]
        await self._match(records, named, settled)
        settled.finish()
        changes.redriven = sorted(settled.gone)
        changes.dead_letters[:] = dead.values()
        await self._count(changes, {place: count for place, count in settled.failed.items() if count})

    async def _match(self, records: Sequence[LogRecord], named: Mapping[str, str], settled: _Settled) -> None:
        """Find the letters that records are copies of."""
        applied: list[tuple[DeadLetter, LogRecord]] = []
        again: set[str] = set()
        for record in records:
            place = _place(record)
            letter = settled.find(named[place]) if place in named else None
            if letter is None or letter.id == place or not await self._is_copy(record, letter):
                continue
            death = settled.dead.pop(place, None)
            if death is None:
                applied.append((letter, record))
            else:
                again.add(letter.id)
                settled.die_again(letter, death)
        for letter, record in applied:
            if letter.id not in again and letter.id not in settled.gone:
                settled.apply(letter, record)
                settled.dead.pop(letter.id, None)

    async def _is_copy(self, record: LogRecord, letter: DeadLetter) -> bool:
        if is_copy_of(record, letter, self._key):
            return True
        # Somebody may have made a key, or a new one, since it was read.
        self._key = await read_key(self._directory)
        return is_copy_of(record, letter, self._key)

    async def _count(self, changes: Changes, failed: Mapping[tuple[str, Partition], int]) -> None:
        """Count failed rows at the gates of their imports, beside what the batch counts there itself."""
        if not failed:
            return
        stored = await self._directory.gates(list({gate_of_import(import_id) for import_id, _ in failed}))
        passed = {(gate.subject, gate.partition): gate for gate in changes.gates}
        gates = {(gate.subject, gate.partition): gate for gate in stored} | passed
        for (import_id, partition), count in failed.items():
            subject = gate_of_import(import_id)
            if (subject, partition) not in gates:
                # As whoever makes a gate does: the head is there first, so that no retraction overlooks it.
                gates[subject, partition] = Gate(subject, partition)
                passed[subject, HEAD] = gates.setdefault((subject, HEAD), Gate(subject, HEAD))
            gate = passed[subject, partition] = gates[subject, partition]
            gate.counts[FAILED] = gate.counts.get(FAILED, 0) + count
        changes.gates = [passed[place] for place in sorted(passed)]


def _place(record: LogRecord) -> str:
    return f"{record.partition}/{record.offset}"
