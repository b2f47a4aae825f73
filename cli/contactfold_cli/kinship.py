"""Which contact of one directory is which of another, among those that differ.

A public id is that of a contact's earliest event and changes with it, so two contacts are kin where they have the
same id or own a common identifier. Who has no kin was created or is gone; who has one, and it no other, was changed;
who has several was merged, or split.

What differs waits in a temporary database without a name, so memory stays flat however much it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import apsw
import msgspec

BEFORE, AFTER = 0, 1
"""The two sides."""

_LAYOUT = """
CREATE TABLE contacts (number INTEGER PRIMARY KEY, side INTEGER, id TEXT, line BLOB);
CREATE TABLE names (identifier TEXT, side INTEGER, number INTEGER);
"""
_KINSHIP = """
CREATE TABLE kin (old INTEGER, new INTEGER, PRIMARY KEY (old, new)) WITHOUT ROWID;
CREATE INDEX contacts_of_a_side ON contacts (side, id);
CREATE INDEX names_of_a_side ON names (identifier, side);
INSERT OR IGNORE INTO kin SELECT a.number, b.number FROM contacts a, contacts b
    WHERE a.side = 0 AND b.side = 1 AND b.id = a.id;
INSERT OR IGNORE INTO kin SELECT a.number, b.number FROM names a, names b
    WHERE a.side = 0 AND b.side = 1 AND b.identifier = a.identifier;
CREATE INDEX kin_of_new ON kin (new, old);
CREATE TABLE several_old AS SELECT new AS number, count(*) AS kin FROM kin GROUP BY new HAVING count(*) > 1;
CREATE TABLE several_new AS SELECT old AS number, count(*) AS kin FROM kin GROUP BY old HAVING count(*) > 1;
CREATE UNIQUE INDEX merged_ones ON several_old (number);
CREATE UNIQUE INDEX split_ones ON several_new (number);
"""
_CREATED = "FROM contacts WHERE side = 1 AND number NOT IN (SELECT new FROM kin)"
_GONE = "FROM contacts WHERE side = 0 AND number NOT IN (SELECT old FROM kin)"
_CHANGED = (
    "FROM kin JOIN contacts a ON a.number = old JOIN contacts b ON b.number = new "
    "WHERE new NOT IN (SELECT number FROM several_old) AND old NOT IN (SELECT number FROM several_new)"
)


class ExportedContact(msgspec.Struct):
    """What of a contact's line kinship depends on."""

    id: str
    identifiers: list[str] = []


@dataclass(frozen=True, slots=True)
class Family:
    """A contact with several kin on the other side; `kin` names some of them, `count` counts all."""

    line: bytes
    kin: list[str]
    count: int


_read = msgspec.json.Decoder(ExportedContact).decode


class Kinship:
    """Contacts that differ between two directories. Add all of them, then `settle`, then ask."""

    def __init__(self) -> None:
        self._database = apsw.Connection("")
        # It is nobody's but ours, and lost with us: nothing needs to reach the disk in any order.
        for pragma in ("journal_mode=OFF", "synchronous=OFF"):
            self._database.execute(f"PRAGMA {pragma}").fetchall()
        self._database.execute(_LAYOUT)
        self._database.execute("BEGIN")
        self._number = 0

    def close(self) -> None:
        """Let go of everything."""
        self._database.close()

    def add(self, side: int, line: bytes) -> None:
        """A contact of one side that is not the same on the other. Raises `msgspec.MsgspecError` for what is none."""
        contact = _read(line)
        self._number += 1
        self._database.execute("INSERT INTO contacts VALUES (?, ?, ?, ?)", (self._number, side, contact.id, line))
        self._database.executemany(
            "INSERT INTO names VALUES (?, ?, ?)", ((name, side, self._number) for name in contact.identifiers)
        )

    def settle(self) -> None:
        """Find out who is whose kin."""
        self._database.execute(_KINSHIP)
        self._database.execute("COMMIT")

    def count_created(self) -> int:
        """How many contacts of the second side have no kin."""
        return self._count(_CREATED)

    def count_gone(self) -> int:
        """How many contacts of the first side have no kin."""
        return self._count(_GONE)

    def count_merged(self) -> int:
        """How many contacts of the second side have several kin."""
        return self._count("FROM several_old")

    def count_split(self) -> int:
        """How many contacts of the first side have several kin."""
        return self._count("FROM several_new")

    def created(self, limit: int) -> list[bytes]:
        """The first contacts of the second side without kin, in the order of ids."""
        return self._lines(_CREATED, limit)

    def gone(self, limit: int) -> list[bytes]:
        """The first contacts of the first side without kin, in the order of ids."""
        return self._lines(_GONE, limit)

    def merged(self, limit: int) -> list[Family]:
        """The first contacts of the second side with several kin, in the order of ids."""
        return self._families("several_old", "SELECT id FROM kin JOIN contacts ON number = old WHERE new = ?", limit)

    def split(self, limit: int) -> list[Family]:
        """The first contacts of the first side with several kin, in the order of ids."""
        return self._families("several_new", "SELECT id FROM kin JOIN contacts ON number = new WHERE old = ?", limit)

    def changed(self) -> Iterator[tuple[bytes, bytes]]:
        """Every pair of contacts that are each other's only kin, in the order of the first side's ids."""
        yield from self._database.execute(f"SELECT a.line, b.line {_CHANGED} ORDER BY a.number")

    def _count(self, which: str) -> int:
        return int(self._database.execute(f"SELECT count(*) {which}").get)

    def _lines(self, which: str, limit: int) -> list[bytes]:
        return [line for (line,) in self._database.execute(f"SELECT line {which} ORDER BY number LIMIT ?", (limit,))]

    def _families(self, which: str, kin: str, limit: int) -> list[Family]:
        joined = f"FROM {which} JOIN contacts USING (number) ORDER BY number LIMIT ?"
        found: list[Any] = self._database.execute(f"SELECT number, line, kin {joined}", (limit,)).fetchall()
        return [Family(line, self._names(kin, number, limit), count) for number, line, count in found]

    def _names(self, kin: str, number: int, limit: int) -> list[str]:
        return [name for (name,) in self._database.execute(f"{kin} ORDER BY number LIMIT ?", (number, limit))]
