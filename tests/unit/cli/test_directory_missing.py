"""What reads a directory does not make one where its name was mistyped."""

from pathlib import Path

import pytest

from contactfold.config import Config, Misconfigured, Settings
from contactfold_cli.replaying import run_replay
from contactfold_cli.verifying import run_verify


def test_a_data_directory_that_is_not_there_is_a_wrong_one(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "mistyped")
    with pytest.raises(Misconfigured, match="mistyped"):
        run_verify(Config(), settings, sample=None, first=10, unmasked=False, json=False)
    with pytest.raises(Misconfigured, match="mistyped"):
        run_replay(Config(), settings, start="beginning", json=False)
    assert not (tmp_path / "mistyped").exists()
