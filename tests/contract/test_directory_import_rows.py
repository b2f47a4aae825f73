"""What reports of imports read, of every adapter: rows by what became of them, dead letters, and whose they are now."""

from dataclasses import replace
from typing import Any

from contactfold.domain.erasing import NOTHING
from contactfold.domain.outcome import REJECTED, UPDATED
from contactfold.ports import Changes, DeadLetter, Directory, Evidence
from contract.directory_objects import contact, event_id, evidence, letter, stamp, stored

BIG = b"x" * 3_000_000


def of_row(row: int, status: str, import_id: str = "x", **changes: Any) -> Evidence:
    one = evidence(f"{import_id}/{row}", import_row=(import_id, row), **changes)
    one.outcome.status = status
    return one


def numbers(page: list[Evidence]) -> list[int]:
    return [one.import_row[1] for one in page if one.import_row is not None]


async def test_rows_are_told_by_what_became_of_them(directory: Directory) -> None:
    said = [of_row(row, REJECTED if row % 10 == 3 else UPDATED) for row in range(100)]
    misleading = of_row(1_000, UPDATED, event=b'{"id":"\xc2\xa6status\xc2\xa8rejected","status":"rejected"}')
    await directory.commit(Changes(evidence=[*said, misleading, of_row(3, REJECTED, "y"), evidence("no row")]))

    async def ask(status: str | None, after: int = -1, through: int = 2_000, limit: int = 500) -> list[int]:
        return numbers(await directory.rows_of_import("x", after=after, through=through, status=status, limit=limit))

    assert await ask(REJECTED) == list(range(3, 100, 10))
    assert await ask(REJECTED, limit=4) == [3, 13, 23, 33]
    assert await ask(REJECTED, after=13, through=53) == [23, 33, 43, 53]
    assert await ask(None, after=97) == [98, 99, 1_000]
    assert len(await ask(UPDATED)) == 91
    assert await ask("created") == []
    assert await ask(REJECTED, limit=0) == []
    found = await directory.rows_of_import("x", after=2, through=3, status=REJECTED, limit=9)
    assert found == [stored(said[3])]


async def test_a_page_of_large_rows_ends_early_and_never_stands_still(directory: Directory) -> None:
    for row in range(8):
        await directory.commit(Changes(evidence=[of_row(row, REJECTED, event=BIG)]))
    seen: list[int] = []
    while page := await directory.rows_of_import(
        "x", after=seen[-1] if seen else -1, through=9, status=REJECTED, limit=9
    ):
        assert len(page) < 8
        seen += numbers(page)
    assert seen == list(range(8))


async def test_imports_that_an_erasure_has_reached_are_found_however_it_did(directory: Directory) -> None:
    asked = ["x", "y", "late", "dead", "nobody's"]
    by = (event_id("e"),)
    live = [of_row(row, UPDATED) for row in range(5)]
    died = letter(7, import_row=("dead", 7))
    await directory.commit(Changes(evidence=[*live, of_row(1, UPDATED, "y")], dead_letters=[died]))
    assert await directory.erased_imports(asked) == set()
    await directory.commit(Changes(evidence=[of_row(9, UPDATED, "late", erased_by=by)]))
    assert await directory.erased_imports(asked) == {"late"}
    emptied = [replace(live[row], event=b"{}", erased_by=by, version=1) for row in (3, 1)]
    await directory.commit(Changes(rewritten=emptied, dead_letters=[replace(died, key=None, value=NOTHING)]))
    again = replace(emptied[0], erased_by=(*by, event_id("f")), version=2)
    await directory.commit(Changes(rewritten=[again], evidence=[evidence("other", erased_by=by)]))
    assert await directory.erased_imports(asked) == {"late", "x", "dead"}
    assert await directory.erased_imports([]) == set()


async def test_the_dead_letters_of_an_import_come_in_the_order_of_rows(directory: Directory) -> None:
    letters = [letter(offset, import_row=("x", 100 - offset // 2)) for offset in range(20)]
    await directory.commit(Changes(dead_letters=[*letters, letter(50), letter(51, import_row=("y", 1))]))
    whole = sorted(letters, key=lambda one: (one.import_row, one.id))
    for limit in (1, 7, 20, 99):
        found: list[DeadLetter] = []
        after = None
        while page := await directory.letters_of_import("x", after=after, limit=limit):
            assert page[-1].import_row is not None
            found, after = [*found, *page], (page[-1].import_row[1], page[-1].id)
        assert found == whole
    assert await directory.letters_of_import("x", after=None, limit=0) == []


async def test_a_handle_is_of_whoever_absorbed_it_and_of_nobody_once_erased(directory: Directory) -> None:
    ann = contact("ann", id=event_id("elder"), absorbed=[event_id("bob"), event_id("cy")])
    gone = contact("gone", single={}, multi={}, owned=set(), plain=False, nobody=True, absorbed=[event_id("late")])
    await directory.commit(Changes(contacts=[ann, gone, contact("eve")]))
    names = ["ann", "bob", "cy", "eve", "gone", "late", "nobody's", "bob"]
    found = await directory.ids_of_contacts([event_id(name) for name in names])
    elder = event_id("elder")
    assert found == {
        event_id("ann"): elder,
        event_id("bob"): elder,
        event_id("cy"): elder,
        event_id("eve"): event_id("eve"),
    }
    assert await directory.ids_of_contacts([]) == {}
    assert stamp("ann") == ann.birth
