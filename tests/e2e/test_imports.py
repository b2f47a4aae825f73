"""Imports with real servers behind them: embedded, and with ingest and processor apart on Kafka and MongoDB."""

import json
import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from contactfold_ingest.imports.cutters import MODULE as CUTTING
from e2e.importing import begin, counts, look, people, say, upload, wait
from e2e.pipeline import Pipeline
from e2e.processes import Service, export, run_command, serving, until

pytestmark = pytest.mark.timeout(480)


@pytest.fixture
def running() -> Iterator[ExitStack]:
    """What is entered here ends with the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def up(running: ExitStack, tmp_path: Path) -> Service:
    return running.enter_context(serving("up", data_dir=tmp_path / "data"))


@pytest.fixture(params=["embedded", "on servers"])
def doors(request: pytest.FixtureRequest, running: ExitStack, tmp_path: Path) -> tuple[Service, str]:
    """The service with the doors, and the address of the reading side."""
    data_dir = tmp_path / "data"
    if request.param == "embedded":
        up = running.enter_context(serving("up", data_dir=data_dir))
        return up, up.address
    pipeline = Pipeline(request.getfixturevalue("kafka_url"), request.getfixturevalue("mongo_url"))
    pipeline.make_topics(4)
    settings: dict[str, Any] = {**pipeline.settings, "data_dir": data_dir}
    ingest, _, console = (
        running.enter_context(serving(command, **settings)) for command in ("ingest", "processor", "console")
    )
    return ingest, console.address


def test_a_file_is_applied_and_what_became_of_its_rows_is_told(doors: tuple[Service, str]) -> None:
    ingest, reading = doors
    known = httpx.post(
        f"{ingest.address}/customers/bulkCustomers",
        json={
            "customers": [
                {"email": "a1@example.com"},
                {"email": "a2@example.com", "first_name": "Ann 2", "city": "Oslo"},
            ]
        },
        timeout=60,
    )
    assert known.json()["insertedCount"] == 2
    file = people(1_200) + b"no address,Bob,Oslo\n\nb@example.com,Bo\n,Nobody,Oslo\n"
    told = upload(ingest.address, file, source="crm")
    assert told["status"] == "pending"
    done = wait(ingest.address, told["id"], "completed")
    counts(done, created=1_198, updated=1, unchanged=1, failed=3)
    assert (done["total"], done["percent"], done["file"]) == (1_203, 100, "people.csv")
    assert done["options"]["source"] == "crm"
    assert done["started_at"] < done["finished_at"]
    contact = httpx.get(f"{reading}/v1/contacts", params={"identifier": "email:a700@example.com"}, timeout=60).json()
    assert (contact["values"]["first_name"], contact["values"]["city"]) == ("Ann 700", "Oslo")
    (evidence,) = httpx.get(f"{reading}/v1/contacts/{contact['id']}/evidence", timeout=60).json()["items"]
    assert (evidence["source"], evidence["outcome"]["id"]) == ("crm", f"{told['id']}/702")
    page = httpx.get(f"{ingest.address}/v1/imports", timeout=60).json()
    assert page == {"items": [done], "next": None}


def cutters(up: Service) -> list[psutil.Process]:
    """The processes that cut files for it."""
    try:
        return [each for each in psutil.Process(up.pid).children() if CUTTING in each.cmdline()]
    except psutil.Error:
        return []


def test_an_import_survives_kills_and_nothing_is_applied_twice(running: ExitStack, tmp_path: Path) -> None:
    rows = 22_000
    up = running.enter_context(serving("up", data_dir=tmp_path / "data"))
    import_id = begin(up.address, people(rows))
    until(lambda: bool(cutters(up)), "a process cuts the file", every=0.01)
    (first,) = cutters(up)
    first.kill()
    chance = random.Random(6)
    for _ in range(4):
        until(lambda: look(up.address, import_id)["status"] != "pending", "it begins")
        before = look(up.address, import_id)["counts"]["created"]
        until(lambda before=before: look(up.address, import_id)["counts"]["created"] >= min(before + 500, rows), "more")  # type: ignore[misc]
        until(lambda: chance.random() < 0.3, "a while", every=0.05)
        orphans = cutters(up)
        up.kill()
        until(lambda orphans=orphans: not any(map(is_there, orphans)), "what cut for it is gone with it")  # type: ignore[misc]
        up.start()
    counts(wait(up.address, import_id, "completed"), created=rows)
    assert "Traceback" not in up.errors()
    verified = run_command("verify", "--all", data_dir=tmp_path / "data")
    assert verified.returncode == 0, verified.stdout.decode() + verified.stderr.decode()
    lines = export(data_dir=tmp_path / "data").splitlines()
    assert len(lines) == rows
    assert {json.loads(line)["values"]["city"] for line in lines} == {"Oslo"}


def is_there(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def test_cancelling_stops_the_cutting_and_says_what_was_applied(up: Service) -> None:
    import_id = begin(up.address, people(60_000))
    until(lambda: look(up.address, import_id)["counts"]["created"] > 0, "it is applied")
    assert say(up.address, import_id, "cancel")["status"] == "in_progress"
    done = wait(up.address, import_id, "cancelled")
    applied = done["counts"]["created"]
    assert 0 < applied < 60_000
    counts(done, created=applied, not_applied=60_000 - applied)
    assert f"{applied:,} of its rows were applied" in done["detail"]
    assert say(up.address, import_id, "cancel") == done, "once ended, nothing more is cancelled"
    later = httpx.post(
        f"{up.address}/customers/bulkCustomers", json={"customers": [{"email": "l@example.com"}]}, timeout=60
    )
    assert later.json()["insertedCount"] == 1
    assert look(up.address, import_id) == done


def test_a_rollback_restores_what_was_and_can_be_taken_back_itself(up: Service, tmp_path: Path) -> None:
    def post(**values: object) -> None:
        reply = httpx.post(f"{up.address}/customers/bulkCustomers", json={"customers": [values]}, timeout=60)
        assert reply.json()["rejectedCount"] == 0

    def now() -> bytes:
        return export(data_dir=tmp_path / "data")

    for n in range(0, 30, 10):
        post(email=f"a{n}@example.com", city="Rome", first_name="Bo")
    import_id = begin(up.address, people(800) + b"a900@example.com,Eve,Oslo\n")
    wait(up.address, import_id, "completed")
    post(email="a10@example.com", first_name="Later")
    imported = now()
    say(up.address, import_id, "rollback")
    back = wait(up.address, import_id, "rolled_back")
    assert (back["percent"], back["total"]) == (100, 801)
    lines = [json.loads(line) for line in now().splitlines()]
    assert len(lines) == 3
    assert {line["values"]["city"] for line in lines} == {"Rome"}
    assert {line["values"]["first_name"] for line in lines} == {"Bo", "Later"}
    assert say(up.address, import_id, "rollback")["rollback"] == back["rollback"], "it is taken back already"
    reply = httpx.post(f"{up.address}/v1/retract", json={"events": [back["rollback"]]}, timeout=60)
    assert reply.status_code == 202, reply.text
    until(lambda: look(up.address, import_id)["status"] == "completed", "its rows are back")
    counts(look(up.address, import_id), created=798, updated=3)
    assert now() == imported
    say(up.address, import_id, "rollback")
    wait(up.address, import_id, "rolled_back")
    assert len(now().splitlines()) == 3


def test_a_rollback_of_a_running_import_cancels_it_first(up: Service, tmp_path: Path) -> None:
    import_id = begin(up.address, people(60_000))
    until(lambda: look(up.address, import_id)["counts"]["created"] > 0, "it is applied")
    assert say(up.address, import_id, "rollback")["status"] == "rolling_back"
    done = wait(up.address, import_id, "rolled_back")
    assert done["counts"]["not_applied"] > 0
    assert export(data_dir=tmp_path / "data") == b""


def test_a_stream_tells_every_step_until_the_import_has_ended(up: Service) -> None:
    import_id = begin(up.address, people(6_000))
    seen = []
    with httpx.stream("GET", f"{up.address}/v1/imports/{import_id}/stream", timeout=60) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        seen += [json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: ")]
    assert [one["percent"] for one in seen] == sorted(one["percent"] for one in seen)
    assert len(seen) > 2
    assert seen[-1] == look(up.address, import_id)
    assert seen[-1]["status"] == "completed"


def test_several_imports_run_at_once(up: Service) -> None:
    ids = [begin(up.address, people(3_000, begin=3_000 * n), name=f"{n}.csv") for n in range(3)]
    until(lambda: all(look(up.address, one)["counts"]["created"] for one in ids), "all of them move")
    for one in ids:
        counts(wait(up.address, one, "completed"), created=3_000)
    first = httpx.get(f"{up.address}/v1/imports", params={"limit": 2}, timeout=60).json()
    rest = httpx.get(f"{up.address}/v1/imports", params={"limit": 2, "after": first["next"]}, timeout=60).json()
    assert [one["file"] for one in (*first["items"], *rest["items"])] == ["2.csv", "1.csv", "0.csv"]
    assert rest["next"] is None


def test_an_import_whose_file_is_gone_fails_and_says_what_was_applied(up: Service, tmp_path: Path) -> None:
    import_id = begin(up.address, people(60_000))
    until(lambda: look(up.address, import_id)["counts"]["created"] > 0, "it is applied")
    up.kill()
    (tmp_path / "data" / "imports" / import_id).unlink()
    up.start()
    done = wait(up.address, import_id, "failed")
    applied = done["counts"]["created"]
    counts(done, created=applied, not_applied=60_000 - applied)
    assert (
        done["detail"] == f"The file is gone, so the rest of it cannot be read. {applied:,} of its rows were applied."
    )


def test_an_import_of_a_process_that_was_killed_goes_on_with_the_next_on_the_same_disk(
    running: ExitStack, tmp_path: Path, kafka_url: str, mongo_url: str
) -> None:
    pipeline = Pipeline(kafka_url, mongo_url)
    pipeline.make_topics(4)
    settings: dict[str, Any] = {**pipeline.settings, "data_dir": tmp_path / "shared"}
    first = running.enter_context(serving("ingest", **settings))
    elsewhere = running.enter_context(serving("ingest", **{**settings, "data_dir": tmp_path / "other"}))
    running.enter_context(serving("processor", **settings))
    import_id = begin(first.address, people(12_000))
    until(lambda: look(elsewhere.address, import_id)["counts"]["created"] > 0, "it is applied")
    first.kill()
    running.enter_context(serving("ingest", **settings))
    counts(wait(elsewhere.address, import_id, "completed"), created=12_000)
    assert not (tmp_path / "other").exists(), "who has no file needs no folder"


def test_a_preview_tells_what_the_import_then_does_and_writes_nothing(doors: tuple[Service, str]) -> None:
    ingest, _ = doors
    wait(ingest.address, begin(ingest.address, people(50)), "completed")
    file = people(60) + b"a3@example.com,Eve,Rome\nnobody,Bo,Oslo\n"
    files: Any = {"file": ("people.csv", file)}
    reply = httpx.post(f"{ingest.address}/v1/imports/preview", files=files, timeout=60)
    assert reply.status_code == 200, reply.text
    seen = reply.json()
    assert seen["would"] == {"created": 10, "updated": 1, "unchanged": 50, "ignored": 0, "failed": 1}
    assert [one["how"] for one in seen["columns"]] == ["name", "name", "name"]
    assert (seen["rows"][0]["row"], seen["rows"][0]["values"]["email"]) == (2, ["a0@example.com"])
    assert [(one["code"], one["row"], one["failed"]) for one in seen["reasons"]] == [("invalid_email", 63, True)]
    assert len(httpx.get(f"{ingest.address}/v1/imports", timeout=60).json()["items"]) == 1
    done = wait(ingest.address, begin(ingest.address, file), "completed")
    assert {name: done["counts"][name] for name in seen["would"]} == seen["would"]


def test_a_preview_of_many_rows_is_polled(up: Service) -> None:
    files: Any = {"file": ("people.csv", people(10_500))}
    reply = httpx.post(f"{up.address}/v1/imports/preview", files=files, timeout=60)
    assert (reply.status_code, reply.json()["total"]) == (202, 10_500)
    address = up.address + reply.headers["location"]
    until(lambda: httpx.get(address, timeout=30).status_code != 202, "the preview is done", within=60)
    assert httpx.get(address, timeout=60).json()["would"]["created"] == 10_500
