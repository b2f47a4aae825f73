"""A real processor at work on what a fixture's doors write, for doors that wait until the directory has it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from contactfold_processor.processor import Processor
from fakes.ingest_service import Ingest


@asynccontextmanager
async def applying(ingest: Ingest) -> AsyncIterator[None]:
    """Apply what is on the log as it comes, until the block ends. The clock runs from now on."""
    ingest.clock.running = True
    config, stop = ingest.config, asyncio.Event()
    processor = Processor(
        ingest.log, ingest.directory, schema=config.contact_schema, limits=config.limits, clock=ingest.clock
    )
    running = asyncio.create_task(processor.run(stop))
    try:
        yield
    finally:
        stop.set()
        await running
