"""Making way: whoever computes for long on an event loop lets whatever else goes on there go on, now and then.

While a batch is decided, the one before it is written: a chain of some ten commands, each of which begins where the
answer to the one before has come. Without this every answer waits for the end of whatever is being computed, which
cost a sixth of a processor's rate on MongoDB.
"""

import asyncio

PIECE = 16
"""Events that are read or folded in one piece: about a third of a millisecond."""


async def make_way() -> None:
    """Let everything else on this event loop go on that is waiting for it."""
    await asyncio.sleep(0)
