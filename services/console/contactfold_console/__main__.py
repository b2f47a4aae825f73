"""The console as a process: `contactfold console`, or `python -m contactfold_console`."""

import sys

from contactfold import __version__
from contactfold.adapters.chosen import make_directory
from contactfold.config import Config, Settings, load_config, load_settings
from contactfold.exits import run_to_exit
from contactfold.lifetime import Parts, machine_clock, run_loop
from contactfold.processes import Announce, run_process
from contactfold.same_schema import SameSchema
from contactfold.serving import admin_key
from contactfold.telemetry import configure_logging
from contactfold.web.access import KeyRing
from contactfold.web.application import make_app
from contactfold_console.app import Deps, install


async def serve(config: Config, settings: Settings, announce: Announce) -> int:
    """Answer readers until told to end; returns the exit code."""
    directory = make_directory(settings)
    parts = Parts(directory=SameSchema(directory, config.contact_schema))
    ring = KeyRing(directory, admin_key(settings), machine_clock, config.limits.requests_per_minute)
    app = make_app(title="contactfold console", ring=ring, probes=parts.probes, version=__version__)
    install(app, Deps(directory, config.contact_schema, ring, config.limits.component_events))
    return await run_process(settings, app, parts=parts, ring=ring, probes=parts.probes, announce=announce)


async def _announce(address: str) -> None:
    print(f"The console is ready at {address}", flush=True)


def main() -> int:
    """Run the console with the configuration of the environment."""
    configure_logging()
    return run_loop(serve(load_config(), load_settings(), _announce))


if __name__ == "__main__":
    sys.exit(run_to_exit(main))
