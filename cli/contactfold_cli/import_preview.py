"""What an import would do, tried out on an overlay of the directory, and told to people."""

import asyncio
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from contactfold.config import Config, Settings
from contactfold.domain.errors import ContactfoldError
from contactfold.lifetime import machine_clock
from contactfold.web.access import OPEN
from contactfold_cli.bars import progress_bars
from contactfold_cli.composition import holds_directory, opened_directory
from contactfold_cli.import_options import name_flags
from contactfold_cli.tables import clean, print_table
from contactfold_ingest.imports.identifying import make_import_id
from contactfold_ingest.imports.looking import Received
from contactfold_ingest.imports.previewing import Previews, preview_object

_LOOK_EVERY = 0.1


async def foresee(config: Config, settings: Settings, received: Received, *, quiet: bool) -> dict[str, Any]:
    """The preview of a file as the door shows it, unmasked. Nothing is written.

    Raises `Unavailable` where the directory is away, and `ContactfoldError` where the rows cannot be tried.
    """
    with _environment(settings) as environment:
        if settings.directory is not None or holds_directory(settings.data_dir):
            async with opened_directory(settings, config.contact_schema):
                pass  # it answers, and was folded with this schema
        previews = Previews(config.contact_schema, config.limits.record_bytes, machine_clock, environment)
        preview_id = make_import_id(machine_clock())
        link = received.path.with_name(f"preview-{received.path.name}")
        os.link(received.path, link)
        try:
            preview = await previews.begin(preview_id, received, link)
            with progress_bars("rows", quiet=quiet) as bars:
                advance, shown = bars.begin("trying", preview.rows), 0
                while not preview.ended.is_set():
                    await asyncio.sleep(_LOOK_EVERY)
                    advance(preview.done - shown)
                    shown = preview.done
        finally:
            previews.end()
            link.unlink(missing_ok=True)
        if preview.fault is not None:
            raise ContactfoldError(preview.fault.detail)
        return preview_object(preview, OPEN, config.contact_schema)


@contextmanager
def _environment(settings: Settings) -> Iterator[dict[str, str]]:
    """What the process that tries rows is told; where there is no directory yet, an empty one."""
    told = {} if settings.config is None else {"CONTACTFOLD_CONFIG": str(settings.config)}
    if settings.directory is not None or holds_directory(settings.data_dir):
        yield {**told, "CONTACTFOLD_DATA_DIR": str(settings.data_dir)}
        return
    with tempfile.TemporaryDirectory(prefix="contactfold-") as empty:
        yield {**told, "CONTACTFOLD_DATA_DIR": empty}


def print_columns(received: Received) -> None:
    """Print what was made of the file: how it is read, and what each column is."""
    options = received.options
    read = {
        "sheet": options.sheet,
        "delimiter": None if options.delimiter is None else repr(options.delimiter),
        "encoding": options.encoding,
    }
    told = ", ".join(f"{name} {clean(value)}" for name, value in read.items() if value)
    print(f"{clean(received.name)}{f' ({told})' if told else ''}", end="\n\n")
    print_table(
        [
            {"column": clean(one.column), "attribute": one.attribute or "(left out)", "how": _how(one.how)}
            for one in received.columns
        ]
    )
    for note in (*_suggest(received), *(name_flags(note.message) for note in received.notes)):
        print(f"\nNote: {clean(note)}", end="")
    print("\n", end="" if not received.notes and not _suggest(received) else "\n")


def _how(how: str) -> str:
    return "" if how == "none" else how


def _suggest(received: Received) -> list[str]:
    """What the cells suggest that was not asked for."""
    given, proposed = received.options, received.proposed
    told = [
        f"The cells of {column!r} seem to hold several values; to part them: --split '{column}={separator}'"
        for column, separator in proposed.split.items()
        if column not in given.split
    ]
    if proposed.date_format is not None and given.date_format is None:
        told.append(
            f"Days seem to be written {proposed.date_format}; to read them so: --date-format {proposed.date_format}"
        )
    return told


def print_preview(told: dict[str, Any], limit: int) -> None:
    """Print what would become of the rows, with up to `limit` examples of each kind."""
    would = told["would"]
    print(f"Of {_number(told['total'], 'row')} it would make:\n")
    print_table([{"outcome": name, "rows": f"{count:,}"} for name, count in would.items()])
    print()
    if told["merged"]:
        print(f"{_number(told['merged'], 'contact')} would become part of another:")
        for one in told["merges"][:limit]:
            print(f"  row {one['row']}: {_contact(one['contact'])} takes in {', '.join(map(_contact, one['merged']))}")
    if told["contested"]:
        print(f"{_number(told['contested'], 'identifier')} would stay with other contacts than the ones rows name:")
        for one in told["contests"][:limit]:
            print(f"  row {one['row']}: {clean(', '.join(one['identifiers']))}, of {_contact(one['contact'])}")
    print_reasons(told["reasons"])
    print(end="", flush=True)  # also where nobody hears it: standard output may be closed


def print_reasons(reasons: Iterable[dict[str, Any]]) -> None:
    """Print every kind of reason, with how many rows have it and the first of them."""
    for failed, head in ((True, "Rows would fail:"), (False, "Remarks on rows:")):
        rows = [
            {
                "rows": f"{one['count']:,}",
                "first": one["row"],
                "code": one["code"],
                "field": clean(one["field"]),
                "why": clean(name_flags(one["message"])),
            }
            for one in reasons
            if one["failed"] == failed
        ]
        if rows:
            print(f"{head}\n")
            print_table(rows)
            print()


def _contact(contact: str | int | None) -> str:
    if contact is None:
        return "nobody"
    return f"the contact of row {contact}" if isinstance(contact, int) else f"contact {contact}"


def _number(count: int, one: str) -> str:
    return f"{count:,} {one}{'' if count == 1 else 's'}"
