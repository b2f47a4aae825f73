"""A directory that is empty, until the processor folds what a test says, and a console with a small limit."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.ports import ApiKey
from contactfold.web.access import KeyRing, digest_key
from contactfold.web.application import make_app
from contactfold_console.app import Deps, install
from integration.console.people import DAY, SCHEMA
from integration.law.conftest import stage

__all__ = ["app", "directory", "stage"]


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[SqliteDirectory]:
    directory = SqliteDirectory(tmp_path / "directory.db")
    await directory.open()
    for scopes in ("read", "read pii"):
        name = scopes.replace(" ", "-")
        await directory.add_key(ApiKey(name, digest_key(f"key-{name}"), frozenset(scopes.split()), name, DAY))
    yield directory
    await directory.close()


@pytest.fixture
def app(directory: SqliteDirectory) -> FastAPI:
    """A console that looks through at most ten pieces of evidence."""
    ring = KeyRing(directory, None, lambda: DAY)
    app = make_app(title="contactfold console", ring=ring, probes={}, version="0")
    install(app, Deps(directory, SCHEMA, ring, component_events=10))
    return app
