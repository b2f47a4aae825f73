"""What batches no longer ask beforehand is not missed where nothing but asking would tell."""

import json
import random
from collections.abc import AsyncIterator, Sequence

import pytest

from contactfold.config import Limits
from contactfold.domain.stamp import format_event_id, make_event_id
from contactfold.ports import LogRecord, NewRecord
from contactfold.row_previews import RowFate
from contactfold_processor import staging
from contactfold_processor.applying import Applier
from contactfold_processor.repeats import ASKING
from contactfold_processor.row_preview import RowPreviewer
from fakes.memory_directory import MemoryDirectory
from oracle.law import make_case
from oracle.making import MODES
from oracle.real import NOW, SCHEMA, contact_ids


def row(number: int) -> NewRecord:
    event = {
        "id": f"i/{number}",
        "source": "file",
        "import": {"id": "i", "row": number},
        "values": {"email": f"{number}@x.com"},
    }
    return NewRecord(b"", json.dumps(event).encode(), ())


async def preview_after_many_batches(directory: MemoryDirectory, last: int) -> tuple[list[RowFate], int]:
    """What a preview tells of a row that comes after more batches than those that ask whether events are known."""

    async def batches() -> AsyncIterator[Sequence[NewRecord]]:
        for number in range(1, ASKING + 3):
            yield [row(number)]
        yield [row(last)]

    fates: list[RowFate] = []
    previewer = RowPreviewer(directory, MemoryDirectory(), SCHEMA, Limits(), lambda: NOW)
    shown = await previewer.run(batches(), keep=fates.append)
    return fates, shown.repeated


async def test_a_preview_knows_a_row_that_is_applied_already_however_many_batches_came_before() -> None:
    directory = MemoryDirectory()
    applied = row(1000)
    applier = Applier(directory, SCHEMA, Limits(), lambda: NOW)
    await applier.apply([LogRecord("contactfold.imports/0", 0, applied.key, applied.value, applied.headers, NOW)])
    fates, repeated = await preview_after_many_batches(directory, 1000)
    assert repeated == 1
    assert len(fates) == ASKING + 2


async def test_a_preview_knows_a_row_that_was_retracted_before_it_comes() -> None:
    directory = MemoryDirectory()
    retracting = {
        "id": "r",
        "source": "shop",
        "type": "event.retract",
        "events": [format_event_id(make_event_id("file", "i/1000"))],
    }
    applier = Applier(directory, SCHEMA, Limits(), lambda: NOW)
    await applier.apply([LogRecord("contactfold.events/0", 0, None, json.dumps(retracting).encode(), (), NOW)])
    fates, _ = await preview_after_many_batches(directory, 1000)
    assert fates[-1].status == "ignored"


@pytest.mark.parametrize("seed", [141])
async def test_an_event_that_comes_again_moves_no_evidence_in_stages(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stages are committed before the evidence is, and nothing takes them back where that is refused."""
    monkeypatch.setattr(staging, "MOST_MOVES", 1)
    events = list(make_case(f"{seed}s", random.Random(seed).choice(MODES), (6, 10, 16))[0])
    random.Random(seed).shuffle(events)
    directory = MemoryDirectory()
    applier = Applier(directory, SCHEMA, Limits(), lambda: NOW, asking=0)
    again = [*events, *events]
    for offset, event in enumerate(again):
        if offset == len(events):
            before = await contact_ids(directory, events)
        applier._repeats._left = 0
        record = LogRecord("contactfold.events/0", offset, None, json.dumps(event).encode(), (), NOW)
        await applier.apply([record])
    assert await contact_ids(directory, events) == before
