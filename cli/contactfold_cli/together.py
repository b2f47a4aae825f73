"""`contactfold up`: doors, processor and console in one process.

HTTP runs in the main event loop. The processor runs in a second thread with an event loop and adapters
of its own, so that a batch never holds a webhook up for longer than Python's threads take turns.
"""

import asyncio
import shlex
from contextlib import nullcontext

import orjson

from contactfold import __version__
from contactfold.adapters.chosen import make_directory, make_log
from contactfold.config import Config, Settings
from contactfold.domain.schema import Attribute, Schema
from contactfold.lifetime import Ending, Parts, machine_clock, run_loop
from contactfold.processes import run_process
from contactfold.same_schema import SameSchema
from contactfold.serving import HttpServer, admin_key
from contactfold.web.access import KeyRing
from contactfold.web.application import make_app
from contactfold_cli.composition import print_json
from contactfold_cli.locking import own_data_dir
from contactfold_cli.threads import in_thread
from contactfold_console.app import Deps as ConsoleDeps
from contactfold_console.app import install as install_console
from contactfold_ingest.app import IngestDeps
from contactfold_ingest.app import install as install_ingest
from contactfold_ingest.schedules.scheduling import Scheduling
from contactfold_processor.running import RunningProcessor

_SAMPLES = {
    "string": "A-1",
    "text": "A-1",
    "integer": 1,
    "decimal": "1.5",
    "boolean": True,
    "date": "2001-02-03",
    "datetime": "2001-02-03T04:05:06Z",
    "email": "ann@example.com",
    "phone": "+14155550123",
    "url": "https://example.com/",
}


def run_up(config: Config, settings: Settings, *, json: bool, accept_gap: bool) -> int:
    """Run everything until told to end; returns the exit code."""
    embedded = settings.log is None or settings.directory is None
    with own_data_dir(settings.data_dir) if embedded else nullcontext():
        return run_loop(_serve(config, settings, json=json, accept_gap=accept_gap))


async def _serve(config: Config, settings: Settings, *, json: bool, accept_gap: bool) -> int:
    log, directory = make_log(settings), make_directory(settings)
    schema = config.contact_schema
    parts = Parts(log=log, directory=SameSchema(directory, schema))
    ring = KeyRing(directory, admin_key(settings), machine_clock, config.limits.requests_per_minute)
    running = RunningProcessor(config, machine_clock, accept_gap=accept_gap, erasure_key=settings.erasure_key)
    probes = {**parts.probes, "processor": running.probe}
    app = make_app(title="contactfold", ring=ring, probes=probes, version=__version__)
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
    install_ingest(app, deps)
    install_console(app, ConsoleDeps(directory, schema, ring, config.limits.component_events))

    async def announce(address: str) -> None:
        _print_ready(address, settings, schema, needs_key=not await ring.is_open(), json=json)

    async def cut(ending: Ending) -> None:
        await deps.importing.run(parts.ready, ending.told)

    async def fetch(ending: Ending) -> None:
        await Scheduling(deps).run(parts.ready, ending.told)

    async def clear(ending: Ending) -> None:
        await deps.clearing.run(parts.ready, ending.told)

    async def apply(stop: asyncio.Event) -> None:
        await running.run(make_log(settings, alone=True), make_directory(settings, alone=True), stop)

    async def process(ending: Ending) -> None:
        await in_thread(apply, ending)

    return await run_process(
        settings,
        app,
        parts=parts,
        ring=ring,
        probes=probes,
        announce=announce,
        works={"processor": process, "imports": cut, "kept files": clear, "schedules": fetch},
        server=HttpServer(settings.host, settings.port),
    )


def _print_ready(address: str, settings: Settings, schema: Schema, *, needs_key: bool, json: bool) -> None:
    curl = _write_curl(address, schema, needs_key=needs_key)
    if json:
        log = "embedded" if settings.log is None else "kafka"
        directory = "embedded" if settings.directory is None else "mongodb"
        print_json({"ready": True, "address": address, "log": log, "directory": directory, "try": curl})
    else:
        print(f"contactfold is ready at {address} - try: {curl}", flush=True)


def _write_curl(address: str, schema: Schema, *, needs_key: bool) -> str:
    """A command that sends a first event, fit to be pasted."""
    body = orjson.dumps({"values": _sample_values(schema)}).decode()
    words = ["curl", "-s", f"{address}/v1/events", "-H", "Content-Type: application/json", "-d", body]
    if needs_key:
        words[2:2] = ["-H", "X-API-Key: YOUR_KEY"]
    return " ".join(map(shlex.quote, words))


def _sample_values(schema: Schema) -> dict[str, object]:
    """Values of somebody this schema can recognise: by e-mail address where it has one."""
    identifying = min(schema.identifying, key=lambda attribute: attribute.type != "email")
    named = schema.by_key.get("first_name")
    greeting: dict[str, object] = {"first_name": "Ann"} if named is not None and named.type == "string" else {}
    return {**greeting, identifying.key: _sample(identifying)}


def _sample(attribute: Attribute) -> object:
    return next(iter(attribute.choices.values())) if attribute.type == "choice" else _SAMPLES[attribute.type]
