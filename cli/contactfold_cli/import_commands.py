"""`contactfold import`: a file of contacts, previewed, applied and watched."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from contactfold_cli.options import ConfigFile, Json

_FILE = "A CSV, TSV or XLSX file; or -, for NDJSON from standard input, a contact on each line."

Words: TypeAlias = list[str] | None


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(import_file)


def import_file(
    file: Annotated[str, typer.Argument(metavar="FILE", help=_FILE)],
    config: ConfigFile = None,
    json: Json = False,
    action: Annotated[
        str | None, typer.Option("--action", metavar="ACTION", help="append, update, replace or ignore.")
    ] = None,
    match_on: Annotated[
        Words, typer.Option("--match-on", metavar="ATTR", help="What finds people; several times for several.")
    ] = None,
    on_many: Annotated[
        str | None, typer.Option("--on-many", metavar="WHAT", help="Where a row finds several: merge, first, reject...")
    ] = None,
    mapping: Annotated[
        Words,
        typer.Option("--map", metavar="COL=ATTR", help="What a column is; nothing after the = leaves it out."),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", metavar="NAME", help="The source of the rows, else import.")
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option("--delimiter", metavar="CHAR", help="What stands between cells, if not found.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option("--encoding", metavar="NAME", help="Such as utf-8 or cp1252, if not found.")
    ] = None,
    sheet: Annotated[str | None, typer.Option("--sheet", metavar="NAME", help="The sheet of a workbook.")] = None,
    timezone: Annotated[
        str | None, typer.Option("--timezone", metavar="ZONE", help="Of times without one: Europe/Berlin, +02:00.")
    ] = None,
    date_format: Annotated[
        str | None, typer.Option("--date-format", metavar="FORM", help="How days are written, such as DD/MM/YYYY.")
    ] = None,
    split: Annotated[
        Words, typer.Option("--split", metavar="COL=SEP", help="What stands between several values in its cells.")
    ] = None,
    empty: Annotated[
        str | None, typer.Option("--empty", metavar="WHAT", help="What an empty cell says: nothing, or delete.")
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what every row would do, and write nothing; 1 where rows would fail."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Apply it without trying the rows first, and without asking.")] = (
        False
    ),
    failed: Annotated[
        Path | None,
        typer.Option("--failed", metavar="FILE", help="Write the rows that failed there, ready to be corrected."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, metavar="N", help="Examples of each kind.")] = 5,
    deadline: Annotated[
        float,
        typer.Option(
            "--deadline", min=1, metavar="SECONDS", help="Give up waiting when nothing is applied for so long."
        ),
    ] = 30.0,
) -> int:
    """Import a file of contacts: shows what it would do, asks, applies it, and says what became of its rows."""
    import logging

    from contactfold.telemetry import configure_logging
    from contactfold_cli.composition import load
    from contactfold_cli.import_options import Choice, read_flags
    from contactfold_cli.import_running import run_import

    loaded, settings = load(config, json=json)
    configure_logging(level=logging.WARNING, json=True if json else None)  # what it does itself is shown otherwise
    options = read_flags(
        {
            "action": action,
            "match_on": match_on,
            "on_many": on_many,
            "source": source,
            "delimiter": delimiter,
            "encoding": encoding,
            "sheet": sheet,
            "timezone": timezone,
            "date_format": date_format,
            "empty": empty,
        },
        mapping or [],
        split or [],
        loaded.contact_schema,
    )
    choice = Choice(json=json, yes=yes, dry_run=dry_run, failed=failed, limit=limit, deadline=deadline)
    return run_import(loaded, settings, file, options, choice)
