"""A preview of rows tells what becomes of them when they are really applied, and writes nothing."""

import asyncio
import copy
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import pytest
from msgspec import structs

from contactfold.config import Limits
from contactfold.ports import NewRecord
from contactfold.row_previews import EXAMPLES, RowFate, RowPreview
from contactfold_processor.row_preview import RowPreviewer
from fakes.memory_directory import MemoryDirectory
from oracle.depth import deep
from oracle.law import make_case
from oracle.making import CROWDED, ERASED_MODES, MODES, RULED_MODES, Event, Mode
from oracle.real import NOW, SCHEMA, Feed, apply_all
from oracle.rows import in_batches, really_apply, rows_of

SEEDS = deep(16)


def make(seed: int, mode: Mode) -> tuple[list[Event], list[list[int]], list[NewRecord]]:
    """A history whose first part is there already, with its order of arrival, and rows made of the rest."""
    events, arrival = make_case(f"{seed} as rows", mode, (10, 16, 30, 60))
    cut = (seed % 4) * len(arrival) // 4
    rest = [events[place] for batch in arrival[cut:] for place in batch]
    return list(events), arrival[:cut], rows_of(rest)


async def show(
    directory: MemoryDirectory, batches: AsyncIterator[Sequence[NewRecord]], limits: Limits, lasts: int = 1_000_000
) -> tuple[RowPreview, list[RowFate]]:
    """What a preview tells; nothing is written."""
    before = copy.deepcopy(vars(directory.stored))
    previewer = RowPreviewer(directory, MemoryDirectory(), SCHEMA, limits, lambda: NOW, moment_lasts=lasts)
    fates: list[RowFate] = []
    shown = await previewer.run(batches, keep=fates.append)
    assert vars(directory.stored) == before
    return shown, fates


def without_names(fate: RowFate) -> RowFate:
    """The same, where a dead letter names the identifier that too many share."""
    large = "component_too_large"
    return structs.replace(fate, reasons=tuple((large,) if one[0] == large else one for one in fate.reasons))


async def play(seed: int, mode: Mode) -> RowPreview:
    """Hold a preview to what comes of really applying the rows."""
    events, base, rows = make(seed, mode)
    directory, size = MemoryDirectory(), (1, 3, 7, 100)[seed // 4 % 4]
    limits = Limits(component_events=(10_000, 4)[seed % 2], dead_share=1.0)
    await apply_all(Feed(directory), events, base)
    shown, fates = await show(directory, in_batches(rows, size), limits, lasts=1)
    real = await really_apply(directory, rows, size, limits)
    assert list(map(without_names, fates)) == list(map(without_names, real))
    assert not any("@" in reason[3] for fate in fates for reason in fate.reasons if reason[0] == "component_too_large")
    assert shown.rows == len(rows) == sum(shown.would.values())
    assert shown.would == dict.fromkeys(shown.would, 0) | Counter(fate.status for fate in real)
    assert shown.merged == sum(len(fate.merged) for fate in real)
    assert [(one.row, one.contact, one.merged) for one in shown.merges] == [
        (fate.row, fate.contact, fate.merged) for fate in real if fate.merged
    ][:EXAMPLES]
    assert shown.contested == len({name for fate in real for name in fate.contested})
    kinds = Counter(
        kind for fate in real for kind in {(code, name, fate.status == "failed") for code, name, *_ in fate.reasons}
    )
    assert {(one.code, one.field, one.failed): one.count for one in shown.reasons} == kinds
    for one in shown.reasons:
        first = next(fate for fate in fates if fate.row == one.row)
        assert (one.code, one.field, one.position, one.message) in first.reasons
    assert (shown.repeated, shown.adrift) == (0, 0)
    return shown


@pytest.mark.parametrize("mode", [*MODES, *RULED_MODES, *ERASED_MODES], ids=lambda mode: mode.name)
def test_a_preview_tells_of_each_row_what_becomes_of_it_when_it_is_applied(mode: Mode) -> None:
    """On top of any history, in batches of any size, with rows that cannot be read and components too large."""
    for seed in range(SEEDS):
        try:
            asyncio.run(play(seed, mode))
        except AssertionError as broken:
            broken.add_note(f"{mode.name}, seed {seed}")
            raise


async def test_previews_of_random_histories_have_something_to_tell() -> None:
    """Else the test before would hold of a preview that tells nothing."""
    shown = [await play(seed, CROWDED) for seed in range(SEEDS)]
    told = Counter({status: sum(one.would[status] for one in shown) for status in shown[0].would})
    assert min(told.values()) > 5
    assert sum(one.merged for one in shown) > 5
    assert sum(one.contested for one in shown) > 5
    assert {"component_too_large", "unknown_type"} <= {reason.code for one in shown for reason in one.reasons}
