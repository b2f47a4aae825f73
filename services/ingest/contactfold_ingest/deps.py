"""What every door of the ingest service works with."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from contactfold.config import Limits, Source
from contactfold.domain.schema import Schema
from contactfold.ports import Clock, Directory, EventLog
from contactfold.web.access import KeyRing
from contactfold_ingest.imports.previewing import Previews
from contactfold_ingest.imports.shelf import Shelf
from contactfold_ingest.imports.working import Importing
from contactfold_ingest.waiting import Outcomes


@dataclass(frozen=True)
class IngestDeps:
    """Everything the ingest service works with. `clock` gives microseconds since 1970.

    `data_dir` is where uploaded files are kept; it is made when the first one comes. `config_file` is the
    configuration's, where it is not the one that the environment names.
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
        environment = {"CONTACTFOLD_DATA_DIR": str(self.data_dir)}
        environment |= {} if self.config_file is None else {"CONTACTFOLD_CONFIG": str(self.config_file)}
        return Previews(self.schema, self.limits.record_bytes, self.clock, environment)

    @cached_property
    def importing(self) -> Importing:
        """The imports that this process works on, once it is run."""
        return Importing(self.log, self.directory, self.schema, self.limits, self.clock, self.shelf)
