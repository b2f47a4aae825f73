"""`contactfold keys`: API keys, made, listed and revoked. They take effect within two seconds in running servers."""

from typing import Annotated

import typer

from contactfold.scopes import SCOPES
from contactfold_cli.options import ConfigFile, Json

app = typer.Typer(help="API keys and their scopes.", no_args_is_help=True)

_CHOICES = f"{', '.join(SCOPES[:-1])} or {SCOPES[-1]}"


@app.command()
def create(
    config: ConfigFile = None,
    json: Json = False,
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", metavar="S", help=f"{_CHOICES}; several times for several."),
    ] = None,
    name: Annotated[str, typer.Option("--name", metavar="N", help="What the key is for.")] = "",
    source: Annotated[str | None, typer.Option("--source", metavar="S", help="The only source it may write.")] = None,
    requests_per_minute: Annotated[
        int | None,
        typer.Option(
            "--requests-per-minute", metavar="N", min=0, max=10**9, help="How often it may be used; 0 for no limit."
        ),
    ] = None,
) -> int:
    """Make an API key, with the scopes ingest and read unless others are named. It is shown this once."""
    from contactfold_cli.composition import load
    from contactfold_cli.keys import run_create

    return run_create(
        *load(config, json=json),
        scopes=scope,
        name=name,
        source=source,
        requests_per_minute=requests_per_minute,
        json=json,
    )


@app.command("list")
def list_keys(config: ConfigFile = None, json: Json = False) -> int:
    """List the API keys, revoked ones too."""
    from contactfold_cli.composition import load
    from contactfold_cli.keys import run_list

    return run_list(*load(config, json=json), json=json)


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(metavar="ID")], config: ConfigFile = None, json: Json = False) -> int:
    """Revoke an API key."""
    from contactfold_cli.composition import load
    from contactfold_cli.keys import run_revoke

    return run_revoke(*load(config, json=json), key_id=key_id, json=json)
