"""Checking page by page: the next page is read while one is compared, and nothing of that shows."""

import asyncio
from typing import Any

import pytest

from contactfold.domain.errors import Unavailable
from contactfold.ports import Directory
from contactfold_processor.verifying.checking import run_check
from contactfold_processor.verifying.findings import CONTACT, Mismatch
from fakes.memory_directory import MemoryDirectory


class Counting:
    """A check of the numbers below `end`, three a page, that finds fault with every fourth and fails at one."""

    name = "numbers"

    def __init__(self, end: int, *, unreadable: int = -1, incomparable: int = -1) -> None:
        self.end, self.unreadable, self.incomparable = end, unreadable, incomparable
        self.under_way: set[int] = set()
        self.most = 0

    async def page(self, moment: Directory, after: int | None) -> list[int]:
        begin = 0 if after is None else after + 1
        if begin == self.unreadable:
            raise Unavailable("directory", "it went away.")
        await asyncio.sleep(0)
        return list(range(begin, min(begin + 3, self.end)))

    async def again(self, moment: Directory, documents: list[int]) -> list[int]:
        return documents

    async def compare(self, moment: Directory, documents: list[int]) -> list[Mismatch]:
        self.under_way.add(documents[0])
        self.most = max(self.most, len(self.under_way))
        try:
            await asyncio.sleep(0.01 if documents[0] % 2 else 0.002)
            if self.incomparable in documents:
                raise Unavailable("directory", "it went away.")
        finally:
            self.under_way.discard(documents[0])
        return [Mismatch(CONTACT, str(each), "document", "", "") for each in documents if each % 4 == 0]


async def run(check: Counting, *, stop_after: int = 100) -> tuple[list[int], list[str]]:
    counts: list[int] = []
    found: list[str] = []
    directory: Any = MemoryDirectory()
    pages = run_check(directory, check)
    try:
        async for count, mismatches in pages:
            counts.append(count)
            found += [mismatch.where for mismatch in mismatches]
            if len(counts) == stop_after:
                break
    finally:
        await pages.aclose()  # type: ignore[attr-defined]
    return counts, found


def others() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


@pytest.mark.parametrize("end", [0, 1, 3, 4, 20])
async def test_every_page_is_told_once_and_in_order(end: int) -> None:
    counts, found = await run(Counting(end))
    assert counts == [3] * (end // 3) + [end % 3] * bool(end % 3)
    assert found == [str(each) for each in range(0, end, 4)]
    assert not others()


async def test_two_pages_are_looked_at_together_and_no_more() -> None:
    check = Counting(60)
    await run(check)
    assert check.most == 2


@pytest.mark.parametrize("fault", [{"unreadable": 0}, {"unreadable": 9}, {"incomparable": 9}])
async def test_what_cannot_be_checked_is_raised_after_what_could_be(fault: dict[str, int]) -> None:
    check = Counting(30, **fault)
    with pytest.raises(Unavailable):
        await run(check)
    assert not check.under_way
    assert not others()


async def test_nothing_goes_on_behind_whoever_stops_early() -> None:
    check = Counting(60)
    assert (await run(check, stop_after=2))[0] == [3, 3]
    assert not check.under_way
    assert not others()
