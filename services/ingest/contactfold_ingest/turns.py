"""Turns: a request of very many items lets other requests go on in between."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

TURN = 256
"""Items after which other requests get their turn."""

Item = TypeVar("Item")
Made = TypeVar("Made")


async def map_in_turns(make: Callable[[Item], Made], items: Sequence[Item]) -> list[Made]:
    """What `make` makes of each item, in order."""
    made: list[Made] = []
    for begin in range(0, len(items), TURN):
        if begin:
            await asyncio.sleep(0)
        made += map(make, items[begin : begin + TURN])
    return made
