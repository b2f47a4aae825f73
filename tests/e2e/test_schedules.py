"""Schedules with real servers behind them: a folder, SFTP and S3, one process and two, kills in the middle."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e.importing import people
from e2e.pipeline import Pipeline
from e2e.processes import export, metric, serving, until
from servers.s3 import S3Server
from servers.sftp import PASSWORD, USER, SftpServer

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def running() -> Iterator[ExitStack]:
    """What is entered here ends with the test."""
    with ExitStack() as stack:
        yield stack


def configure(tmp_path: Path, **schedules: dict[str, Any]) -> Path:
    """A configuration with these schedules: JSON is YAML."""
    path = tmp_path / "schedules.yaml"
    path.write_text(json.dumps({"schedules": {n: {"settle": "1s", "every": "1s", **s} for n, s in schedules.items()}}))
    return path


def look(address: str, name: str) -> Any:
    reply = httpx.get(f"{address}/v1/schedules/{name}", timeout=30)
    assert reply.status_code == 200, reply.text
    return reply.json()


def say(address: str, name: str, what: str, status: int) -> None:
    reply = httpx.post(f"{address}/v1/schedules/{name}/{what}", timeout=30)
    assert reply.status_code == status, reply.text


def imported(address: str) -> list[str]:
    """The files of all completed imports, oldest first; fails where there is one that fell."""
    items = httpx.get(f"{address}/v1/imports", params={"limit": 200}, timeout=30).json()["items"]
    assert {one["status"] for one in items} <= {"pending", "in_progress", "completed"}, items
    return [one["file"] for one in items if one["status"] == "completed"][::-1]


def put(folder: Path, name: str, content: bytes) -> None:
    """Write a file as those do who know that somebody watches: whole at once."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f".{name}.part").write_bytes(content)
    (folder / f".{name}.part").rename(folder / name)


def tell(address: str, name: str, file: str) -> str:
    """What the present or last run tells of a file."""
    run = look(address, name)["last_run"] or {"files": []}
    return next((one["status"] for one in run["files"] if one["name"] == file), "")


@pytest.fixture
def sftp(tmp_path: Path) -> Iterator[SftpServer]:
    (tmp_path / "served" / "outbox").mkdir(parents=True)
    with SftpServer(tmp_path / "served") as server:
        yield server


@pytest.fixture
def s3() -> Iterator[S3Server]:
    with S3Server() as server:
        server.client.create_bucket(Bucket="exports")
        yield server


