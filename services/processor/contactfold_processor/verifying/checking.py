"""Checking one kind of document in pages: each page as of one moment, and once more where something does not agree."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol, TypeAlias, TypeVar

from contactfold.ports import Directory
from contactfold_processor.verifying.findings import Mismatch

Document = TypeVar("Document")

Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Told of a part's name, how much more of it is done, and about how much there is in all (None: nobody knows)."""


class Check(Protocol[Document]):
    """A kind of document and what must hold of it. `name` is for people and for progress."""

    name: str

    async def page(self, moment: Directory, after: Document | None) -> list[Document]:
        """The next documents, those after one of them; none at the end."""
        ...

    async def again(self, moment: Directory, documents: list[Document]) -> list[Document]:
        """The same documents as they are at another moment; those that are gone are left out."""
        ...

    async def compare(self, moment: Directory, documents: list[Document]) -> list[Mismatch]:
        """What does not agree about these documents, which were read at this moment."""
        ...


async def run_check(directory: Directory, check: Check[Any]) -> AsyncIterator[tuple[int, list[Mismatch]]]:
    """Check every document of a kind; tells, page by page, how many were checked and what does not agree.

    While a page is compared the next one is looked at already: each question waits for the answer to the one before.
    """
    pages = [_Page(directory, check, None)]
    try:
        while documents := await pages[0].documents():
            pages.append(_Page(directory, check, documents[-1]))
            yield len(documents), await pages.pop(0).looking
    finally:
        for page in pages:
            page.looking.cancel()
        await asyncio.gather(*(page.looking for page in pages), return_exceptions=True)


class _Page:
    """One page that is being checked. `looking` ends with what does not agree."""

    def __init__(self, directory: Directory, check: Check[Any], after: Any) -> None:
        self._read: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self.looking = asyncio.create_task(self._look(directory, check, after))

    async def documents(self) -> list[Any]:
        """What is on the page, as soon as that was read. Raises what reading it raised."""
        await asyncio.wait([self._read, self.looking], return_when=asyncio.FIRST_COMPLETED)
        if not self._read.done():
            await self.looking
        return self._read.result()

    async def _look(self, directory: Directory, check: Check[Any], after: Any) -> list[Mismatch]:
        async with directory.snapshot() as moment:
            documents = await check.page(moment, after)
            self._read.set_result(documents)
            found = await check.compare(moment, documents) if documents else []
        return await _confirm(directory, check, documents, found) if found else []


async def _confirm(
    directory: Directory, check: Check[Any], documents: list[Any], found: list[Mismatch]
) -> list[Mismatch]:
    """Those mismatches that are there under a newer position too, as they are now."""
    suspected = {mismatch.key for mismatch in found}
    async with directory.snapshot() as moment:
        newer = await check.again(moment, documents)
        now = await check.compare(moment, newer) if newer else []
    return [mismatch for mismatch in now if mismatch.key in suspected]
