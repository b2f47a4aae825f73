"""Turns: whoever computes for long on an event loop makes way now and then for what else goes on there.

While a batch is decided, the one before it is written: a chain of some ten commands, each of which begins where the
answer to the one before has come. Without turns every answer waits for the end of whatever is being computed, which
cost a quarter of a processor's rate on MongoDB.
"""

import asyncio

TURN = 16
"""Events that are read or folded in one turn: about a third of a millisecond."""


async def make_way() -> None:
    """Let everything else on this event loop have a turn that is waiting for one."""
    await asyncio.sleep(0)
