"""What batches no longer ask beforehand is not missed where nothing but asking would tell."""

import json
from collections.abc import AsyncIterator, Sequence

from contactfold.config import Limits
from contactfold.domain.stamp import format_event_id, make_event_id
from contactfold.ports import LogRecord, NewRecord
from contactfold.row_previews import RowFate
from contactfold_processor.applying import Applier
from contactfold_processor.repeats import ASKING
from contactfold_processor.row_preview import RowPreviewer
from fakes.memory_directory import MemoryDirectory
from oracle.real import NOW, SCHEMA


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
