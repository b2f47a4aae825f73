"""Real servers for the stores: one of each for a module, and a place of its own on it for each test."""

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from integration.schedules.stores.sites import FolderSite, Opened, S3Site, SftpSite, Site, variables
from servers.https import HttpsServer
from servers.s3 import S3Server
from servers.sftp import SftpServer


@pytest.fixture(scope="module")
def sftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with SftpServer(tmp_path_factory.mktemp("sftp")) as server:
        yield server


@pytest.fixture(scope="module")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    # What the machine's user has in ~/.aws is no part of a test.
    none = str(tmp_path_factory.mktemp("aws") / "absent")
    away = {"AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_EC2_METADATA_DISABLED": "true"}
    with variables(**away, AWS_PROFILE=None), S3Server() as server:
        yield server


@pytest.fixture(scope="module")
def https_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpsServer]:
    with HttpsServer(tmp_path_factory.mktemp("https")) as server:
        yield server


@pytest.fixture
def sftp_site(sftp_server: SftpServer) -> SftpSite:
    return SftpSite(sftp_server, uuid.uuid4().hex[:12])


@pytest.fixture
def s3_site(s3_server: S3Server) -> S3Site:
    return S3Site(s3_server, f"b{uuid.uuid4().hex[:12]}")


@pytest.fixture(params=["folder", "sftp", "s3"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    """A folder of each kind."""
    if request.param == "folder":
        return FolderSite(tmp_path / "in")
    found: Site = request.getfixturevalue(f"{request.param}_site")
    return found


@pytest.fixture
async def open_site() -> AsyncIterator[Opened]:
    """Opens stores, and closes them with the test."""
    opened = Opened()
    yield opened
    await opened.close()
