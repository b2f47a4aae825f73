"""Every command, with its options. What a command does is imported when it runs: `--help` answers at once."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from contactfold_cli import (
    dead_commands,
    directive_commands,
    hook_commands,
    import_commands,
    key_commands,
    schema_commands,
)
from contactfold_cli.options import AcceptGap, ConfigFile, Json

app = typer.Typer(
    name="contactfold",
    help="One trustworthy profile per person, folded from a stream of contact events.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(key_commands.app, name="keys")
app.add_typer(schema_commands.app, name="schema")
app.add_typer(hook_commands.app, name="hooks")
app.add_typer(dead_commands.app, name="dead")


@app.callback(invoke_without_command=True)
def contactfold(
    version: Annotated[bool, typer.Option("--version", help="Show the version.", is_eager=True)] = False,
) -> None:
    """One trustworthy profile per person, folded from a stream of contact events."""
    if version:
        from contactfold import __version__

        typer.echo(f"contactfold {__version__}")
        raise typer.Exit


@app.command()
def up(config: ConfigFile = None, json: Json = False, accept_gap: AcceptGap = False) -> int:
    """Run everything in one process: doors, processor and console."""
    from contactfold_cli.composition import load
    from contactfold_cli.together import run_up

    return run_up(*load(config, json=json), json=json, accept_gap=accept_gap)


@app.command()
def ingest(config: ConfigFile = None, json: Json = False) -> int:
    """Run the doors for events alone."""
    from contactfold.lifetime import run_loop
    from contactfold_cli.composition import load, tell_ready
    from contactfold_ingest.__main__ import serve

    return run_loop(serve(*load(config, json=json), tell_ready("ingest", json=json)))


@app.command()
def console(config: ConfigFile = None, json: Json = False) -> int:
    """Run the reading side alone."""
    from contactfold.lifetime import run_loop
    from contactfold_cli.composition import load, tell_ready
    from contactfold_console.__main__ import serve

    return run_loop(serve(*load(config, json=json), tell_ready("console", json=json)))


@app.command()
def processor(
    config: ConfigFile = None,
    json: Json = False,
    accept_gap: AcceptGap = False,
    workers: Annotated[int, typer.Option("--workers", min=1, metavar="N", help="Run N processes.")] = 1,
    parent: Annotated[int | None, typer.Option("--parent", hidden=True)] = None,
) -> int:
    """Run a processor alone: it applies the log's records to the directory."""
    from contactfold_cli.composition import load, tell_ready
    from contactfold_cli.workers import run_workers

    loaded = load(config, json=json)
    if workers > 1:
        return run_workers(workers, loaded[1], config=config, json=json, accept_gap=accept_gap)
    from contactfold.lifetime import run_loop
    from contactfold_processor.__main__ import process

    ready = tell_ready("processor", json=json)
    return run_loop(process(*loaded, ready, accept_gap=accept_gap, parent=parent))


@app.command()
def export(
    config: ConfigFile = None,
    json: Json = False,
    form: Annotated[Literal["ndjson", "csv"], typer.Option("--format", help="Canonical lines, or contacts as CSV.")] = (
        "ndjson"
    ),
    output: Annotated[Path | None, typer.Option("--output", metavar="FILE", help="Else standard output.")] = None,
) -> int:
    """Write the directory in its canonical form, unmasked."""
    from contactfold_cli.composition import load
    from contactfold_cli.exporting import run_export

    return run_export(*load(config, json=json), form=form, output=output, json=json)


@app.command()
def resume(config: ConfigFile = None, json: Json = False) -> int:
    """Let a processor that stopped itself go on."""
    from contactfold_cli.composition import load
    from contactfold_cli.resuming import run_resume

    return run_resume(*load(config, json=json), json=json)


@app.command()
def replay(
    config: ConfigFile = None,
    json: Json = False,
    start: Annotated[
        str, typer.Option("--from", metavar="beginning|TIME", help="Where to begin: a time is that of the record.")
    ] = "beginning",
) -> int:
    """Read the log again into the directory, and show that nothing changes."""
    from contactfold_cli.composition import load
    from contactfold_cli.replaying import run_replay

    return run_replay(*load(config, json=json), start=start, json=json)


@app.command()
def diff(
    before: Annotated[str, typer.Argument(metavar="DIRECTORY", help="A data directory, a mongodb:// address, or")],
    after: Annotated[str, typer.Argument(metavar="DIRECTORY", help="a file written by `contactfold export`.")],
    config: ConfigFile = None,
    json: Json = False,
    limit: Annotated[int, typer.Option("--limit", min=0, metavar="N", help="Examples of each kind.")] = 10,
    masked: Annotated[bool, typer.Option("--masked", help="Mask personal values, which are shown otherwise.")] = False,
) -> int:
    """Show what differs between two directories: contacts created, gone, merged, split, changed."""
    from contactfold_cli.composition import load
    from contactfold_cli.differing import run_diff

    return run_diff(*load(config, json=json), before=before, after=after, limit=limit, masked=masked, json=json)


@app.command()
def verify(
    config: ConfigFile = None,
    json: Json = False,
    sample: Annotated[
        int, typer.Option("--sample", min=0, metavar="N", help="Fold N contacts anew, with their components.")
    ] = 1000,
    whole: Annotated[bool, typer.Option("--all", help="Fold every contact anew, however many there are.")] = False,
    first: Annotated[int, typer.Option("--first", min=0, metavar="N", help="Name the first N mismatches.")] = 100,
    unmasked: Annotated[bool, typer.Option("--unmasked", help="Show personal identifiers of claims whole.")] = False,
) -> int:
    """Check that log, positions, evidence, dead letters, claims and contacts agree; nothing is changed."""
    from contactfold_cli.composition import load
    from contactfold_cli.verifying import run_verify

    chosen = None if whole else sample
    return run_verify(*load(config, json=json), sample=chosen, first=first, unmasked=unmasked, json=json)


@app.command()
def explain(
    one: Annotated[
        str,
        typer.Argument(metavar="A", help="An identifier like email:ann@example.com, or an event's or contact's id."),
    ],
    other: Annotated[str | None, typer.Argument(metavar="B", help="Another; without it, how A came to be.")] = None,
    config: ConfigFile = None,
    json: Json = False,
) -> int:
    """Tell why two things are one contact: the events and identifiers that joined them, or what keeps them apart."""
    from contactfold_cli.composition import load
    from contactfold_cli.explaining import run_explain

    return run_explain(*load(config, json=json), one=one, other=other, json=json)


import_commands.add_to(app)
directive_commands.add_to(app)
