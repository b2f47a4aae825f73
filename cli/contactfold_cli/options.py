"""Options that every command has."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

ConfigFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The configuration; else CONTACTFOLD_CONFIG, else ./contactfold.yaml, else the defaults.",
    ),
]

Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]

AcceptGap: TypeAlias = Annotated[
    bool,
    typer.Option("--accept-gap", help="Go on where the log no longer holds records that were never applied."),
]
