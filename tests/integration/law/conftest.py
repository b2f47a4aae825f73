"""The stages of this folder: both real adapters, one file and one database for all histories of a module."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from oracle.places import MongoPlace, RealStage, SqlitePlace


@pytest.fixture(scope="module", params=["sqlite", "mongo"])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealStage]:
    """A real directory that is emptied before every history."""
    place: SqlitePlace | MongoPlace
    if request.param == "sqlite":
        home: Path = tmp_path_factory.mktemp("law")
        place = SqlitePlace(home / "directory.db")
    else:
        server: str = request.getfixturevalue("mongo")
        place = MongoPlace(str(urlunsplit(urlsplit(server)._replace(path=f"/law{uuid.uuid4().hex[:12]}"))))
    with RealStage(place) as stage:
        yield stage
