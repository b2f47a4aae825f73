"""Ending the process that tries rows: it is asked to, so that it puts its directory away, and made to in the end."""

import asyncio
import sys
from asyncio.subprocess import PIPE

import pytest

from contactfold_ingest.imports import previewing

TELLING = "import sys, time; print('x' * 300_000, flush=True); time.sleep(60)"
OBEYING = f"import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); {TELLING}"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {TELLING}"


@pytest.mark.parametrize(("program", "code"), [(OBEYING, 7), (DEAF, -9), ("", 0)])
async def test_a_process_is_asked_to_end_and_made_to_where_it_does_not(
    program: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it has told that nobody has read."""
    monkeypatch.setattr(previewing, "_GRACE", 0.5)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdin=PIPE, stdout=PIPE, limit=1024, start_new_session=True
    )
    assert process.stdout is not None
    if program:
        assert await process.stdout.read(1) == b"x"
    else:
        await process.wait()
    await asyncio.wait_for(previewing._end(process), 60)
    assert process.returncode == code
