"""`contactfold schema`: the configuration, checked or shown."""

from pathlib import Path
from typing import Annotated

import typer

from contactfold_cli.options import ConfigFile, Json

app = typer.Typer(help="The configuration and the contact schema.", no_args_is_help=True)


@app.command()
def check(
    config: ConfigFile = None,
    json: Json = False,
    source: Annotated[
        str | None, typer.Option("--source", metavar="SOURCE", help="Then try this source, as `hooks try` does,")
    ] = None,
    sample: Annotated[Path | None, typer.Option("--sample", metavar="FILE", help="with this sample.")] = None,
) -> int:
    """Check the whole configuration; exit code 2 with every fault."""
    from contactfold_cli.schema import run_check

    return run_check(config, source=source, sample=sample, json=json)


@app.command()
def show(config: ConfigFile = None, json: Json = False) -> int:
    """Show the attributes of a contact."""
    from contactfold_cli.composition import load
    from contactfold_cli.schema import run_show

    return run_show(*load(config, json=json), json=json)
