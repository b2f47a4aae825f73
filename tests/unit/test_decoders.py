"""Decoders are made when their module is imported, by one thread."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
AT_CALL_TIME = re.compile(r"msgspec\.(json|msgpack)\.decode\([^\n]*type=|(?<!partial\()msgspec\.convert\([^\n]*type=")


def test_no_decoder_of_a_type_is_made_while_threads_run() -> None:
    """Two threads that make the first decoder of one dataclass at the same moment crash Python: so `up` did, rarely."""
    code = [path for part in ("shared", "services", "cli") for path in (ROOT / part).rglob("*.py")]
    assert len(code) > 200
    assert [path.name for path in code if AT_CALL_TIME.search(path.read_text())] == []
