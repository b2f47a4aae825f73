"""Files in an S3 bucket, or at any service that speaks S3.

Through s3fs, asked for its calls alone (`_call_s3`): its file system keeps listings, guesses at folders, and moves
files over others. Without credentials of its own a location uses the machine's: environment, `~/.aws`, instance role.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import s3fs
from aiobotocore.session import AioSession  # type: ignore[import-untyped]
from botocore.loaders import create_loader  # type: ignore[import-untyped]

from contactfold.file_patterns import Pattern, lies_in
from contactfold.locations import Location, reveal
from contactfold_ingest.schedules.stores.files import (
    FileRefused,
    Found,
    RemoteFile,
    StoreError,
    Timeouts,
    changed,
    differs,
    taken,
)
from contactfold_ingest.schedules.stores.naming import MOST_NAMES, archive_names
from contactfold_ingest.schedules.stores.s3_faults import Faults
from contactfold_ingest.schedules.stores.staging import PIECE, staged
from contactfold_ingest.schedules.stores.walking import MOST_ENTRIES, MOST_FILES, too_many

_MOST_MOVED = 5 << 30
"""Bytes of an object that S3 copies in one step (S3's reference of CopyObject)."""

_COPY = "copy_object"

_PAGE = 1000
"""Keys of one answer, which is the most there can be."""

_ATTEMPTS = 2


class S3Store:
    """A `Store` of the objects of a bucket whose keys begin with a folder."""

    def __init__(self, location: Location, timeouts: Timeouts) -> None:
        self._bucket, self._timeouts = location.bucket, timeouts
        self._above = f"{location.folder}/" if location.folder else ""
        self._faults = Faults(location)
        self._location = location
        self._files: s3fs.S3FileSystem | None = None

    async def list(self, pattern: str, *, without: str | None = None, seen: RemoteFile | None = None) -> Found:
        """As in `Store`; `seen` says nothing here."""
        del seen
        wanted = Pattern(pattern)
        asked: dict[str, Any] = {"Prefix": self._above, "MaxKeys": _PAGE} | (
            {} if wanted.descends else {"Delimiter": "/"}
        )
        found: Found = []
        entries = 0
        async with self._asking(self._timeouts.fetch):
            while True:
                page = await self._call("list_objects_v2", **asked)
                if "IsTruncated" not in page:
                    raise self._faults.no_list()
                for one in page.get("Contents", ()):
                    name = one["Key"].removeprefix(self._above)
                    entries += 1
                    if wanted.matches(name) and not lies_in(name, without):
                        found.append(_look(name, one["Size"], one))
                    if len(found) > MOST_FILES or entries > MOST_ENTRIES:
                        raise too_many()
                if not page.get("IsTruncated"):
                    return sorted(found, key=lambda file: file.name)
                following = page.get("NextContinuationToken")
                if following in {None, asked.get("ContinuationToken")}:
                    raise self._faults.no_end()
                asked["ContinuationToken"] = following

    async def fetch(self, file: RemoteFile, target: Path, limit: int) -> str:
        """As in `Store`."""
        async with self._asking(self._timeouts.fetch, file, "read"), staged(file, target, limit) as copy:
            same = {"IfMatch": file.tag} if file.tag else {}
            got = await self._call("get_object", Key=self._above + file.name, **same)
            if differs(file, _look(file.name, got["ContentLength"], got)):
                raise changed(file)
            body = got["Body"]
            try:
                while piece := await self._answer(body.read(PIECE)):
                    await copy.add(piece)
            finally:
                body.close()
            if file.size is not None and copy.size != file.size:
                raise changed(file)
            return copy.digest

    async def archive(self, file: RemoteFile, folder: str) -> str:
        """As in `Store`."""
        if file.size is not None and file.size > _MOST_MOVED:
            raise FileRefused(f"{file.name} cannot be moved: S3 copies up to {_MOST_MOVED} bytes in one step.")
        async with self._asking(self._timeouts.fetch, file, "moved"):
            await self._check_same(file)
            source = {"Bucket": self._bucket, "Key": self._above + file.name}
            same = {"CopySourceIfMatch": file.tag} if file.tag else {}
            for new in archive_names(file, folder):
                if await self._find(new) is not None:
                    continue
                await self._call(_COPY, Key=self._above + new, CopySource=source, **same)
                await self._check_same(file)
                await self._call("delete_object", Key=self._above + file.name)
                return new
        raise taken(file, folder, MOST_NAMES)

    async def delete(self, file: RemoteFile) -> None:
        """As in `Store`."""
        async with self._asking(self._timeouts.fetch, file, "removed"):
            now = await self._find(file.name)
            if now is None:
                return
            if differs(file, now):
                raise changed(file)
            await self._call("delete_object", Key=self._above + file.name)

    async def close(self) -> None:
        """As in `Store`."""
        files, self._files = self._files, None
        client = None if files is None else files._s3  # noqa: SLF001  (there is no other way to end it)
        if client is not None:
            with suppress(Exception):
                async with asyncio.timeout(5):
                    await client.close()

    # ------------------------------------------------------------------------------------------ one question

    @asynccontextmanager
    async def _asking(self, seconds: float, file: RemoteFile | None = None, done: str = "") -> AsyncIterator[None]:
        """For at most so long; what goes wrong is told as `Store` says."""
        try:
            async with asyncio.timeout(seconds):
                yield
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001  (botocore's, aiohttp's and s3fs's have no class in common)
            raise self._faults.explain(error, file, done) from None

    async def _call(self, method: str, **asked: Any) -> dict[str, Any]:
        if self._files is None:
            self._files = self._make()
        # The answer is waited for here too: what credentials come from has timeouts of its own. A copy takes as long as
        # the object is large, and the service says little meanwhile.
        work = self._files._call_s3(method, Bucket=self._bucket, **asked)  # noqa: SLF001
        answer: dict[str, Any] = await (work if method == _COPY else self._answer(work))
        return answer

    async def _answer(self, asked: Any) -> Any:
        async with asyncio.timeout(self._timeouts.connect + self._timeouts.answer):
            return await asked

    async def _find(self, name: str) -> RemoteFile | None:
        try:
            got = await self._call("head_object", Key=self._above + name)
        except FileNotFoundError:
            return None
        return _look(name, got["ContentLength"], got)

    async def _check_same(self, file: RemoteFile) -> None:
        now = await self._find(file.name)
        if now is None:
            raise FileNotFoundError
        if differs(file, now):
            raise changed(file)

    def _make(self) -> s3fs.S3FileSystem:
        location = self._location
        timeouts = {"connect_timeout": self._timeouts.connect, "read_timeout": self._timeouts.answer}
        config: dict[str, Any] = {
            **timeouts,
            "retries": {"total_max_attempts": _ATTEMPTS, "mode": "standard"},
            # Services that speak S3 know checksums of their own at most.
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
            "warm_up_loader_caches": True,
        }
        if location.endpoint:
            config["s3"] = {"addressing_style": "path"}  # such services seldom have a name for each bucket
        client = {"region_name": location.region, "verify": location.ca_file}
        files = s3fs.S3FileSystem(
            key=reveal(location.access_key),
            secret=reveal(location.secret_key),
            token=reveal(location.session_token),
            endpoint_url=location.endpoint,
            client_kwargs={name: value for name, value in client.items() if value},
            config_kwargs=config,
            session=_begin_session(),
            asynchronous=True,
            skip_instance_cache=True,
            use_listings_cache=False,
        )
        files.retries = 1  # botocore tries again itself
        return files


@cache
def _get_models() -> Any:
    """The descriptions of S3's calls: some of a second's work to read, so every session here has the same."""
    return create_loader()


def _begin_session() -> AioSession:
    """A session of its own for each store: credentials that have changed since are found again."""
    session = AioSession()
    session.register_component("data_loader", _get_models())
    return session


def _look(name: str, size: int, told: dict[str, Any]) -> RemoteFile:
    modified = told.get("LastModified")
    return RemoteFile(name, size, None if modified is None else int(modified.timestamp()) * 1_000_000, told.get("ETag"))
