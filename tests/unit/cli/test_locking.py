"""Who holds a data directory, and what others are told of it."""

from pathlib import Path

import pytest

from contactfold.domain.errors import Misconfigured
from contactfold_cli.locking import IMPORT, UP, is_owned, own_data_dir, try_own_data_dir


def test_one_process_holds_a_data_directory(tmp_path: Path) -> None:
    assert not is_owned(tmp_path)
    with try_own_data_dir(tmp_path, IMPORT) as mine:
        assert mine
        assert is_owned(tmp_path)
        with try_own_data_dir(tmp_path, UP) as theirs:
            assert not theirs
        assert is_owned(tmp_path), "asking in vain lets go of nothing"
    assert not is_owned(tmp_path)
    with own_data_dir(tmp_path):
        assert is_owned(tmp_path)


@pytest.mark.parametrize(
    ("holder", "told"),
    [(UP, "Another `contactfold up` is running on"), (IMPORT, "`contactfold import` is applying a file to")],
)
def test_an_up_is_told_who_holds_its_data_directory(tmp_path: Path, holder: str, told: str) -> None:
    with try_own_data_dir(tmp_path, holder), pytest.raises(Misconfigured, match=told), own_data_dir(tmp_path):
        pass


def test_a_data_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match="cannot be used"), try_own_data_dir(tmp_path / "file", IMPORT):
        pass
