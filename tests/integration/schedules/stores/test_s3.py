"""What only S3 has: pages of listings, the machine's own credentials, folders that are none, other services."""

import asyncio
import json
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from contactfold.locations import Location
from contactfold_ingest.schedules.stores import FileRefused, RemoteFile, StoreAway, StoreRefused, Timeouts, s3
from integration.schedules.stores.sites import Opened, S3Site, variables
from servers.s3 import REGION, S3Server

PEOPLE = b"email\nann@example.com\n"
LIMIT = 1 << 20


async def test_a_folder_of_more_files_than_one_page_is_listed_whole(
    s3_site: S3Site, open_site: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "_PAGE", 4)
    for place in range(11):
        s3_site.put(f"{place:02}.csv", b"")
        s3_site.put(f"{place:02}/below.csv", b"")
    store = open_site(s3_site.location())
    assert [file.name for file in await store.list("*.csv")] == [f"{place:02}.csv" for place in range(11)]
    assert len(await store.list("**/*.csv")) == 22


async def test_marks_of_folders_and_keys_that_begin_alike_are_no_files(
    s3_server: S3Server, s3_site: S3Site, open_site: Opened
) -> None:
    for key in ("in/", "in/below/", "in//double.csv", "in/../up.csv", "inbox.csv", "in/people.csv"):
        s3_server.client.put_object(Bucket=s3_site.bucket, Key=key, Body=b"")
    assert [file.name for file in await open_site(s3_site.location()).list("**/*")] == ["people.csv"]


async def test_a_whole_bucket_is_a_folder_too(s3_server: S3Server, s3_site: S3Site, open_site: Opened) -> None:
    s3_server.client.put_object(Bucket=s3_site.bucket, Key="people.csv", Body=PEOPLE)
    settings = s3_site.location().model_dump(exclude_unset=True) | {"url": f"s3://{s3_site.bucket}"}
    store = open_site(Location(**settings))
    (file,) = await store.list("*.csv")
    assert await store.archive(file, "done") == "done/people.csv"
    assert await store.list("*.csv") == []


async def test_without_keys_of_its_own_a_place_uses_the_machines(
    s3_server: S3Server, s3_site: S3Site, open_site: Opened, tmp_path: Path
) -> None:
    s3_site.put("people.csv", PEOPLE)
    location = s3_site.location(access_key=None, secret_key=None)
    none: dict[str, str | None] = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    with variables(**none):
        with pytest.raises(StoreRefused, match="has no credentials to go by"):
            await open_site(location).list("*")
        with variables(AWS_ACCESS_KEY_ID=s3_server.access_key, AWS_SECRET_ACCESS_KEY=s3_server.secret_key):
            assert len(await open_site(location).list("*")) == 1
        path = tmp_path / "credentials"
        path.write_text(
            f"[default]\naws_access_key_id={s3_server.access_key}\naws_secret_access_key={s3_server.secret_key}\n",
            encoding="utf-8",
        )
        with variables(AWS_SHARED_CREDENTIALS_FILE=str(path)):
            assert len(await open_site(location).list("*")) == 1
        with variables(AWS_PROFILE="absent"), pytest.raises(StoreRefused, match="has no credentials to go by"):
            await open_site(location).list("*")


async def test_with_keys_of_its_own_nothing_else_is_asked_for_credentials(s3_site: S3Site, open_site: Opened) -> None:
    s3_site.put("people.csv", PEOPLE)
    # An address that would be waited for, had anybody asked there.
    nowhere = {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://192.0.2.1"}
    with variables(AWS_ACCESS_KEY_ID="wrong", AWS_SECRET_ACCESS_KEY="wrong", **nowhere):
        store = open_site(s3_site.location(), Timeouts(connect=10.0, answer=10.0))
        assert len(await store.list("*")) == 1


async def test_an_object_in_cold_storage_is_told(
    s3_server: S3Server, s3_site: S3Site, open_site: Opened, tmp_path: Path
) -> None:
    s3_server.client.put_object(Bucket=s3_site.bucket, Key="in/cold.csv", Body=PEOPLE, StorageClass="GLACIER")
    store = open_site(s3_site.location())
    (file,) = await store.list("*")
    with pytest.raises(FileRefused, match=r"^cold\.csv cannot be read: it lies in cold storage"):
        await store.fetch(file, tmp_path / "copy", LIMIT)


async def test_a_user_who_may_read_but_not_move_is_told_so_and_loses_nothing(
    s3_server: S3Server, s3_site: S3Site, open_site: Opened, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    s3_site.put("people.csv", PEOPLE)
    store = open_site(s3_site.location(**_reader(s3_server)))
    s3_server.guard(checked=True)
    request.addfinalizer(lambda: s3_server.guard(checked=False))
    (file,) = await store.list("*")
    assert await store.fetch(file, tmp_path / "copy", LIMIT) == sha256(PEOPLE).hexdigest()
    with pytest.raises(FileRefused, match=r"^people\.csv cannot be moved: access is denied\.$"):
        await store.archive(file, "done")
    with pytest.raises(FileRefused, match=r"^people\.csv cannot be removed: access is denied\.$"):
        await store.delete(file)
    s3_server.guard(checked=False)
    assert s3_site.names() == {"people.csv"}


async def test_an_object_too_large_to_be_moved_in_one_step_is_told(s3_site: S3Site, open_site: Opened) -> None:
    with pytest.raises(FileRefused, match=r"^huge\.csv cannot be moved: "):
        await open_site(s3_site.location()).archive(RemoteFile("huge.csv", 6 << 30), "done")


def _reader(server: S3Server) -> dict[str, str]:
    policy: dict[str, Any] = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}],
    }
    access_key, secret_key = server.make_user(json.dumps(policy))
    return {"access_key": access_key, "secret_key": secret_key, "region": REGION}


LISTED = "<ListBucketResult><IsTruncated>{}</IsTruncated>{}</ListBucketResult>"
AGAIN = "<NextContinuationToken>x</NextContinuationToken>"


@pytest.mark.parametrize(
    ("body", "kind", "told"),
    [
        ("<html><body>Sign in</body></html>", StoreRefused, "does not answer as S3 does: `endpoint` is wrong"),
        (LISTED.format("true", AGAIN), StoreAway, "sends a list of files that never ends"),
        (LISTED.format("true", ""), StoreAway, "sends a list of files that never ends"),
    ],
)
async def test_what_is_no_list_or_has_no_end_is_told_and_not_taken_for_an_empty_folder(
    open_site: Opened, body: str, kind: type[Exception], told: str
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        keys = {"access_key": "a", "secret_key": "b", "region": REGION}
        location = Location(url="s3://bucket/in", endpoint=f"http://127.0.0.1:{port}", **keys)
        with pytest.raises(kind, match=told):
            await open_site(location, Timeouts(connect=20.0, answer=20.0)).list("*")
        await open_site.close()
