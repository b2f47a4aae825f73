"""Looking at what was brought for an import, through whichever way: what its columns are, and whether it is taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from contactfold.domain.errors import ContactfoldError
from contactfold.domain.outcome import Reason
from contactfold.domain.schema import Schema
from contactfold.tables.mapping import MappedColumn
from contactfold.tables.options import Options
from contactfold.tables.proposing import propose
from contactfold_ingest.imports.contacts import SHAPE as CONTACTS
from contactfold_ingest.imports.contacts import Contacts

FILE = "file"
"""How an import of a file is marked."""

_MOST_TOLD = 10


@dataclass(frozen=True, slots=True)
class Received:
    """What was brought, at `path` until it is kept. `options` are those given, with what it cannot be read without.

    `proposed` are what its cells suggest besides (`split`, `date_format`): a cell holds one value unless somebody says
    otherwise (CONTRACT 6). `columns` say what each is, `notes` what nobody but the user can decide.
    """

    path: Path
    name: str
    shape: str
    options: Options
    proposed: Options
    columns: list[MappedColumn]
    left_out: list[str]
    notes: list[Reason]

    @property
    def suggestions(self) -> list[Reason]:
        """What the cells suggest that nobody asked for, and that is not done unless somebody does."""
        given, proposed = self.options, self.proposed
        told = [
            Reason(
                "several_values",
                f"Cells here seem to hold several values, and count as one each; `split` {separator!r} parts them.",
                column,
            )
            for column, separator in proposed.split.items()
            if column not in given.split
        ]
        if proposed.date_format is not None and given.date_format is None:
            form = proposed.date_format
            told.append(
                Reason("days_written", f"Days seem to be written {form}; to read all of them so, say `date_format`.")
            )
        return told


class RejectedWhole(ContactfoldError):
    """A file of which no row is taken. `faults` say why; `columns` and `options` are what was made of it."""

    def __init__(self, faults: list[Reason], columns: Sequence[MappedColumn], options: Options) -> None:
        super().__init__(" ".join(fault.message for fault in faults[:_MOST_TOLD]))
        self.faults, self.columns, self.options = faults, columns, options


def look(path: Path, name: str, shape: str, options: Options, schema: Schema) -> Received:
    """Look at a file, once from end to end: call it beside the loop. Raises `NotATable` and `RejectedWhole`."""
    if shape == CONTACTS:
        contacts = Contacts(path, options, schema)
        _reject(list(contacts.faults), contacts.columns, options)
        left_out = [one.column for one in contacts.columns if one.attribute is None]
        return Received(path, name, shape, options, options, contacts.columns, left_out, [])
    found = propose(path, options, schema)
    _reject(found.faults, found.columns, found.options)
    return Received(path, name, shape, found.given, found.options, found.columns, found.left_out, found.notes)


def _reject(faults: list[Reason], columns: Sequence[MappedColumn], options: Options) -> None:
    if faults:
        raise RejectedWhole(faults, columns, options)
