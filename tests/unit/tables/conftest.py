"""What the tests of tables stand on: files written as programs write them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from contactfold.domain.schema import Schema, default_schema

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture
def schema() -> Schema:
    return default_schema("US")


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """A file that holds this; text is UTF-8 without a mark."""

    def write(content: str | bytes, name: str = "contacts.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def samples() -> Path:
    return SAMPLES