def test_files_of_a_folder_sftp_and_s3_are_imported_once_and_cleared_away(
    running: ExitStack, tmp_path: Path, sftp: SftpServer, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTBOX_PASSWORD", PASSWORD)
    monkeypatch.setenv("BUCKET_SECRET", s3.secret_key)
    outbox = {
        "url": f"sftp://{USER}@127.0.0.1:{sftp.port}/outbox",
        "password": "${OUTBOX_PASSWORD}",
        "host_key": sftp.fingerprint,
    }
    bucket = {
        "url": "s3://exports/in",
        "endpoint": s3.endpoint,
        "region": "us-east-1",
        "access_key": s3.access_key,
        "secret_key": "${BUCKET_SECRET}",
    }
    local, remote = tmp_path / "inbox", sftp.root / "outbox"
    local.mkdir()
    config = configure(
        tmp_path,
        folder={"from": str(local), "pattern": "*.csv", "options": {"source": "crm"}},
        server={"from": outbox, "after": "archive"},
        bucket={"from": bucket, "after": "delete"},
        leap={"from": str(local), "every": None, "cron": "0 3 29 2 *", "timezone": "Europe/Oslo"},
    )
    up = running.enter_context(serving("up", data_dir=tmp_path / "data", config=config))
    put(local, "folder.csv", people(3))
    put(remote, "server.csv", people(3, begin=10))
    s3.client.put_object(Bucket="exports", Key="in/bucket.csv", Body=people(3, begin=20))
    files = ["bucket.csv", "folder.csv", "server.csv"]
    until(lambda: sorted(imported(up.address)) == files, "all are imported", within=90)
    until(lambda: not (remote / "server.csv").exists(), "it is archived")
    until(lambda: "Contents" not in s3.client.list_objects_v2(Bucket="exports", Prefix="in/"), "it is deleted")
    assert (remote / "done" / "server.csv").read_bytes() == people(3, begin=10)
    assert (local / "folder.csv").exists(), "this schedule leaves files where they are"
    contact = httpx.get(f"{up.address}/v1/contacts", params={"identifier": "email:a21@example.com"}, timeout=60).json()
    assert contact["values"]["first_name"] == "Ann 21"

    put(local, "wrong.csv", b"Shoe\n4\n")
    until(lambda: tell(up.address, "folder", "wrong.csv") == "failed", "it is told")
    say(up.address, "folder", "pause", 200)
    until(lambda: not look(up.address, "folder")["running"], "what goes on has ended")
    put(local, "later.csv", people(2, begin=30))
    paused = look(up.address, "folder")
    assert (paused["paused"], paused["next_run"]) == (True, None)
    time.sleep(2.5)  # more than two of its intervals
    assert look(up.address, "folder")["last_run"] == paused["last_run"]
    say(up.address, "folder", "run", 202)
    until(lambda: "later.csv" in imported(up.address), "it runs when it is asked to")
    shown = httpx.get(f"{up.address}/v1/schedules", timeout=60).text
    assert PASSWORD not in shown + up.errors()
    assert s3.secret_key not in shown + up.errors()
    assert [one["when"] for one in json.loads(shown)["items"]][3] == "cron 0 3 29 2 * Europe/Oslo"
    assert len(imported(up.address)) == 4
    until(lambda: metric(up.address, "contactfold_scheduled_files_total") == 5, "all are counted")
    assert up.terminate()[0] == 0


def test_a_run_goes_on_after_kills_and_no_file_is_imported_twice(running: ExitStack, tmp_path: Path) -> None:
    local = tmp_path / "inbox"
    config = configure(tmp_path, folder={"from": str(local), "after": "archive"})
    up = running.enter_context(serving("up", data_dir=tmp_path / "data", config=config))
    rows = 5_000
    put(local, "people.csv", people(rows))
    until(lambda: len(httpx.get(f"{up.address}/v1/imports", timeout=60).json()["items"]) == 1, "its import has begun")
    up.kill()
    assert (local / "people.csv").exists(), "nothing is cleared away before it is imported"
    up.start()
    until(lambda: imported(up.address) == ["people.csv"], "the import goes on", within=90)
    until(lambda: not (local / "people.csv").exists(), "and so does the run", within=60)
    put(local, "more.csv", people(10, begin=rows))
    until(lambda: not (local / "more.csv").exists(), "the next file is taken", within=60)
    assert imported(up.address) == ["people.csv", "more.csv"]
    assert sorted(one.name for one in (local / "done").iterdir()) == ["more.csv", "people.csv"]
    assert len(export(data_dir=tmp_path / "data").splitlines()) == rows + 10


def test_of_several_processes_one_imports_a_file_and_when_it_dies_another_goes_on(
    running: ExitStack, tmp_path: Path, kafka_url: str, mongo_url: str
) -> None:
    pipeline = Pipeline(kafka_url, mongo_url)
    pipeline.make_topics(4)
    local = tmp_path / "inbox"
    config = configure(tmp_path, folder={"from": str(local), "settle": "0s"})
    settings: dict[str, Any] = {**pipeline.settings, "data_dir": tmp_path / "shared", "config": config}
    first, second = (running.enter_context(serving("ingest", **settings)) for _ in range(2))
    running.enter_context(serving("processor", **settings))
    for number in range(5):
        put(local, f"{number}.csv", people(20, begin=100 * number))
    names = [f"{number}.csv" for number in range(5)]
    until(lambda: len(imported(first.address)) == 5, "all are imported", within=90)
    assert sorted(imported(second.address)) == names
    until(lambda: not look(second.address, "folder")["running"], "the run has ended")
    first.kill()
    put(local, "5.csv", people(20, begin=500))
    until(lambda: len(imported(second.address)) == 6, "another process goes on", within=90)
    assert look(second.address, "folder")["last_run"]["error"] is None
    say(second.address, "folder", "pause", 200)
    assert sorted(imported(second.address)) == [*names, "5.csv"]
