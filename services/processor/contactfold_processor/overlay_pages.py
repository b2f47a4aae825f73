"""Merging what two directories answer: pages in one order, and streams, the lower one without what is covered."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

from contactfold.ports import ANSWER_BYTES

V = TypeVar("V")

_AT_ONCE = 500
"""Things of the lower stream that one question whether they are covered names."""

Uncovered = Callable[[Sequence[V]], Awaitable[list[V]]]
"""Tells which things of the lower directory nothing covers."""


async def merge_pages(
    upper: Callable[[Any], Awaitable[list[V]]],
    lower: Callable[[Any], Awaitable[list[V]]],
    uncovered: Uncovered[V],
    key: Callable[[V], Any],
    after: Any,
    limit: int,
    size: Callable[[V], int] = lambda _: 0,
) -> list[V]:
    """Up to `limit` of both, in the order of `key`; none only at the end. It ends early at `ANSWER_BYTES` of `size`.

    A page of one of them may have ended before its limit, so nothing is taken past the end of the one that ends
    earlier: what lies there may be on neither yet.
    """
    found: list[V] = []
    while len(found) < limit and sum(map(size, found)) < ANSWER_BYTES:
        pages = [await upper(after), await lower(after)]
        ends = [key(page[-1]) for page in pages if page]
        if not ends:
            break
        after = min(ends)
        seen = [*pages[0], *await uncovered(pages[1])]
        found += sorted((one for one in seen if key(one) <= after), key=key)
    # Pieces of evidence of one row share a key, and the next page begins past it.
    return found if len(found) <= limit else [one for one in found if key(one) <= key(found[limit - 1])]


async def merge_streams(
    upper: AsyncIterator[V], lower: AsyncIterator[V], uncovered: Uncovered[V], key: Callable[[V], Any]
) -> AsyncIterator[V]:
    """Both streams as one, in the order of `key`, which either is in."""
    waiting = await anext(upper, None)
    async for one in _only(lower, uncovered):
        while waiting is not None and key(waiting) < key(one):
            yield waiting
            waiting = await anext(upper, None)
        yield one
    while waiting is not None:
        yield waiting
        waiting = await anext(upper, None)


async def _only(lower: AsyncIterator[V], uncovered: Uncovered[V]) -> AsyncIterator[V]:
    page: list[V] = []
    async for one in lower:
        page.append(one)
        if len(page) == _AT_ONCE:
            for kept in await uncovered(page):
                yield kept
            page = []
    for kept in await uncovered(page) if page else ():
        yield kept
