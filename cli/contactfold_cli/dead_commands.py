"""`contactfold dead`: records that could not be applied."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from contactfold_cli.options import ConfigFile, Json

app = typer.Typer(help="Dead letters: records that could not be applied.", no_args_is_help=True)

Reason: TypeAlias = Annotated[
    str | None, typer.Option("--reason", metavar="CODE", help="Only those with this code, such as not_json.")
]


@app.command("list")
def list_letters(config: ConfigFile = None, json: Json = False, reason: Reason = None) -> int:
    """List the dead letters."""
    from contactfold_cli.composition import load
    from contactfold_cli.dead import run_list

    return run_list(*load(config, json=json), reason=reason, json=json)


@app.command()
def show(letter_id: Annotated[str, typer.Argument(metavar="ID")], config: ConfigFile = None, json: Json = False) -> int:
    """Show one dead letter whole."""
    from contactfold_cli.composition import load
    from contactfold_cli.dead import run_show

    return run_show(*load(config, json=json), letter_id=letter_id, json=json)


@app.command()
def redrive(
    letter_ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...")] = None,
    config: ConfigFile = None,
    json: Json = False,
    reason: Reason = None,
    edit: Annotated[
        Path | None, typer.Option("--edit", metavar="FILE", help="Send this body instead of the letter's own.")
    ] = None,
    deadline: Annotated[
        float,
        typer.Option(
            "--deadline",
            min=0,
            metavar="SECONDS",
            help="Give up waiting when nothing is applied for so long; 0 does not wait.",
        ),
    ] = 30.0,
) -> int:
    """Send dead letters again, all where none is named, and wait for what becomes of them.

    Always safe: what is applied already is dropped, and what dies again stays the letter it is.
    """
    from contactfold_cli.composition import load
    from contactfold_cli.dead_redriving import Choice, run_redrive

    choice = Choice(letter_ids or [], reason, edit)
    return run_redrive(*load(config, json=json), choice=choice, deadline=deadline, json=json)
