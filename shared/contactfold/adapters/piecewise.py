"""Doing much in pieces: what else waits for the event loop goes on in between.

A batch is written in a chain of commands, each of which begins where the answer to the one before has come, while
the next batch is read and decided. Whoever computes for long keeps that chain, and the server, waiting.
"""

import asyncio
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")

_PIECE = 32


async def collect(results: Iterable[T], piece: int = _PIECE) -> list[T]:
    """A list of these, each of which takes some microseconds to come by; after each `piece` others may go on."""
    collected: list[T] = []
    for result in results:
        collected.append(result)
        if len(collected) % piece == 0:
            await asyncio.sleep(0)
    return collected
