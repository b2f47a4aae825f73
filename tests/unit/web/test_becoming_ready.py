"""What a process says on its way to being ready."""

import asyncio
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from starlette.applications import Starlette
from structlog.testing import capture_logs

from contactfold.domain.errors import ContactfoldError
from contactfold.environment import Settings
from contactfold.lifetime import Parts
from contactfold.processes import run_process
from contactfold.web.access import KeyRing


@pytest.mark.parametrize(("seconds", "told"), [(0.0, 0), (1.6, 1)], ids=["soon ready", "waiting"])
async def test_a_process_that_waits_before_it_is_ready_says_once_what_for(
    seconds: float, told: int, tmp_path: Path
) -> None:
    begun = asyncio.get_running_loop().time()
    announced: list[str] = []

    async def probe() -> None:
        if asyncio.get_running_loop().time() < begun + seconds:
            raise ContactfoldError("The processor stands still.")

    async def announce(address: str) -> None:
        announced.append(address)
        signal.raise_signal(signal.SIGTERM)

    app = Starlette()
    app.state.endings = []
    with capture_logs() as logs:
        await run_process(
            Settings(data_dir=tmp_path, port=0),
            app,
            parts=Parts(),
            ring=cast(KeyRing, SimpleNamespace()),
            probes={"processor": probe},
            announce=announce,
        )
    notices: list[Any] = [one for one in logs if one["event"] == "not_ready_yet"]
    assert [(one["part"], one["why"], one["address"]) for one in notices] == [
        ("processor", "The processor stands still.", announced[0])
    ] * told
