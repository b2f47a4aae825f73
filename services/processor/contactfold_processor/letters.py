"""Letters: what becomes of the dead letters whose records have come again, and what rows of imports they count for.

A redriven record (`contactfold.redriving`) settles its letter in the transaction that decides it. Applied, also as a
duplicate or as refused evidence, it takes the letter away; dead again, it is no second letter but the same one
with one more try. Whatever happens in between, a letter is there or its record is in evidence, never neither.

A letter that is a row of an import counts there as a failed row for as long as it lies. A row may lie on the log twice
(a process wrote it, and ended before it noted that), and counts once: as failed where no copy of it was applied.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter
from typing import TypeAlias

import msgspec

from contactfold.domain.directives import HEAD, Gate, gate_of_import
from contactfold.domain.stamp import EventId, make_event_id
from contactfold.ports import Changes, DeadLetter, Directory, LogRecord, Partition
from contactfold.redriving import is_copy_of, named_letter, read_key
from contactfold_processor.counting import FAILED

ImportRow: TypeAlias = tuple[str, int]
"""An import's id and a row's number."""

_PAGE = 200
"""Letters that are read at once."""


@dataclass(slots=True)
class _Settled:
    """What the records of one batch do to letters: `dead` are to be written, by id; `gone` are removed before."""

    stored: Mapping[str, DeadLetter]
    dead: dict[str, DeadLetter]
    gone: set[str] = field(default_factory=set)

    def find(self, name: str) -> DeadLetter | None:
        """The letter of this id: as this batch leaves it so far, else as it is stored."""
        return self.dead.get(name) or self.stored.get(name)

    def die_again(self, letter: DeadLetter, death: DeadLetter) -> None:
        """Give a letter one more try. It keeps its own record, also where an edited one died."""
        edited = "" if death.value == letter.value else "With an edited body: "
        reason = edited + death.reason
        tries = letter.tries + 1
        self.dead[letter.id] = replace(letter, code=death.code, reason=reason, died_at=death.died_at, tries=tries)

    def list_new(self) -> list[DeadLetter]:
        """The letters that are new. One that died beside a copy that was applied stays: nothing may be lost."""
        return [letter for letter in self.dead.values() if letter.id not in self.stored]


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
        suspect = _list_suspect(changes)
        if not named and not changes.dead_letters and not suspect:
            return
        dead = {letter.id: letter for letter in changes.dead_letters}
        stored = await self._directory.letters([*{*named.values(), *dead}])
        settled = _Settled({letter.id: letter for letter in stored}, dead)
        for place in dead.keys() & settled.stored.keys():
            # Read again from its own place: that is no try, and what an erasure took from the letter stays gone.
            dead[place] = settled.stored[place]
        await self._match(records, named, settled)
        changes.redriven = sorted(settled.gone)
        changes.dead_letters[:] = dead.values()
        failed = await self._count_rows(settled, changes, suspect)
        await self._count(changes, {place: count for place, count in failed.items() if count})

    async def _match(self, records: Sequence[LogRecord], named: Mapping[str, str], settled: _Settled) -> None:
        """Find the letters that records are copies of."""
        applied: list[DeadLetter] = []
        again: set[str] = set()
        for record in records:
            place = _place(record)
            letter = settled.find(named[place]) if place in named else None
            if letter is None or letter.id == place or not await self._is_copy(record, letter):
                continue
            death = settled.dead.pop(place, None)
            if death is None:
                applied.append(letter)
            else:
                again.add(letter.id)
                settled.die_again(letter, death)
        for letter in applied:
            if letter.id not in again and letter.id not in settled.gone:
                settled.gone.add(letter.id)
                settled.dead.pop(letter.id, None)

    async def _is_copy(self, record: LogRecord, letter: DeadLetter) -> bool:
        if is_copy_of(record, letter, self._key):
            return True
        # Somebody may have made a key, or a new one, since it was read.
        self._key = await read_key(self._directory)
        return is_copy_of(record, letter, self._key)

    async def _count_rows(
        self, settled: _Settled, changes: Changes, suspect: set[ImportRow]
    ) -> Counter[tuple[str, Partition]]:
        """How many more rows of an import have failed, by the import and the partition that counts them."""
        failed: Counter[tuple[str, Partition]] = Counter()
        new = {letter.import_row: letter for letter in reversed(settled.list_new()) if letter.import_row is not None}
        lying = {letter.import_row for letter in settled.stored.values()}
        lying |= await self._find_lying(suspect | new.keys())
        applied = {one.import_row: one.partition for one in changes.evidence if one.import_row is not None}
        for row, partition in applied.items():
            if row in lying:
                failed[row[0], partition] -= 1
        dead = {row: letter for row, letter in new.items() if row not in lying and row not in applied}
        names = {row: _name_event(letter) for row, letter in dead.items()}
        known = await self._directory.known([name for name in names.values() if name is not None]) if dead else ()
        for row, letter in dead.items():
            if names[row] not in known:
                failed[row[0], letter.partition] += 1
        return failed

    async def _find_lying(self, rows: Iterable[ImportRow]) -> set[ImportRow]:
        """Those of these rows that letters lie of."""
        found: set[ImportRow] = set()
        for import_id, several in groupby(sorted(rows), key=itemgetter(0)):
            wanted = [number for _, number in several]
            after: tuple[int, str] | None = (wanted[0], "")
            while after is not None and after[0] <= wanted[-1]:
                page = await self._directory.letters_of_import(import_id, after=after, limit=_PAGE)
                found |= {letter.import_row for letter in page if letter.import_row is not None}
                last = page[-1].import_row if page else None
                after = None if last is None else (last[1], page[-1].id)
        return found

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


def _list_suspect(changes: Changes) -> set[ImportRow]:
    """The rows that are applied of which letters may lie: where their gate counted none that failed, none does."""
    some = {(gate.subject, gate.partition) for gate in changes.gates if gate.counts.get(FAILED)}
    return {
        one.import_row
        for one in (changes.evidence if some else ())
        if one.import_row is not None and (gate_of_import(one.import_row[0]), one.partition) in some
    }


def _name_event(letter: DeadLetter) -> EventId | None:
    """The id of the event that a letter's record is, as far as it can be read."""
    try:
        named = _decode_name(letter.value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return make_event_id(named.source, named.id)


class _Named(msgspec.Struct):
    id: str
    source: str


_decode_name = msgspec.json.Decoder(_Named).decode
