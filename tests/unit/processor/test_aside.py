"""What is kept outside the fold, where many people were erased before: an erasure comes by it, and it costs little."""

import json
from typing import Any

import pytest

from contactfold.config import Limits
from contactfold.domain.erasing import Erasure
from contactfold.ports import LogRecord
from contactfold_processor.applying import Applier
from contactfold_processor.workspace import Workspace
from fakes.memory_directory import MemoryDirectory
from oracle.real import NOW, SCHEMA

ERASED, REFUSED = 5, 12


def _record(offset: int, second: int, **said: Any) -> LogRecord:
    event = {"id": f"e{offset}", "source": "shop", "occurred_at": f"2026-01-01T00:00:{second:02}Z", **said}
    return LogRecord("contactfold.events/0", offset, None, json.dumps(event).encode(), (), NOW)


async def test_refused_statements_ask_once_which_erasures_name_them(monkeypatch: pytest.MonkeyPatch) -> None:
    directory = MemoryDirectory()
    applier = Applier(directory, SCHEMA, Limits(dead_share=1.0), lambda: NOW)
    for n in range(ERASED):
        await applier.apply([_record(n, 30 + n, type="contact.erase", identifier=f"customer_id:c{n}")])
        while await applier.settle():
            pass
    asked = 0
    list_all = Workspace.list_erasures

    def counting(workspace: Workspace) -> list[Erasure]:
        nonlocal asked
        asked += 1
        return list_all(workspace)

    monkeypatch.setattr(Workspace, "list_erasures", counting)
    # The first two are older than the erasures that name them, the others are later or name nobody who was erased.
    refused = [
        _record(ERASED + n, 20 if n < 2 else 40, values={"customer_id": f"c{n}", "email": "no address"})
        for n in range(REFUSED)
    ]
    applied = await applier.apply(refused)
    assert applied.count == REFUSED
    assert [outcome.status for outcome in applied.decision.outcomes] == ["rejected"] * REFUSED
    assert asked == 1
    assert len(await directory.settlings()) == 2
