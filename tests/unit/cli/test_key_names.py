"""What a key may be called, and bound to."""

from pathlib import Path

import pytest

from contactfold.config import Config, Misconfigured, Settings
from contactfold_cli.keys import run_create


@pytest.mark.parametrize(
    ("name", "source", "told"),
    [
        ("shop", "", "--source: name the source"),
        ("shop", "a\0b", "--source: use up to"),
        ("shop", "s" * 513, "--source: use up to"),
        ("\x1b[2J", None, "--name: use up to"),
        ("two\nlines", None, "--name: use up to"),
    ],
)
def test_a_key_that_could_write_nothing_or_whose_name_no_terminal_should_print_is_refused(
    name: str, source: str | None, told: str, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path)
    with pytest.raises(Misconfigured, match=told):
        run_create(Config(), settings, scopes=None, name=name, source=source, json=True)
    assert not list(tmp_path.iterdir()), "nothing was made"
