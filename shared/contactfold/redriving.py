"""Redriving: a dead letter's record on the log again, and how it is known for what it is.

The second copy carries in its headers the letter's id, and the record's first place and time: what an event leaves
out comes from there, so that it is the same event wherever it lies. Place and time are taken as they are, whoever
wrote them: they say no more than `id`, `source` and `received_at` in the event itself, which anybody may write too;
and a directory that is built anew from the log must understand a record as the one before did.

The letter's id is not believed. Anybody may write to the topic, and a header alone could make the letter of a
record that was never applied go away. So a record counts for a letter only where it has the letter's first place and
time, and either its very bytes (then it is the same event, and the law makes the second copy harmless) or a proof,
which only somebody with access to the directory can make, that these bytes are what the letter was edited to. A header
that names another letter, or none that exists, is ignored: the record is one like any other, and gets a letter of its
own where it dies.

The key of the proofs is a setting of the directory. A directory built anew has another, and so keeps the letter
of a record that was edited; to redrive it again with the same body settles it there too.
"""

import hmac
import secrets
from hashlib import blake2b

from contactfold.domain.stamp import EARLIEST, LATEST
from contactfold.ports import DeadLetter, Directory, Headers, LogRecord, NewRecord

LETTER_HEADER = "contactfold-letter"
PLACE_HEADER = "contactfold-first-place"
TIME_HEADER = "contactfold-first-time"
PROOF_HEADER = "contactfold-letter-proof"

KEY_SETTING = "redrive_key"
"""The setting that holds the key of the proofs."""

_OURS = "contactfold-"
"""What the headers begin with that contactfold itself writes."""

_LONGEST_PLACE = 300
"""Characters of a place: a topic's name has 249 at most."""


def first_place(record: LogRecord) -> tuple[str, int]:
    """Where and when a record first lay on the log: `topic/partition/offset`, and microseconds since 1970.

    Its own place and timestamp, unless it is a second copy that carries the first's.
    """
    own = f"{record.partition}/{record.offset}"
    if not any(name == PLACE_HEADER for name, _ in record.headers):
        return own, record.timestamp
    headers = dict(reversed(record.headers))
    place = _read_place(headers[PLACE_HEADER])
    if place is None:
        return own, record.timestamp
    time = _read_time(headers.get(TIME_HEADER, b""))
    return place, record.timestamp if time is None else time


def named_letter(record: LogRecord) -> str | None:
    """The id of the dead letter that a record says it is a copy of. Not to be believed: see `is_copy_of`."""
    for name, value in record.headers:
        if name == LETTER_HEADER:
            return _read_place(value)
    return None


def is_copy_of(record: LogRecord, letter: DeadLetter, key: bytes | None) -> bool:
    """Whether a record that names this letter is a copy of its record, or of what the record was edited to."""
    if first_place(record) != first_place(_record_of(letter)):
        return False
    if record.value == letter.value:
        return True
    told = next((value for name, value in record.headers if name == PROOF_HEADER), b"")
    return bool(key) and hmac.compare_digest(told, prove(letter.id, record.value, key or b""))


def prove(letter_id: str, value: bytes, key: bytes) -> bytes:
    """The proof that these bytes are a redrive of this letter."""
    return blake2b(letter_id.encode() + b"\0" + value, key=key, digest_size=32).hexdigest().encode()


def write_copy(letter: DeadLetter, key: bytes, edited: bytes | None = None) -> NewRecord:
    """The record that redrives a letter: the same bytes, or those it was edited to, and the headers it had.

    What a door found out about the values (its own headers) is not said of an edited body.
    """
    value = letter.value if edited is None else edited
    place, time = first_place(_record_of(letter))
    told = {LETTER_HEADER, PLACE_HEADER, TIME_HEADER, PROOF_HEADER}
    kept = [
        (name, had)
        for name, had in letter.headers
        if name not in told and (edited is None or not name.startswith(_OURS))
    ]
    ours: Headers = (
        (LETTER_HEADER, letter.id.encode()),
        (PLACE_HEADER, place.encode()),
        (TIME_HEADER, str(time).encode()),
        (PROOF_HEADER, prove(letter.id, value, key)),
    )
    return NewRecord(letter.key or b"", value, (*kept, *ours))


async def read_key(directory: Directory) -> bytes | None:
    """The key of the proofs, or None where nothing was ever redriven."""
    return await directory.setting(KEY_SETTING)


async def make_key(directory: Directory) -> bytes:
    """The key of the proofs, made where there is none."""
    if not await directory.setting(KEY_SETTING):
        await directory.set_setting(KEY_SETTING, secrets.token_bytes(32))
    # Read again: another command may have made one in the same moment, and the last one stays.
    return await directory.setting(KEY_SETTING) or b""


def _record_of(letter: DeadLetter) -> LogRecord:
    return LogRecord(letter.partition, letter.offset, letter.key, letter.value, letter.headers, letter.timestamp)


def _read_place(raw: bytes) -> str | None:
    try:
        place = raw.decode()
    except UnicodeDecodeError:
        return None
    topic, *numbers = place.rsplit("/", 2)
    fits = topic and len(numbers) == 2 and len(place) <= _LONGEST_PLACE and place.isprintable()
    return place if fits and all(number.isascii() and number.isdecimal() for number in numbers) else None


def _read_time(raw: bytes) -> int | None:
    if not 0 < len(raw) <= len(str(EARLIEST)) or not raw.lstrip(b"-").isdigit():
        return None
    try:
        time = int(raw)
    except ValueError:
        return None
    return time if EARLIEST <= time <= LATEST else None
