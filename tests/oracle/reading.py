"""What an event in its wire form says, read by the oracle's own small normalisers.

Times are microseconds since 1970, an event id its 26 characters, an identifier `attribute:normal form`.
Phones are expected in E.164 already; everything else the histories contain is normalised here.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from oracle.attributes import ATTRIBUTES, Attribute

DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
JUNK = {"n/a", "none", "null", "unknown", "test", "-"}


@dataclass(frozen=True, order=True)
class Stamp:
    """The total order of events: when it occurred, then its id."""

    time: int
    event_id: str


@dataclass(frozen=True)
class Word:
    """One value: as it is shown, and what it is compared by."""

    shown: Any
    same: Any


@dataclass
class Reading:
    """An event understood. `says` maps attribute keys to words, an empty list deletes; `faults` refuse the event."""

    event_id: str
    stamp: Stamp
    source: str
    says: dict[str, list[Word]] = field(default_factory=dict)
    action: str = "append"
    match_on: list[str] | None = None
    on_many: str = "merge"
    account_id: str | None = None
    account_fields: dict[str, Any] = field(default_factory=dict)
    import_id: str | None = None
    junk: set[str] = field(default_factory=set)
    ignored_fields: list[str] = field(default_factory=list)
    faults: set[str] = field(default_factory=set)

    def identifiers(self) -> list[str]:
        """What it identifies somebody by, in schema order, then as written, each once."""
        found = [
            identifier(attribute, word)
            for attribute in ATTRIBUTES
            if attribute.identifies
            for word in self.says.get(attribute.key, [])
        ]
        return list(dict.fromkeys(found))


def identifier(attribute: Attribute, word: Word) -> str:
    """The identifier that a value of a key or channel is."""
    return f"{attribute.key}:{word.same}"


def event_id(source: str, own_id: str) -> str:
    """BLAKE2b, 16 bytes, over source, a zero byte and id; written in base32 as a ULID is."""
    digest = hashlib.blake2b(source.encode() + b"\x00" + own_id.encode(), digest_size=16).digest()
    bits = "".join(f"{byte:08b}" for byte in digest).rjust(130, "0")
    return "".join(DIGITS[int(bits[at : at + 5], 2)] for at in range(0, 130, 5))


def microseconds(text: str) -> int:
    """The time that RFC 3339 text with a zone tells."""
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def stamp_of(event: dict[str, Any]) -> Stamp:
    """Where an event, statement or directive, stands in the total order."""
    when = min(microseconds(event["occurred_at"]), microseconds(event["received_at"]))
    return Stamp(when, event_id(event["source"], event["id"]))


def read(event: dict[str, Any]) -> Reading:
    """Everything a statement says and every reason to refuse it."""
    stamp = stamp_of(event)
    reading = Reading(stamp.event_id, stamp, event["source"])
    reading.import_id = event["import"]["id"] if "import" in event else None
    reading.action = event.get("action", "append")
    reading.on_many = event.get("on_many", "merge")
    for name, value in event.get("values", {}).items():
        _read_field(reading, name, value)
    _read_match_on(reading, event.get("match_on"))
    if not reading.faults and not reading.identifiers():
        reading.faults.add("no_identifier")
    if "organization" in event:
        told = {name: _clean(value) for name, value in event["organization"].items() if value is not None}
        reading.account_id = told.pop("account_id")
        reading.account_fields = told
    return reading


def read_identifier(text: str) -> str | None:
    """The normal form of an identifier as a directive names it, or None for what is none."""
    name, colon, value = text.partition(":")
    attribute = _find(name)
    word = _clean(value)
    if not colon or attribute is None or not attribute.identifies or not word:
        return None
    return identifier(attribute, _word(attribute, word))


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).casefold()


def _find(name: str) -> Attribute | None:
    for attribute in ATTRIBUTES:
        if _plain(name) in {_plain(each) for each in (attribute.key, *attribute.names)}:
            return attribute
    return None


def _read_field(reading: Reading, name: str, value: Any) -> None:
    attribute = _find(name)
    if attribute is None:
        reading.ignored_fields.append(name)
        return
    if value is None:
        return
    values = value if isinstance(value, list) else [value]
    if values in ([], [""]):
        reading.says[attribute.key] = []
        return
    words = []
    for each in values:
        text = _clean(each)
        if attribute.identifies and _is_junk(attribute, text):
            reading.junk.add(attribute.key)
        elif attribute.type == "email" and not _is_address(text):
            reading.faults.add("invalid_email")
        else:
            words.append(_word(attribute, text))
    words = [word for place, word in enumerate(words) if word.same not in {w.same for w in words[:place]}]
    if not attribute.multi and len(values) > 1:
        reading.faults.add("too_many_values")
    if words:
        reading.says[attribute.key] = words


def _read_match_on(reading: Reading, match_on: list[str] | None) -> None:
    if match_on is None:
        return
    found = [_find(name) for name in match_on]
    if not found or not all(attribute and attribute.identifies for attribute in found):
        reading.faults.add("invalid_match_on")
        return
    reading.match_on = [attribute.key for attribute in found if attribute]


def _clean(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(f"the oracle's histories hold text and integers only, not {value!r}")
    return unicodedata.normalize("NFC", str(value).strip())


def _is_junk(attribute: Attribute, text: str) -> bool:
    if text.casefold() in JUNK:
        return True
    if attribute.is_key and set(text) == {"0"}:
        return True
    return attribute.type == "phone" and len(set(text.lstrip("+"))) == 1


def _is_address(text: str) -> bool:
    return re.fullmatch(r"[^@\s]+@[A-Za-z]+\.[A-Za-z]+", text) is not None


def _word(attribute: Attribute, text: str) -> Word:
    if attribute.type != "email":
        return Word(text, text)
    local, _, domain = text.rpartition("@")
    shown = f"{local}@{domain.lower()}"
    return Word(shown, shown.casefold())
