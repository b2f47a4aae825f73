"""The ingest service as a process: `contactfold ingest`, or `python -m contactfold_ingest`."""

import sys

from contactfold import __version__
from contactfold.adapters.chosen import make_directory, make_log
from contactfold.config import Config, Settings, load_config, load_settings
from contactfold.exits import run_to_exit
from contactfold.lifetime import Parts, machine_clock, run_loop
from contactfold.processes import Announce, run_process
from contactfold.same_schema import SameSchema
from contactfold.serving import admin_key
from contactfold.telemetry import configure_logging
from contactfold.web.access import KeyRing
from contactfold.web.application import make_app
from contactfold_ingest.app import IngestDeps, install
from contactfold_ingest.schedules.scheduling import Scheduling


async def serve(config: Config, settings: Settings, announce: Announce) -> int:
    """Answer the doors until told to end; returns the exit code."""
    log, directory = make_log(settings), make_directory(settings)
    schema = config.contact_schema
    parts = Parts(log=log, directory=SameSchema(directory, schema))
    ring = KeyRing(directory, admin_key(settings), machine_clock, config.limits.requests_per_minute)
    app = make_app(title="contactfold ingest", ring=ring, probes=parts.probes, version=__version__)
    deps = IngestDeps(
        log,
        directory,
        schema,
        config.sources,
        config.limits,
        machine_clock,
        ring,
        settings.data_dir,
        settings.config,
        config.schedules,
    )
    install(app, deps)
    return await run_process(
        settings,
        app,
        parts=parts,
        ring=ring,
        probes=parts.probes,
        announce=announce,
        works={
            "imports": lambda ending: deps.importing.run(parts.ready, ending.told),
            "kept files": lambda ending: deps.clearing.run(parts.ready, ending.told),
            "schedules": lambda ending: Scheduling(deps).run(parts.ready, ending.told),
        },
    )


async def _announce(address: str) -> None:
    print(f"The ingest is ready at {address}", flush=True)


def main() -> int:
    """Run the ingest with the configuration of the environment."""
    configure_logging()
    return run_loop(serve(load_config(), load_settings(), _announce))


if __name__ == "__main__":
    sys.exit(run_to_exit(main))
