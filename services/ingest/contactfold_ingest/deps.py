"""What every door of the ingest service works with."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from contactfold.config import Limits, Source
from contactfold.domain.schema import Schema
from contactfold.ports import Clock, Directory, EventLog
from contactfold.web.access import KeyRing
from contactfold_ingest.waiting import Outcomes


@dataclass(frozen=True)
class IngestDeps:
    """Everything the ingest service works with. `clock` gives microseconds since 1970."""

    log: EventLog
    directory: Directory
    schema: Schema
    sources: Mapping[str, Source]
    limits: Limits
    clock: Clock
    ring: KeyRing

    @cached_property
    def outcomes(self) -> Outcomes:
        """Outcomes for whoever waits for them: one loop for all doors of the process."""
        return Outcomes(self.directory)
