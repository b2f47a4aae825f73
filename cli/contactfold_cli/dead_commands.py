"""`contactfold dead`: records that could not be applied."""

from typing import Annotated

import typer

from contactfold_cli.options import ConfigFile, Json

app = typer.Typer(help="Dead letters: records that could not be applied.", no_args_is_help=True)


@app.command("list")
def list_letters(config: ConfigFile = None, json: Json = False) -> int:
    """List the dead letters."""
    from contactfold_cli.composition import load
    from contactfold_cli.dead import run_list

    return run_list(*load(config, json=json), json=json)


@app.command()
def show(letter_id: Annotated[str, typer.Argument(metavar="ID")], config: ConfigFile = None, json: Json = False) -> int:
    """Show one dead letter whole."""
    from contactfold_cli.composition import load
    from contactfold_cli.dead import run_show

    return run_show(*load(config, json=json), letter_id=letter_id, json=json)
