"""What `contactfold import` does: takes a file, shows what it would do, asks, and sees it applied."""

import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import typer

from contactfold.config import Config, Settings
from contactfold.domain.errors import ContactfoldError, Misconfigured
from contactfold.exits import Exit
from contactfold.lifetime import Parts, listening_to_signals, machine_clock, run_loop
from contactfold.ports import Directory, EventLog
from contactfold.same_schema import SameSchema
from contactfold.tables.options import Options
from contactfold_cli.composition import holds_directory, make_parts, print_json
from contactfold_cli.import_bars import ImportBars
from contactfold_cli.import_failed import write_failed
from contactfold_cli.import_options import Choice
from contactfold_cli.import_preview import foresee, print_columns, print_preview
from contactfold_cli.import_summary import describe_summary, exit_code_of, print_summary
from contactfold_cli.import_taking import STANDARD_INPUT, Taken, refuse_terminal, taken
from contactfold_cli.import_watching import Seen, Watching
from contactfold_cli.import_working import Working
from contactfold_ingest.imports.beginning import begin_import
from contactfold_ingest.imports.shelf import Shelf


def run_import(config: Config, settings: Settings, file: str, options: Options, choice: Choice) -> int:
    """Import a file, or standard input for `-`; returns the exit code."""
    _check(file, choice)
    schema, limits = config.contact_schema, config.limits
    with (
        _shelf(settings, choice) as shelf,
        taken(file, shelf, options, schema, limits, quiet=choice.json) as one,
    ):
        if not choice.json:
            print_columns(one.received)
        if choice.dry_run:
            return _end_dry_run(_foresee(config, settings, one, choice), choice)
        if not choice.yes:
            _foresee(config, settings, one, choice)
            if not typer.confirm("Import this?", err=True):
                print("Nothing was written.", file=sys.stderr)
                return Exit.NO
        return run_loop(_import(config, settings, shelf, one, choice))


def _check(file: str, choice: Choice) -> None:
    """Raise `Misconfigured` where nobody is there to be asked, or what is wanted cannot be."""
    refuse_terminal(file)
    if not (choice.yes or choice.dry_run) and (choice.json or file == STANDARD_INPUT or not sys.stdin.isatty()):
        raise Misconfigured(["Nobody can be asked here: add --yes to do it, or --dry-run to see what would change."])
    if choice.failed is None:
        return
    if choice.dry_run:
        raise Misconfigured(["--failed is for rows that were applied; leave it out beside --dry-run."])
    if choice.failed.is_dir() or not choice.failed.absolute().parent.is_dir():
        raise Misconfigured([f"--failed: {choice.failed} cannot be written; name a file in a directory that is there."])
    if file != STANDARD_INPUT and choice.failed.exists() and Path(file).exists() and choice.failed.samefile(file):
        raise Misconfigured(["--failed names the file that is imported; name another."])


@contextmanager
def _shelf(settings: Settings, choice: Choice) -> Iterator[Shelf]:
    """Where the file is kept. A dry run makes no data directory where there is none."""
    if not choice.dry_run or settings.data_dir.is_dir():
        yield Shelf(settings.data_dir)
        return
    with tempfile.TemporaryDirectory(prefix="contactfold-") as scratch:
        yield Shelf(Path(scratch))


def _foresee(config: Config, settings: Settings, one: Taken, choice: Choice) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    async def work() -> int:
        found.append(await foresee(config, settings, one.received, quiet=choice.json))
        return Exit.DONE

    run_loop(work())
    if not choice.json:
        print_preview(found[0], choice.limit)
    return found[0]


def _end_dry_run(foreseen: dict[str, Any], choice: Choice) -> int:
    if choice.json:
        print_json({"preview": foreseen, "import": None})
    return Exit.NO if foreseen["would"]["failed"] else Exit.DONE


async def _import(config: Config, settings: Settings, shelf: Shelf, one: Taken, choice: Choice) -> int:
    async with _opened(config, settings) as (log, directory):
        with listening_to_signals() as interrupted:
            began = await begin_import(directory, shelf, one.received, machine_clock())
            one.lock.close()
            seen = Seen(began)
            with ImportBars(quiet=choice.json) as bars:
                watching = Watching(log, directory, shelf, seen, choice.deadline, interrupted, bars)
                await Working(config, settings, log, directory, shelf).see_through(watching)
        fault: ContactfoldError | None = None
        written: Path | None = None
        try:
            written = await write_failed(config.contact_schema, directory, shelf, seen, choice.failed)
        except ContactfoldError as error:
            fault = error  # told after what became of the rows
    if choice.json:
        print_json({"preview": None, "import": describe_summary(seen, written)})
    else:
        print_summary(seen, written, wanted=choice.failed)
    if interrupted.told.is_set():
        return Exit.INTERRUPTED
    if fault is not None:
        raise fault
    return exit_code_of(seen)


@asynccontextmanager
async def _opened(config: Config, settings: Settings) -> AsyncIterator[tuple[EventLog, Directory]]:
    """Both, open. A data directory is made where there is none: this command works like `up` then."""
    makes = settings.directory is None and not holds_directory(settings.data_dir)
    if makes:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    log, directory = make_parts(settings)
    parts = Parts(log=log, directory=SameSchema(directory, config.contact_schema, keeps=makes))
    try:
        await parts.open_within()
        yield log, directory
    finally:
        await parts.close()
