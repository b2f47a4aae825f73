"""`contactfold dead redrive`: dead letters on the log again, and what becomes of each.

A redrive only writes to the log; whichever processor runs decides the records, as it does all others. The law makes
that safe: what is in evidence already is dropped, and what dies again stays the letter it was.
"""

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from contactfold.config import Config, Misconfigured, Settings
from contactfold.domain.erasing import NOTHING
from contactfold.domain.errors import TooLarge
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId
from contactfold.exits import Exit
from contactfold.lifetime import run_loop
from contactfold.ports import ANSWER_BYTES, DeadLetter, Directory, EventLog, Lane, LogRecord, NewRecord
from contactfold.redriving import make_key, write_copy
from contactfold.wire import Unreadable, read_record
from contactfold_cli.composition import opened_directory, opened_log
from contactfold_cli.dead import list_ids, place_of
from contactfold_cli.dead_fates import Fates, tell
from contactfold_cli.dead_waiting import wait_until_decided
from contactfold_processor.breaker import read_stop

_CHUNK = 500
"""Letters that are on their way at once, at most; fewer where they are large."""


@dataclass(slots=True)
class Choice:
    """Which letters to redrive: those named, those that died of a reason, or all; `edit` has another body for one."""

    ids: Sequence[str] = ()
    reason: str | None = None
    edit: Path | None = None


@dataclass(slots=True)
class _Sent:
    """A letter whose record is on the log again: its tries before, and the event it is, if it is one."""

    id: str
    tries: int
    event_id: EventId | None


def run_redrive(config: Config, settings: Settings, *, choice: Choice, deadline: float, json: bool) -> int:
    """Redrive the chosen letters and wait for their fates; exit code 1 where one died again."""
    if choice.ids and choice.reason is not None:
        raise Misconfigured(["Name dead letters, or a reason with --reason, not both."])
    if choice.edit is not None and len(choice.ids) != 1:
        raise Misconfigured(["An edited body is for one dead letter: name its ID beside --edit."])
    edited = None if choice.edit is None else _read(choice.edit)
    return run_loop(_redrive(config.contact_schema, settings, choice, edited, deadline=deadline, json=json))


async def _redrive(
    schema: Schema, settings: Settings, choice: Choice, edited: bytes | None, *, deadline: float, json: bool
) -> int:
    async with opened_log(settings) as log, opened_directory(settings, schema) as directory:
        if (obstacle := await _find_obstacle(directory, choice)) is not None:
            print(f"{obstacle} Nothing was redriven.", file=sys.stderr)
            return Exit.NO
        ids = list(dict.fromkeys(choice.ids)) or await list_ids(directory, choice.reason)
        fates = Fates()
        redriving = _Redriving(log, directory, schema, await make_key(directory) if ids else b"", fates)
        with Progress(console=Console(stderr=True), disable=json or not sys.stderr.isatty()) as progress:
            task = progress.add_task("redriving", total=len(ids))
            async for letters in _chunks(directory, ids, empty=edited is not None):
                if fates.waiting and deadline:
                    fates.left += len(letters)
                    continue
                await redriving.redrive(letters, edited, deadline)
                progress.advance(task, len(letters))
    return tell(fates, reason=choice.reason, deadline=deadline, json=json)


async def _find_obstacle(directory: Directory, choice: Choice) -> str | None:
    """Why nothing can be redriven, or None."""
    if (stop := await read_stop(directory)) is not None:
        return f"The processor stands still until `contactfold resume`. {stop.reason}"
    for letter_id in choice.ids:
        letter = await directory.dead_letter(letter_id)
        if letter is None:
            return f"There is no dead letter {letter_id!r}; `contactfold dead list` shows them."
        if letter.value == NOTHING and choice.edit is None:
            return f"The record of {letter_id} was erased: only a body of your own can be sent in its place (--edit)."
    return None


class _Redriving:
    """Writes letters to the log again and counts what becomes of them."""

    def __init__(self, log: EventLog, directory: Directory, schema: Schema, key: bytes, fates: Fates) -> None:
        self._log, self._directory, self._schema, self._key, self._fates = log, directory, schema, key, fates

    async def redrive(self, letters: Sequence[DeadLetter], edited: bytes | None, deadline: float) -> None:
        """Write some letters, wait, and count."""
        sent: list[_Sent] = []
        for lane in Lane:
            copies = {one.id: write_copy(one, self._key, edited) for one in letters if _lane_of(one) == lane}
            refused = await self._append(lane, copies)
            self._fates.too_large += sorted(refused)
            sent += [
                _Sent(letter.id, letter.tries, self._event_of(letter, copies[letter.id]))
                for letter in letters
                if letter.id in copies and letter.id not in refused
            ]
        self._fates.redriven += len(sent)
        why_waiting = await wait_until_decided(self._log, self._directory, deadline=deadline)
        await self._count(sent, why_waiting)

    async def _append(self, lane: Lane, copies: Mapping[str, NewRecord]) -> set[str]:
        """Write records, by the id of their letter; returns the ids of those the log will never take."""
        refused: set[str] = set()
        try:
            if copies:
                await self._log.append(lane, list(copies.values()))
        except TooLarge:
            # Some of them may be on the log by now; a second copy of them does no harm.
            for letter_id, copy in copies.items():
                try:
                    await self._log.append(lane, [copy])
                except TooLarge:
                    refused.add(letter_id)
        return refused

    async def _count(self, sent: Sequence[_Sent], why_waiting: str) -> None:
        for one in sent:
            letter = await self._directory.dead_letter(one.id)
            if letter is None:
                await self._count_applied(one)
            elif letter.tries > one.tries:
                self._fates.died.append(place_of(letter))
            else:
                self._fates.waiting.append(one.id)
        if self._fates.waiting:
            self._fates.why_waiting = why_waiting or "the processor has not recognised them."

    async def _count_applied(self, one: _Sent) -> None:
        self._fates.applied += 1
        evidence = None if one.event_id is None else await self._directory.evidence(one.event_id)
        if evidence is not None:
            status = evidence.outcome.status
            self._fates.outcomes[status] = self._fates.outcomes.get(status, 0) + 1

    def _event_of(self, letter: DeadLetter, copy: NewRecord) -> EventId | None:
        record = LogRecord(letter.partition, letter.offset, copy.key, copy.value, copy.headers, letter.timestamp)
        try:
            return read_record(record, self._schema).event_id
        except Unreadable:
            return None


async def _chunks(directory: Directory, ids: Sequence[str], *, empty: bool) -> AsyncIterator[list[DeadLetter]]:
    """The letters of these ids that are still there, a few megabytes of them at a time.

    Those an erasure has emptied only where asked for: there is nothing of them to send.
    """
    chunk: list[DeadLetter] = []
    size = 0
    for letter_id in ids:
        letter = await directory.dead_letter(letter_id)
        if letter is None or (letter.value == NOTHING and not empty):
            continue
        chunk.append(letter)
        size += len(letter.value)
        if len(chunk) == _CHUNK or size > ANSWER_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _lane_of(letter: DeadLetter) -> Lane:
    topic = letter.partition.rpartition("/")[0]
    return Lane.BULK if topic.endswith(".imports") else Lane.LIVE


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Misconfigured([f"{path} cannot be read: {(error.strerror or str(error)).lower()}."]) from None
