"""The destination for dlt as a pipeline has it: real loads into a running `contactfold up`, and nowhere else."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from e2e.docs.pages import ROOT
from e2e.processes import Service, export, serving

EXAMPLE = ROOT / "examples" / "dlt"

# What a pipeline's process runs before its own lines: nobody is called but this machine.
PROLOGUE = """
import ipaddress, json, sys
def at_home(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        if not ipaddress.ip_address(arguments[1][0]).is_loopback:
            raise AssertionError("it called somebody else")
    if event == "socket.getaddrinfo" and arguments[0] not in ("127.0.0.1", "localhost", None):
        raise AssertionError("it asked for somebody else's address")
sys.addaudithook(at_home)
import dlt
import contactfold_destination as ours
from dlt.pipeline.exceptions import PipelineStepFailed
URL = sys.argv[1]
def load(rows, *, name="crm", hints=None, **options):
    pipeline = dlt.pipeline(name, destination=ours.contactfold(api_url=URL, **options), progress=None)
    info = pipeline.run(dlt.resource(rows, name="people", **(hints or {})))
    return ours.summarise(pipeline, info.loads_ids, URL)
def tell(summary):
    print(json.dumps({"imports": summary.imports, "counts": summary.counts, "text": str(summary)}))
"""


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Service]:
    with serving("up", data_dir=tmp_path / "data") as service:
        yield service


def run(lines: str, up: Service, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run a pipeline in a process of its own."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(EXAMPLE),
        "DLT_DATA_DIR": str(tmp_path / "dlt"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "CRITICAL",
    }
    command = [sys.executable, "-c", PROLOGUE + lines, up.address]
    return subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100, check=False
    )


def told(lines: str, up: Service, tmp_path: Path) -> dict[str, object]:
    """What the last summary of a pipeline says."""
    ended = run(lines, up, tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found: dict[str, object] = json.loads(ended.stdout.splitlines()[-1])
    return found


def counts(summary: dict[str, object]) -> dict[str, int]:
    found = summary["counts"]
    assert isinstance(found, dict)
    return {name: count for name, count in found.items() if count}


def imports(up: Service) -> list[str]:
    return [one["id"] for one in httpx.get(f"{up.address}/v1/imports", timeout=60).json()["items"]]


def people(tmp_path: Path) -> list[dict[str, object]]:
    """The directory, but for which event said it last."""
    lines = map(json.loads, export(data_dir=tmp_path / "data").splitlines())
    return [{name: line[name] for name in ("id", "identifiers", "values", "created_at")} for line in lines]


PEOPLE = """
from decimal import Decimal
from datetime import date
rows = [
    {"email": f"a{n}@example.com", "first_name": f"Ann {n}", "labels": ["vip", f"l{n}"], "address": {"city": "Oslo"},
     "date_of_birth": date(1990, 5, 17), "spent": Decimal("12.50"), "title": ""}
    for n in range(2500)
] + [{"email": "nobody"}, {"first_name": "Nobody"}]
options = {"mapping": {"address__city": "city"}}
"""


def test_a_load_is_in_the_directory_bad_rows_are_told_and_a_second_run_doubles_nothing(
    up: Service, tmp_path: Path
) -> None:
    summary = told(PEOPLE + "tell(load(rows, **options))", up, tmp_path)
    assert counts(summary) == {"created": 2_500, "failed": 2}
    assert len(imports(up)) == 2, "a batch is an import"
    contact = httpx.get(f"{up.address}/v1/contacts", params={"identifier": "email:a7@example.com"}, timeout=60).json()
    assert contact["values"] == {
        "email": ["a7@example.com"],
        "first_name": "Ann 7",
        "city": "Oslo",
        "labels": ["vip", "l7"],
        "date_of_birth": "1990-05-17",
    }
    text = str(summary["text"])
    assert text.startswith("2,500 created, 0 updated, 0 unchanged, 2 failed\n")
    assert text.count("1 failed: ") == 2
    assert "nobody" not in text.lower().replace("names nobody", "")
    before = people(tmp_path)
    again = told(PEOPLE + "tell(load(rows, **options))", up, tmp_path)
    assert counts(again) == {"unchanged": 2_500, "failed": 2}
    assert people(tmp_path) == before


def test_a_batch_that_is_sent_again_is_the_same_import(up: Service, tmp_path: Path) -> None:
    """The first reply never arrives: dlt loads the batch again, as it must. It is more than a request has room for."""
    lines = """
for row in rows[:2000]:
    row["company"] = "Mart " * 120
real, sent = ours.Api.send, []
def send(self, body, key):
    sent.append(key)
    import_id = real(self, body, key)
    if len(sent) == 1:
        raise ours.DestinationTransientException("The connection broke before the reply was read.")
    return import_id
ours.Api.send = send
summary = load(rows, **options)
assert len(sent) == 4 and len(set(sent)) == 3, sent
tell(summary)
"""
    summary = told(PEOPLE + lines, up, tmp_path)
    assert counts(summary) == {"created": 2_500, "failed": 2}
    assert sorted(imports(up)) == sorted(summary["imports"])  # type: ignore[call-overload]


def test_the_primary_key_is_what_finds_people(up: Service, tmp_path: Path) -> None:
    lines = """
hints = {"primary_key": "number", "write_disposition": "merge"}
options = {"mapping": {"number": "external_customer_id"}, "source": "crm"}
load([{"number": 7, "email": "ann@example.com", "city": "Oslo"}], hints=hints, **options)
tell(load([{"number": 7, "email": "ann@example.org", "city": "Rome", "_dlt_note": "x"}], hints=hints, **options))
"""
    assert counts(told(lines, up, tmp_path)) == {"updated": 1}
    contact = httpx.get(f"{up.address}/v1/contacts", params={"identifier": "external_customer_id:7"}, timeout=60).json()
    assert contact["values"]["email"] == ["ann@example.com", "ann@example.org"]
    assert contact["values"]["city"] == "Rome"
    (first, _) = httpx.get(f"{up.address}/v1/contacts/{contact['id']}/evidence", timeout=60).json()["items"]
    assert first["source"] == "crm"


REFUSED = {
    "load([{'email': 'a@b.co'}], name='a', hints={'write_disposition': 'replace'})": "use `append` or `merge`",
    "load([{'city': 'Oslo'}], name='b')": "No contact has a field that says who it is",
    "load([{'email': 'a@b.co'}], name='c', mapping={'email': 'emial'})": "did you mean email?",
    "load([{'email': 'a@b.co', 'id': 1}], name='d', hints={'primary_key': 'id'})": "match_on",
}


def test_what_cannot_be_loaded_fails_the_load_with_a_sentence(up: Service, tmp_path: Path) -> None:
    lines = f"""
for call in {list(REFUSED)}:
    try:
        eval(call)
        print(json.dumps("It was loaded."))
    except PipelineStepFailed as failed:
        print(json.dumps(str(failed)))
"""
    ended = run(lines, up, tmp_path)
    assert ended.returncode == 0, ended.stderr
    said = [json.loads(line) for line in ended.stdout.splitlines()]
    for says, found in zip(REFUSED.values(), said, strict=True):
        assert says in found
    assert imports(up) == []
