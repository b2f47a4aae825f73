"""Files on their way to the shelf, where the disk takes no more."""

from pathlib import Path

import pytest

from contactfold.config import Config, Limits
from contactfold.domain.errors import ContactfoldError
from contactfold.tables.options import Options
from contactfold_cli.import_taking import taken
from contactfold_ingest.imports.shelf import Shelf


def test_a_full_disk_is_told_where_the_file_fits_in_what_is_written_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be written is tried once more when the copy is closed; that must not hide the sentence."""
    file = tmp_path / "a.csv"
    file.write_text("email\nann@example.com\n", encoding="utf-8")
    shelf = Shelf(tmp_path / "data")
    begun = tmp_path / "begun"
    monkeypatch.setattr(shelf, "begin", lambda: (begun, Path("/dev/full").open("wb")))  # noqa: SIM115  (`taken` closes it)
    with (
        pytest.raises(ContactfoldError, match=r"^The file cannot be kept in the data directory \(no space left"),
        taken(str(file), shelf, Options(), Config().contact_schema, Limits(), quiet=True),
    ):
        pass


def test_a_shelf_that_cannot_be_marked_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    shelf = Shelf(tmp_path)
    path, file = shelf.begin()
    with file, pytest.raises(OSError, match="No space"):
        shelf.keep(path, "000SGDV59RVEETM6WC0X7H41PF")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("place")] == []
