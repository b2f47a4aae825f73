"""`contactfold hooks`: sources of webhooks, listed and tried."""

from pathlib import Path
from typing import Annotated

import typer

from contactfold_cli.options import ConfigFile, Json

app = typer.Typer(help="Sources: how any JSON becomes events.", no_args_is_help=True)


@app.command("list")
def list_sources(config: ConfigFile = None, json: Json = False) -> int:
    """List the sources of the configuration."""
    from contactfold_cli.composition import load
    from contactfold_cli.hook_trying import run_list

    return run_list(*load(config, json=json), json=json)


@app.command("try")
def try_source(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A source of the configuration.")],
    sample: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A request's JSON, as the system sends it; .ndjson has one a line, - is standard input.",
        ),
    ],
    config: ConfigFile = None,
    json: Json = False,
) -> int:
    """Show the events that a source would make of a sample; exit code 1 where an item would be refused.

    Nothing is written, and no server is needed.
    """
    from contactfold_cli.composition import load
    from contactfold_cli.hook_trying import run_try

    return run_try(*load(config, json=json), name=source, sample=sample, json=json)
