"""Grouping: rows of one name come together, every row comes once, and an order that was begun is gone on with."""

import asyncio
import os
import resource
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactfold.domain.directory import Component
from contactfold.domain.outcome import Reason
from contactfold.domain.schema import default_schema
from contactfold.ports import Changes, Import, Lane
from contactfold.ports.imports import COMPLETED
from contactfold.tables.reading import Row
from contactfold_ingest.imports import cutters
from contactfold_ingest.imports.cutters import open_cuts
from contactfold_ingest.imports.grouping import Grouped
from contactfold_ingest.imports.rows import Cutter
from fakes.ingest_service import Ingest
from unit.ingest.cutting import apply, has_cut, has_status, until, upload, working
from unit.ingest.test_imports_cutting_apart import one_of, processes

NUMBERED = [f"{'ANN' if n % 6 == 0 else 'ann'}{n % 3}@example.com,Row {n}" for n in range(2, 2_502)]
SEPARATORS = b" \t\r\n\v\f-+()./'"
SHUFFLED = "\n".join(("Email,First Name", *NUMBERED)).encode()

_rows = st.lists(
    st.builds(
        Row,
        st.integers(1, 1 << 40),
        st.lists(st.text(max_size=3), min_size=3, max_size=3),
        st.none() | st.builds(Reason, st.just("malformed_row"), st.text(max_size=3)),
        st.none() | st.builds(Reason, st.just("organization_differs"), st.text(max_size=3)),
    ),
    max_size=20,
)


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is cut is cut in a process of its own, as large files are."""
    monkeypatch.setattr(cutters, "SMALL", 0)


def _numbers(values: list[bytes]) -> list[int]:
    return [msgspec.json.decode(value)["import"]["row"] for value in values]


async def _cut(path: Path, one: Import, *, groups: bool = True) -> list[int]:
    """The rows of a file, by their numbers, as they would come onto the log."""
    numbers: list[int] = []
    counts = one.total is None
    async with open_cuts(path, one, default_schema(), 8_192, counts=counts, groups=groups) as cuts:
        if counts:
            one.total = await cuts.count()
        one.grouped_by = cuts.grouped_by
        while (chunk := await cuts.cut()) is not None:
            numbers += _numbers([record.value for record in chunk.records])
            one.cursor = chunk.last
    return numbers


@given(_rows, st.lists(st.integers(0, 2), min_size=1, max_size=3), st.integers(0, 25))
def test_every_row_comes_once_and_behind_any_cursor_come_the_rest(
    rows: list[Row], places: list[int], after: int
) -> None:
    grouped = Grouped(iter(rows), places)
    ordered = list(grouped.rows())
    assert list(grouped.rows(after)) == ordered[after:]
    grouped.close()
    assert grouped.total == len(rows)
    assert sorted(map(repr, ordered)) == sorted(map(repr, rows))
    called: dict[bytes, set[bytes]] = {}
    for row in rows:
        for text in _texts(row, places):
            called.setdefault(text, set()).add(_name(row, places))
    sharing = {name for names in called.values() if len(names) > 1 for name in names}
    names = [b"" if (name := _name(row, places)) in sharing else name for row in ordered]
    assert names == sorted(names)
    for name in sharing:
        assert [r for r in ordered if _name(r, places) in sharing] == [r for r in rows if _name(r, places) in sharing]
        assert name in map(partial(_name, places=places), rows)
    for name in set(names) - {b""}:
        assert [row for row in ordered if _name(row, places) == name] == [r for r in rows if _name(r, places) == name]


def _texts(row: Row, places: list[int]) -> list[bytes]:
    told = [] if row.fault else [row.cells[place].encode().lower().translate(None, SEPARATORS) for place in places]
    return list(filter(None, told))


def _name(row: Row, places: list[int]) -> bytes:
    return next(iter(_texts(row, places)), b"")


def test_rows_that_come_to_more_than_they_may_are_left_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OSError, match="too large for the disk"):
        Grouped((Row(n, ["x" * 100]) for n in range(100)), [0], most=5_000)
    path = tmp_path / "file"
    path.write_bytes(SHUFFLED)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100_000))
    with Cutter(path, one_of(), default_schema(), 8_192, groups=True) as cutter:
        assert (list(cutter.grouped_by), cutter.count()) == ([], 2_500)


def test_what_a_row_differs_from_is_not_what_was_read_for_an_order_that_came_to_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    rows = [f"a{n % 7}@example.com,Account,City {n // 50}" for n in range(2, 202)]
    path.write_bytes("\n".join(("Email,Account Name,Account City", *rows)).encode())
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=30_000))
    with Cutter(path, one_of(), default_schema(), 8_192, groups=True) as cutter:
        assert list(cutter.grouped_by) == []
        chunk = cutter.cut(1_000)
    assert chunk is not None
    values = [msgspec.json.decode(record.value) for record in chunk.records]
    assert [value["import"]["row"] for value in values if _is_marked(value)] == list(range(50, 202))


@pytest.mark.usefixtures("apart")
async def test_rows_of_one_name_come_together_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(SHUFFLED)
    numbers = await _cut(path, one_of())
    assert numbers == [n for person in range(3) for n in range(2, 2_502) if n % 3 == person]
    assert await asyncio.to_thread(os.listdir, tmp_path) == ["file"]


@pytest.mark.usefixtures("apart")
async def test_people_who_share_a_number_are_applied_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    rows = [f"{n % 7},b{n % 7}@example.com,{'+49 30 1' if n % 7 in (2, 5) else ''}" for n in range(2, 402)]
    rows += ["", "8,,+49 170 2", "9,,00", "8,,+49 170 3", ",x@example.com,(+49)1703"]
    path.write_bytes("\n".join(("external_customer_id,email,phone", *rows)).encode())
    numbers = await _cut(path, one_of())
    sharing = [n for n in range(2, 402) if n % 7 in (2, 5)] + [403, 405, 406]
    assert numbers[: len(sharing)] == sharing
    assert sorted(numbers) == [*range(2, 402), 403, 404, 405, 406]


@pytest.mark.usefixtures("apart")
async def test_cells_that_may_name_several_people_stay_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(SHUFFLED)
    one = one_of(options={"source": "crm", "split": {"Email": ";"}})
    assert await _cut(path, one) == list(range(2, 2_502))
    assert list(one.grouped_by) == []


@pytest.mark.parametrize("size", [100, 101])
@pytest.mark.usefixtures("apart")
async def test_beside_people_of_whom_much_hangs_together_rows_stay_in_the_order_of_the_file(
    ingest: Ingest, size: int
) -> None:
    await ingest.directory.commit(Changes(components=[Component(b"c" * 16, b"s" * 24, size)]))
    import_id = await upload(ingest, SHUFFLED)
    async with working(ingest):
        await until(lambda: has_cut(ingest, import_id, 2_500), "all rows are cut")
    (one,) = await ingest.directory.imports([import_id])
    assert bool(one.grouped_by) is (size == 100)


@pytest.mark.usefixtures("apart")
async def test_an_order_is_gone_on_with_and_so_is_that_of_a_file_that_was_begun_without(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(SHUFFLED)
    whole = await _cut(path, grouped := one_of())
    assert await _cut(path, one_of(total=2_500, cursor=700, grouped_by=grouped.grouped_by)) == whole[700:]
    assert await _cut(path, one_of(total=2_500, cursor=700)) == list(range(701, 2_502))
    assert await _cut(path, one_of(), groups=False) == list(range(2, 2_502))


@pytest.mark.usefixtures("apart")
async def test_a_row_that_differs_from_an_earlier_one_of_the_file_is_marked_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "file"
    rows = [f"a{n % 7}@example.com,Account {n % 5},City {n // 40 if n % 5 == 3 else 0}" for n in range(2, 202)]
    path.write_bytes("\n".join(("Email,Account Name,Account City", *rows)).encode())
    marked: list[list[int]] = []
    for groups in (False, True):
        numbers: list[int] = []
        async with open_cuts(path, one_of(), default_schema(), 8_192, counts=True, groups=groups) as cuts:
            await cuts.count()
            while (chunk := await cuts.cut()) is not None:
                values = [msgspec.json.decode(record.value) for record in chunk.records]
                numbers += [value["import"]["row"] for value in values if _is_marked(value)]
        marked.append(numbers)
    assert marked[0] == [n for n in range(2, 202) if n % 5 == 3 and n >= 40]
    assert sorted(marked[1]) == marked[0] != marked[1]


def _is_marked(value: object) -> bool:
    return "organization_differs" in repr(value)


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file may grow: what writes one is told so by the system, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_without_room_on_the_disk_rows_stay_in_their_order_and_an_order_that_was_begun_is_not_left(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = tmp_path / "file"
    path.write_bytes(
        b"Email,First Name\n" + b"".join(b"a%d@example.com,%s\n" % (n % 9, b"x" * 999) for n in range(9_000))
    )
    given = path, one_of(), default_schema(), 8_192
    request.getfixturevalue("full_disk")
    with Cutter(*given, groups=True) as cutter:
        assert (list(cutter.grouped_by), cutter.count()) == ([], 9_000)
        chunk = cutter.cut(10)
        assert chunk is not None
        assert chunk.last == 11
    with (
        Cutter(path, one_of(total=9_000, cursor=5, grouped_by=(0,)), *given[2:]) as cutter,
        pytest.raises(OSError, match="its rows cannot be put in order"),
    ):
        cutter.cut(10)


@pytest.mark.usefixtures("apart")
async def test_a_process_that_is_killed_is_followed_by_one_that_has_the_same_order(ingest: Ingest) -> None:
    rows = 26_000
    content = b"Email,First Name\n" + b"".join(b"a%d@example.com,Ann %d\n" % (n * 7919 % 997, n) for n in range(rows))
    import_id = await upload(ingest, content)
    async with working(ingest):
        for ahead in (1_000, 5_000, 18_000):
            await until(lambda ahead=ahead: has_cut(ingest, import_id, ahead), "so many rows are cut")  # type: ignore[misc]
            for process in processes():
                process.kill()
        await apply(ingest, import_id, created=rows)
        await until(lambda: has_status(ingest, import_id, COMPLETED), "it is completed")
    records = await ingest.log.read_all(Lane.BULK)
    assert sorted(_numbers([record.value for record in records])) == list(range(2, rows + 2))
    by_person: dict[bytes | None, list[int]] = {}
    for record in records:
        by_person.setdefault(record.key, []).extend(_numbers([record.value]))
    assert len(by_person) == 997
    assert all(numbers == sorted(numbers) for numbers in by_person.values())
