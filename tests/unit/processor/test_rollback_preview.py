"""The preview of a rollback tells what the whole of it changes, and writes nothing."""

import asyncio
import copy

import pytest

from contactfold.config import Limits
from contactfold.domain.directives import Directive
from contactfold.profile import organization_object
from contactfold.row_previews import RollbackPreview
from contactfold.wire import read_event
from contactfold_processor.rollback_preview import RollbackPreviewer
from fakes.memory_directory import MemoryDirectory
from oracle.depth import deep
from oracle.law import make_case
from oracle.making import ERASED, RULED, RULED_ROWS, Event, Mode
from oracle.real import NOW, SCHEMA, Feed, apply_all, export_of

SEEDS = deep(24)
LONG = 1_000_000_000

ROLLBACK: Event = {
    "id": "back", "source": "people", "type": "event.retract", "import": "i1",
    "occurred_at": "2026-03-01T00:00:00Z", "received_at": "2026-03-01T00:00:00Z",
}  # fmt: skip


def rollback() -> Directive:
    """The retraction of an import."""
    understood = read_event(ROLLBACK, SCHEMA, source="?", id="?", received_at=1_772_323_200_000_000)
    assert isinstance(understood, Directive)
    return understood


async def contacts_of(directory: MemoryDirectory) -> set[bytes]:
    """The lines of an export that are contacts."""
    return {line for line in (await export_of(directory)).splitlines() if not line.startswith(b'{"account_id"')}


async def organizations_of(directory: MemoryDirectory) -> dict[str, object]:
    """Every organisation by its account."""
    found = {account: await directory.organization(account) for account in ("A-1", "A-2")}
    return {account: organization_object(fragments) for account, fragments in found.items() if fragments}


async def show(directory: MemoryDirectory, lasts: int = LONG) -> RollbackPreview:
    """What the preview tells; nothing is written."""
    before = copy.deepcopy(vars(directory.stored))
    now = iter(range(NOW, NOW + LONG))
    previewer = RollbackPreviewer(directory, MemoryDirectory(), SCHEMA, Limits(), lambda: next(now), lasts=lasts)
    shown = await previewer.run(rollback())
    assert vars(directory.stored) == before
    return shown


async def play(seed: int, mode: Mode) -> RollbackPreview:
    """Hold a preview to the exports before and after the rollback."""
    events, arrival = make_case(f"{seed} back", mode, (10, 20, 40, 60))
    directory = MemoryDirectory()
    feed = Feed(directory)
    await apply_all(feed, events, arrival)
    await feed.settle()
    before, organizations = await contacts_of(directory), await organizations_of(directory)
    shown = await show(directory)
    rows = await directory.count_import("i1")
    await feed.apply([(0, ROLLBACK)])
    await feed.settle()
    after = await contacts_of(directory)
    assert (shown.rows, shown.done, shown.complete) == (rows, rows, True)
    assert shown.gone + shown.joined + shown.changed == len(before - after)
    assert len(after) == len(before) - shown.gone - shown.joined + shown.made
    assert len(shown.gone_contacts) == min(10, shown.gone)
    assert len(shown.changed_contacts) == min(10, shown.changed)
    left = await organizations_of(directory)
    assert shown.organizations_gone == len(organizations.keys() - left.keys())
    assert shown.organizations_changed == sum(
        organizations[one] != said for one, said in left.items() if one in organizations
    )
    return shown


@pytest.mark.parametrize("mode", [RULED_ROWS, RULED, ERASED], ids=lambda mode: mode.name)
def test_a_preview_of_a_rollback_tells_what_it_changes(mode: Mode) -> None:
    """Against the exports before and after it."""
    told: list[RollbackPreview] = []
    for seed in range(SEEDS):
        try:
            told.append(asyncio.run(play(seed, mode)))
        except AssertionError as broken:
            broken.add_note(f"{mode.name}, seed {seed}")
            raise
    assert sum(one.changed for one in told) > 3


async def test_previews_of_rollbacks_have_everything_to_tell() -> None:
    """Else the test before would hold of a preview that tells nothing."""
    told = [await play(seed, RULED_ROWS) for seed in range(SEEDS)]
    for name in ("gone", "changed", "made", "organizations_gone", "organizations_changed"):
        assert sum(getattr(one, name) for one in told) > 0, name


async def test_a_preview_of_a_rollback_that_takes_too_long_says_how_far_it_came() -> None:
    """The first batch is always looked at."""
    directory = MemoryDirectory()
    feed = Feed(directory)
    events = [
        {
            "id": f"e{n}", "source": "shop", "type": "contact.upsert", "values": {"email": f"p{n}@x.com"},
            "occurred_at": "2026-01-01T00:00:00Z", "received_at": "2026-01-01T00:00:00Z",
            "import": {"id": "i1", "row": n},
        }
        for n in range(1, 1201)
    ]  # fmt: skip
    await feed.apply(list(enumerate(events)))
    shown = await show(directory, lasts=0)
    assert (shown.rows, shown.done, shown.complete, shown.gone) == (1200, 500, False, 500)
    shown = await show(directory)
    assert (shown.rows, shown.done, shown.complete, shown.gone) == (1200, 1200, True, 1200)
