"""Places with files, one of each kind: what the tests of every store put there, and look at."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from contactfold.locations import Location, find_location_faults
from contactfold_ingest.schedules.stores import Store, Timeouts, open_store
from servers.s3 import REGION, S3Server
from servers.sftp import PASSWORD, USER, SftpServer

QUICK = Timeouts(connect=20.0, answer=20.0)
"""Far more than anything takes here: no test waits for one of them."""


class Site(Protocol):
    """A folder somewhere."""

    def put(self, name: str, content: bytes) -> None:
        """Write a file as somebody else does."""

    def names(self) -> set[str]:
        """Every file that is there, below folders too."""

    def get(self, name: str) -> bytes:
        """What a file holds."""

    def location(self, **settings: Any) -> Location:
        """What a configuration says of it."""

    def wrong(self) -> list[Location]:
        """The same with something that a person must put right."""


class FolderSite:
    """A folder of this machine. Times are minutes ago, as no file's time may hang on how fast a test is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._at = int(time.time()) - 3600

    def put(self, name: str, content: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self._at += 1
        os.utime(path, (self._at, self._at))

    def names(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}

    def get(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def location(self, **settings: Any) -> Location:
        return Location(url=str(self.folder), **settings)

    def wrong(self) -> list[Location]:
        return [Location(url=str(self.folder / "absent"))]


class SftpSite(FolderSite):
    """A folder on the SFTP server."""

    def __init__(self, server: SftpServer, name: str) -> None:
        super().__init__(server.root / name)
        self._server, self._name = server, name

    def location(self, **settings: Any) -> Location:
        port = settings.pop("port", self._server.port)
        name = settings.pop("name", self._name)
        known = {"password": PASSWORD, "host_key": self._server.host_key} | settings
        return Location(url=f"sftp://{USER}@127.0.0.1:{port}/{name}", **known)

    def wrong(self) -> list[Location]:
        return [self.location(password="wrong"), self.location(name="absent")]


class S3Site:
    """A folder in a bucket."""

    def __init__(self, server: S3Server, name: str) -> None:
        self._server, self.bucket = server, name
        self._client = server.client
        self._client.create_bucket(Bucket=name)

    def put(self, name: str, content: bytes) -> None:
        self._client.put_object(Bucket=self.bucket, Key=f"in/{name}", Body=content)

    def names(self) -> set[str]:
        found = self._client.list_objects_v2(Bucket=self.bucket).get("Contents", ())
        return {one["Key"].removeprefix("in/") for one in found}

    def get(self, name: str) -> bytes:
        content: bytes = self._client.get_object(Bucket=self.bucket, Key=f"in/{name}")["Body"].read()
        return content

    def location(self, **settings: Any) -> Location:
        port = settings.pop("port", self._server.port)
        bucket = settings.pop("bucket", self.bucket)
        known = {
            "endpoint": f"http://127.0.0.1:{port}",
            "region": REGION,
            "access_key": self._server.access_key,
            "secret_key": self._server.secret_key,
        }
        return Location(url=f"s3://{bucket}/in", **(known | settings))

    def wrong(self) -> list[Location]:
        return [
            self.location(secret_key="wrong"),
            self.location(access_key="AKIAABSENT", secret_key="wrong"),
            self.location(bucket="absent-bucket"),
        ]


class Opened:
    """Stores that a test has opened; they are closed with it."""

    def __init__(self) -> None:
        self._stores: list[Store] = []

    def __call__(self, location: Location, timeouts: Timeouts = QUICK) -> Store:
        assert find_location_faults(location, "from") == []
        store = open_store(location, timeouts)
        self._stores.append(store)
        return store

    async def close(self) -> None:
        for store in self._stores:
            await store.close()


@contextmanager
def variables(**values: str | None) -> Iterator[None]:
    """Environment variables for a while; None is none."""
    before = {name: os.environ.get(name) for name in values}
    _set(values)
    try:
        yield
    finally:
        _set(before)


def _set(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
