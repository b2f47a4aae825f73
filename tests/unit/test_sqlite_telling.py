from pathlib import Path

import apsw
import pytest

from contactfold.adapters.sqlite_telling import write_rows


def make_table(path: str = ":memory:") -> apsw.Connection:
    connection = apsw.Connection(path)
    connection.execute("CREATE TABLE things (number INTEGER PRIMARY KEY, name TEXT, content BLOB)")
    return connection


@pytest.mark.parametrize("count", [0, 1, 2, 63, 64, 65, 127, 200])
def test_every_row_is_written_however_many_there_are(count: int) -> None:
    connection = make_table()
    rows = [(number, f"name {number}", None if number % 3 else b"\0" * number) for number in range(count)]
    write_rows(connection, "INSERT OR FAIL INTO things VALUES ?*", rows)
    assert list(connection.execute("SELECT * FROM things ORDER BY number")) == rows


def test_rows_are_changed_where_all_of_their_key_is_as_given() -> None:
    connection = make_table()
    write_rows(connection, "INSERT OR FAIL INTO things VALUES ?*", [(1, "a", None), (2, "b", None), (3, "c", None)])
    before = connection.total_changes()
    write_rows(
        connection,
        "UPDATE OR FAIL things SET content = new.column1 FROM (VALUES ?*) AS new "
        "WHERE number = new.column2 AND name = new.column3",
        [(b"x", 1, "a"), (b"y", 2, "another"), (b"z", 3, "c")],
    )
    assert connection.total_changes() - before == 2
    assert list(connection.execute("SELECT content FROM things ORDER BY number")) == [(b"x",), (None,), (b"z",)]


def test_a_row_that_is_there_already_fails_the_whole_and_its_transaction_takes_back_what_was_written() -> None:
    connection = make_table()
    write_rows(connection, "INSERT OR FAIL INTO things VALUES ?*", [(7, "there", None)])
    with pytest.raises(apsw.ConstraintError), connection:
        write_rows(connection, "INSERT OR FAIL INTO things VALUES ?*", [(n, "new", None) for n in range(10)])
    assert list(connection.execute("SELECT number FROM things")) == [(7,)]


def test_rows_that_were_large_are_not_held_once_they_are_written(tmp_path: Path) -> None:
    connection = make_table(str(tmp_path / "things.db"))
    before = apsw.memory_used()
    for count in (32, 16, 8, 4, 2, 1):
        write_rows(connection, "INSERT OR FAIL INTO things VALUES ?*", [(n, "", bytes(500_000)) for n in range(count)])
        connection.execute("DELETE FROM things")
    connection.pragma("shrink_memory")
    assert apsw.memory_used() - before < 2_000_000
