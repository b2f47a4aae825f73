"""What every command begins with: the configuration, the settings, and a directory or log to ask."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
from pydantic import SecretStr

from contactfold.adapters.chosen import DIRECTORY_FILE, make_directory, make_log
from contactfold.config import Config, Misconfigured, Settings, load_config, load_settings
from contactfold.domain.schema import Schema
from contactfold.lifetime import Parts
from contactfold.ports import Directory, EventLog
from contactfold.same_schema import SameSchema
from contactfold.telemetry import configure_logging


def load(config: Path | None, *, json: bool = False) -> tuple[Config, Settings]:
    """The configuration and the settings; raises `Misconfigured` with the faults of both."""
    configure_logging(json=True if json else None)
    faults: list[str] = []
    loaded: Config | None = None
    settings: Settings | None = None
    try:
        loaded = load_config(config)
    except Misconfigured as error:
        faults += error.faults
    try:
        settings = load_settings()
    except Misconfigured as error:
        faults += error.faults
    if loaded is None or settings is None:
        raise Misconfigured(faults)
    return loaded, settings if config is None else settings.model_copy(update={"config": config})


@asynccontextmanager
async def opened_directory(
    settings: Settings, schema: Schema | None = None, *, makes: bool = False
) -> AsyncIterator[Directory]:
    """The directory, open; raises `Unavailable` where it does not answer within 30 s.

    What reads contacts by a schema names it: raises `SchemaChanged` where the directory was folded with another.
    Raises `Misconfigured` where there is no embedded directory, unless the command `makes` one: a mistyped path is
    told, not answered from a directory that was made that moment.
    """
    if not makes:
        require_directory(settings)
    directory = make_directory(settings)
    parts = Parts(directory=directory if schema is None else SameSchema(directory, schema, keeps=False))
    try:
        await parts.open_within()
        yield directory
    finally:
        await parts.close()


@asynccontextmanager
async def opened_log(settings: Settings) -> AsyncIterator[EventLog]:
    """The log, open; raises `Unavailable` where it does not answer within 30 s, else as `opened_directory`."""
    require_directory(settings)
    log = make_log(settings)
    parts = Parts(log=log)
    try:
        await parts.open_within()
        yield log
    finally:
        await parts.close()


def make_parts(settings: Settings) -> tuple[EventLog, Directory]:
    """A log and a directory for one event loop, not open yet."""
    return make_log(settings), make_directory(settings)


def settings_at(settings: Settings, address: str | Path) -> Settings:
    """The same settings with the directory at another address: a server's, or a data directory."""
    if isinstance(address, Path):
        return settings.model_copy(update={"directory": None, "data_dir": address})
    return settings.model_copy(update={"directory": SecretStr(address)})


def holds_directory(data_dir: Path) -> bool:
    """Whether a path is a data directory with an embedded directory in it."""
    return (data_dir / DIRECTORY_FILE).is_file()


def require_directory(settings: Settings) -> None:
    """Raise `Misconfigured` where the data directory holds no embedded directory, and a command would make one."""
    if settings.directory is None and not holds_directory(settings.data_dir):
        raise Misconfigured(
            [f"CONTACTFOLD_DATA_DIR: there is no directory in {settings.data_dir}; `contactfold up` makes one."]
        )


def tell_ready(service: str, *, json: bool) -> Callable[[str], Awaitable[None]]:
    """What a service says once everything behind it answers."""

    async def tell(address: str) -> None:
        if json:
            print_json({"ready": True, "service": service, "address": address})
        else:
            print(f"The {service} is ready at {address}", flush=True)

    return tell


def print_json(shown: object) -> None:
    """One JSON document on standard output."""
    print(orjson.dumps(shown, option=orjson.OPT_NON_STR_KEYS).decode(), flush=True)
