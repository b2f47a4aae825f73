"""What every door of the ingest service works with."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from contactfold.config import Limits, Schedule, Source
from contactfold.domain.schema import Schema
from contactfold.ports import Clock, Directory, EventLog
from contactfold.web.access import KeyRing
from contactfold_ingest.imports.clearing import Clearing
from contactfold_ingest.imports.previewing import Previews
from contactfold_ingest.imports.reporting import Reports
from contactfold_ingest.imports.rollback_previewing import RollbackPreviews
from contactfold_ingest.imports.shelf import Shelf
from contactfold_ingest.imports.working import Importing
from contactfold_ingest.waiting import Outcomes


@dataclass(frozen=True)
class IngestDeps:
    """Everything the ingest service works with. `clock` gives microseconds since 1970.

    `data_dir` is where uploaded files are kept; it is made when the first one comes. `config_file` is the
    configuration's, where it is not the one that the environment names. `schedule_news` is set when somebody asks a
    door for something that the work on `schedules` is to hear of at once.
    """

    log: EventLog
    directory: Directory
    schema: Schema
    sources: Mapping[str, Source]
    limits: Limits
    clock: Clock
    ring: KeyRing
    data_dir: Path = Path("contactfold-data")
    config_file: Path | None = None
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    schedule_news: asyncio.Event = field(default_factory=asyncio.Event)

    @cached_property
    def outcomes(self) -> Outcomes:
        """Outcomes for whoever waits for them: one loop for all doors of the process."""
        return Outcomes(self.directory)

    @cached_property
    def shelf(self) -> Shelf:
        """The uploaded files."""
        return Shelf(self.data_dir)

    @cached_property
    def previews(self) -> Previews:
        """The previews that this process was asked for."""
        return Previews(self.schema, self.limits.record_bytes, self.clock, self._environment)

    @cached_property
    def rollback_previews(self) -> RollbackPreviews:
        """The previews of rollbacks that this process was asked for."""
        return RollbackPreviews(self.clock, self._environment)

    @property
    def _environment(self) -> Mapping[str, str]:
        """What processes that this one starts are told besides its own environment."""
        environment = {"CONTACTFOLD_DATA_DIR": str(self.data_dir)}
        return environment if self.config_file is None else {**environment, "CONTACTFOLD_CONFIG": str(self.config_file)}

    @cached_property
    def reports(self) -> Reports:
        """The reports that this process makes."""
        return Reports(self.directory, self.schema, self.shelf, self.data_dir / "reports")

    @cached_property
    def clearing(self) -> Clearing:
        """Removes kept files of people who were erased, once it is run."""
        return Clearing(self.directory, self.shelf)

    @cached_property
    def importing(self) -> Importing:
        """The imports that this process works on, once it is run."""
        return Importing(self.log, self.directory, self.schema, self.limits, self.clock, self.shelf)
