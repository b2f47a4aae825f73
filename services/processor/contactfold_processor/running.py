"""A processor with what it stands on: it opens log and directory, and says how it is."""

import asyncio

from pydantic import SecretStr

from contactfold.config import Config
from contactfold.domain.errors import ContactfoldError
from contactfold.lifetime import Parts
from contactfold.ports import Clock, Directory, EventLog
from contactfold.same_schema import SameSchema
from contactfold_processor.processor import Processor


class RunningProcessor:
    """One `Processor` from its start to its end. `probe` may be called from another thread than `run`."""

    def __init__(
        self, config: Config, clock: Clock, *, accept_gap: bool = False, erasure_key: SecretStr | None = None
    ) -> None:
        self._config, self._clock, self._accept_gap = config, clock, accept_gap
        self._erasure_key = None if erasure_key is None else erasure_key.get_secret_value().encode()
        self._processor: Processor | None = None

    async def run(self, log: EventLog, directory: Directory, stop: asyncio.Event) -> None:
        """Open both, apply records until `stop` is set, close both. Both belong to this event loop alone."""
        schema = self._config.contact_schema
        parts = Parts(log=log, directory=SameSchema(directory, schema))
        try:
            await _open_unless(stop, parts)
            if not stop.is_set():
                self._processor = Processor(
                    log,
                    directory,
                    schema=schema,
                    limits=self._config.limits,
                    clock=self._clock,
                    accept_gap=self._accept_gap,
                    erasure_key=self._erasure_key,
                )
                await self._processor.run(stop)
        finally:
            await parts.close()

    async def probe(self) -> None:
        """Return while records are applied; raise with the reason while they are not."""
        processor = self._processor
        if processor is None:
            raise ContactfoldError("The processor waits for the log and the directory.")
        if processor.away is not None:
            raise ContactfoldError(f"The processor waits: {processor.away}")
        if processor.stopped_because is not None:
            raise ContactfoldError(
                f"The processor stands still until `contactfold resume`: {processor.stopped_because}"
            )


async def _open_unless(stop: asyncio.Event, parts: Parts) -> None:
    opening, told = asyncio.create_task(parts.open()), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({opening, told}, return_when=asyncio.FIRST_COMPLETED)
        if opening.done():
            opening.result()
    finally:
        told.cancel()
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
