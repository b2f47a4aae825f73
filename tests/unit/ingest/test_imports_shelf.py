"""The shelf: an upload keeps its place, whoever tidies up meanwhile."""

from pathlib import Path
from typing import BinaryIO

import pytest

from contactfold_ingest.imports import shelf as module
from contactfold_ingest.imports.shelf import Shelf


def test_an_upload_that_was_tidied_away_before_it_was_locked_begins_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf, lock, times = Shelf(tmp_path), module.try_lock, 0

    def lock_late(file: BinaryIO) -> bool:
        nonlocal times
        times += 1
        if times == 1:
            for path in (tmp_path / "imports").iterdir():
                path.unlink()
        return lock(file)

    monkeypatch.setattr(module, "try_lock", lock_late)
    path, file = shelf.begin()
    with file:
        assert (path.exists(), times) == (True, 2)
        shelf.tidy()
        assert path.exists()
    assert shelf.list_ids() == []
