"""`contactfold separate`, `share`, `retract` and `erase`: rules over the whole history, each with a preview first."""

from typing import Annotated, Any, TypeAlias

import typer

from contactfold.domain.event import ERASE, RETRACT, SEPARATE, SHARE
from contactfold_cli.options import ConfigFile, Json

Yes: TypeAlias = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]

DryRun: TypeAlias = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and write nothing.")]

Deadline: TypeAlias = Annotated[
    float,
    typer.Option(
        "--deadline",
        min=0,
        metavar="SECONDS",
        help="Give up waiting when nothing is done for so long; 0 does not wait.",
    ),
]

Limit: TypeAlias = Annotated[int, typer.Option("--limit", min=0, metavar="N", help="Examples of each kind.")]


def add_to(app: typer.Typer) -> None:
    """Add the four commands."""
    for command in (separate, share, retract, erase):
        app.command()(command)


def separate(
    identifiers: Annotated[list[str], typer.Argument(metavar="IDENTIFIER", help="Such as email:ann@example.com.")],
    config: ConfigFile = None,
    json: Json = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    limit: Limit = 5,
    deadline: Deadline = 30.0,
) -> int:
    """Unmerge: no two of these identifiers belong to one contact, from the beginning on."""
    said = {"type": SEPARATE, "identifiers": identifiers}
    return _run(said, config, json=json, yes=yes, dry_run=dry_run, limit=limit, deadline=deadline)


def share(
    identifiers: Annotated[list[str], typer.Argument(metavar="IDENTIFIER", help="Such as phone_number:+14155550100.")],
    config: ConfigFile = None,
    json: Json = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    limit: Limit = 5,
    deadline: Deadline = 30.0,
) -> int:
    """Let identifiers many people share (a switchboard's number) identify nobody, from the beginning on."""
    said = {"type": SHARE, "identifiers": identifiers}
    return _run(said, config, json=json, yes=yes, dry_run=dry_run, limit=limit, deadline=deadline)


def retract(
    events: Annotated[list[str] | None, typer.Argument(metavar="EVENT", help="Ids of 26 characters.")] = None,
    config: ConfigFile = None,
    json: Json = False,
    import_id: Annotated[
        str | None, typer.Option("--import", metavar="ID", help="Every row of this import instead.")
    ] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    limit: Limit = 5,
    deadline: Deadline = 30.0,
) -> int:
    """Undo events, or a whole import: as if they had never been. Directives can be undone, too."""
    said: dict[str, Any] = {"type": RETRACT}
    said |= {"events": events} if events else {}
    said |= {} if import_id is None else {"import": import_id}
    return _run(said, config, json=json, yes=yes, dry_run=dry_run, limit=limit, deadline=deadline)


def erase(
    identifier: Annotated[str, typer.Argument(metavar="IDENTIFIER", help="Such as email:ann@example.com.")],
    config: ConfigFile = None,
    json: Json = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    limit: Limit = 5,
    deadline: Deadline = 30.0,
) -> int:
    """Erase a person, for good: the contact that owns the identifier, and all that was said of it up to now."""
    said = {"type": ERASE, "identifier": identifier}
    return _run(said, config, json=json, yes=yes, dry_run=dry_run, limit=limit, deadline=deadline)


def _run(said: dict[str, Any], config: ConfigFile, **options: Any) -> int:
    from contactfold_cli.composition import load
    from contactfold_cli.directives import Choice, run_directive

    return run_directive(*load(config, json=options["json"]), said, Choice(**options))
