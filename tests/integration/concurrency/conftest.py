"""Stages for two batches that meet: memory and SQLite, where commits come one after the other, and MongoDB."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from integration.concurrency.meeting import Order
from oracle.places import IN_MEMORY, MongoPlace, RealStage, SqlitePlace, Stage

ORDERS = [
    pytest.param(("memory", Order.APART), id="memory"),
    pytest.param(("sqlite", Order.APART), id="sqlite"),
    *(pytest.param(("mongo", order), id=f"mongo-{order}") for order in Order),
]


@pytest.fixture(scope="module")
def sqlite_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealStage]:
    """A file that is emptied before every meeting."""
    home: Path = tmp_path_factory.mktemp("meeting")
    with RealStage(SqlitePlace(home / "directory.db")) as stage:
        yield stage


@pytest.fixture(scope="module")
def mongo_stage(mongo: str) -> Iterator[RealStage]:
    """A database that is emptied before every meeting."""
    url = str(urlunsplit(urlsplit(mongo)._replace(path=f"/meet{uuid.uuid4().hex[:12]}")))
    with RealStage(MongoPlace(url)) as stage:
        yield stage


@pytest.fixture(params=ORDERS)
def scene(request: pytest.FixtureRequest) -> tuple[Stage, Order]:
    """A stage, and the order of the two transactions on it."""
    kind, order = request.param
    stage: Stage = IN_MEMORY if kind == "memory" else request.getfixturevalue(f"{kind}_stage")
    return stage, order


@pytest.fixture(params=["memory", "sqlite", "mongo"])
def apart(request: pytest.FixtureRequest) -> tuple[Stage, Order]:
    """A stage where one transaction begins when the other has ended."""
    kind = request.param
    stage: Stage = IN_MEMORY if kind == "memory" else request.getfixturevalue(f"{kind}_stage")
    return stage, Order.APART
