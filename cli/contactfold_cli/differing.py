"""`contactfold diff`: what differs between two directories, or exports of them."""

from contextlib import AsyncExitStack

from contactfold.config import Config, Settings
from contactfold.domain.compatibility import find_changes
from contactfold.exits import Exit
from contactfold.lifetime import run_loop
from contactfold.same_schema import schema_of
from contactfold_cli.bars import progress_bars
from contactfold_cli.comparing import Lines, compare
from contactfold_cli.composition import print_json
from contactfold_cli.diff_report import Shown, describe, write_difference
from contactfold_cli.sides import Side, opened_side


def run_diff(
    config: Config, settings: Settings, *, before: str, after: str, limit: int, masked: bool, json: bool
) -> int:
    """Compare two directories; exit code 1 where they differ."""
    return run_loop(_diff(config, settings, (before, after), limit=limit, masked=masked, json=json))


async def _diff(
    config: Config, settings: Settings, addresses: tuple[str, str], *, limit: int, masked: bool, json: bool
) -> int:
    async with AsyncExitStack() as stack:
        before, after = [await stack.enter_async_context(opened_side(each, config, settings)) for each in addresses]
        with progress_bars("lines", quiet=json) as bars:
            lines = [Lines(side.name, side.lines, bars.begin(side.name, side.total)) for side in (before, after)]
            difference = await compare(*lines, limit=limit)
    schema = config.contact_schema if masked else None
    shown = Shown(difference, (before.name, after.name), _compare_schemas(before, after), schema)
    if json:
        print_json(describe(shown))
    else:
        write_difference(shown, nothing_in=[side.name for side in (before, after) if side.empty])
    return Exit.DONE if difference.equal else Exit.NO


def _compare_schemas(before: Side, after: Side) -> list[str]:
    """What of their schemas keeps one directory from going on as the other, where both are known."""
    if before.meaning is None or after.meaning is None:
        return []
    return find_changes(before.meaning, schema_of(after.meaning))
