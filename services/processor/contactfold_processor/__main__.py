"""The processor as a process: `contactfold processor`, or `python -m contactfold_processor`."""

import asyncio
import os
import sys

import structlog

from contactfold import __version__
from contactfold.adapters.chosen import make_directory, make_log
from contactfold.config import Config, Settings, load_config, load_settings
from contactfold.domain.errors import Misconfigured
from contactfold.exits import run_to_exit
from contactfold.lifetime import Ending, Parts, listening_to_signals, machine_clock, run_loop, run_together
from contactfold.processes import Announce, run_process
from contactfold.same_schema import SameSchema
from contactfold.serving import HttpServer, admin_key
from contactfold.telemetry import configure_logging
from contactfold.web.access import KeyRing
from contactfold.web.application import make_app
from contactfold_processor.running import RunningProcessor

_log = structlog.get_logger(__name__)


async def process(
    config: Config,
    settings: Settings,
    announce: Announce,
    *,
    accept_gap: bool = False,
    parent: int | None = None,
) -> int:
    """Apply records until told to end, or until the process `parent` is gone; returns the exit code.

    `/healthz`, `/readyz` and `/metrics` are served where the port is free, and done without where it is not.
    """
    running = RunningProcessor(config, machine_clock, accept_gap=accept_gap, erasure_key=settings.erasure_key)

    async def apply(ending: Ending) -> None:
        watch = asyncio.create_task(_end_with(parent, ending))
        try:
            await running.run(make_log(settings), make_directory(settings), ending.told)
        finally:
            watch.cancel()

    try:
        server = HttpServer(settings.host, settings.port)
    except Misconfigured as taken:
        _log.warning("not_served", why=str(taken))
        with listening_to_signals() as ending:
            await run_together(ending, {"processor": apply(ending)})
            return ending.exit_code
    directory = make_directory(settings)
    ring = KeyRing(directory, admin_key(settings), machine_clock, config.limits.requests_per_minute)
    probes = {"processor": running.probe}
    app = make_app(title="contactfold processor", ring=ring, probes=probes, version=__version__)
    return await run_process(
        settings,
        app,
        parts=Parts(directory=SameSchema(directory, config.contact_schema)),
        ring=ring,
        probes=probes,
        announce=announce,
        works={"processor": apply},
        server=server,
    )


async def _end_with(parent: int | None, ending: Ending) -> None:
    """Tell the process to end when its parent is gone: a worker without its keeper would be nobody's."""
    while parent is None or os.getppid() == parent:
        await asyncio.sleep(1)
    ending.tell()


async def _announce(address: str) -> None:
    print(f"The processor is ready at {address}", flush=True)


def main() -> int:
    """Run the processor with the configuration of the environment."""
    configure_logging()
    return run_loop(process(load_config(), load_settings(), _announce))


if __name__ == "__main__":
    sys.exit(run_to_exit(main))
