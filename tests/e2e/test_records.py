"""Records as people send them: curl, httpx, requests, a form of a page; embedded, and on Kafka and MongoDB."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import httpx
import pytest
import requests

from servers.commands import Installation, Server, eventually

KEY = "0123456789abcdef0123456789abcdef"
CONFIG = """
sources:
  leads:
    id: Lead
    values: {email: '"E-mail"', first_name: '"First name"', city: Address.City, labels: Tags}
    required: [first_name]
"""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path, CONTACTFOLD_ADMIN_KEY=KEY)
    (installation.home / "contactfold.yaml").write_text(CONFIG)
    yield installation
    installation.end()


@pytest.fixture(params=["embedded", "servers"])
def doors(here: Installation, request: pytest.FixtureRequest) -> tuple[Server, Server]:
    """Where records are sent, and where contacts are read."""
    if request.param == "embedded":
        up = here.start("up").wait_until_ready()
        return up, up
    kafka, mongo = request.getfixturevalue("kafka_url"), request.getfixturevalue("mongo_url")
    here.environment |= {"CONTACTFOLD_LOG": kafka, "CONTACTFOLD_DIRECTORY": mongo}
    ingest = here.start("ingest").wait_until_ready()
    here.start("processor").wait_until_ready()
    return ingest, here.start("console").wait_until_ready()


Send = Callable[[str, dict[str, str]], tuple[int, str]]
"""Sends fields to the door of an address; the status and the text of the answer."""


def with_curl(address: str, fields: dict[str, str]) -> tuple[int, str]:
    """As the documentation of many a system says: the fields in the body, each encoded by curl."""
    encoded = [option for name, value in fields.items() for option in ("--data-urlencode", f"{name}={value}")]
    command = ["curl", "-s", "-w", "\n%{http_code}", "-X", "PUT", f"{address}/records/", "-u", f"client:{KEY}"]
    printed = subprocess.run([*command, *encoded], capture_output=True, text=True, check=True).stdout
    body, _, status = printed.rpartition("\n")
    return int(status), body


def with_curl_in_the_query(address: str, fields: dict[str, str]) -> tuple[int, str]:
    """Everything in the address, brackets and all (`-g`), by hand."""
    written = "&".join(f"{name}={value}" for name, value in fields.items()).replace(" ", "+").replace("ü", "%C3%BC")
    command = ["curl", "-gs", "-w", "\n%{http_code}", "-X", "PUT", f"{address}/records?{written}"]
    printed = subprocess.run([*command, "-H", f"X-API-Key: {KEY}"], capture_output=True, text=True, check=True).stdout
    body, _, status = printed.rpartition("\n")
    return int(status), body


def with_httpx(address: str, fields: dict[str, str]) -> tuple[int, str]:
    reply = httpx.put(f"{address}/records", data=fields, headers={"Authorization": f"Bearer {KEY}"}, timeout=60)
    return reply.status_code, reply.text


def with_requests_in_parts(address: str, fields: dict[str, str]) -> tuple[int, str]:
    files: Any = {name: (None, value) for name, value in fields.items()}
    reply = requests.post(f"{address}/records/", files=files, headers={"X-API-Token": KEY}, timeout=30)
    return reply.status_code, reply.text


def with_a_page(address: str, fields: dict[str, str]) -> tuple[int, str]:
    """As a browser sends a form: the configuration in the form's address, spaces as `+`."""
    action = f"{address}/records?{urlencode({'configuration': fields['configuration']})}"
    rest = {name: value for name, value in fields.items() if name != "configuration"}
    request = Request(action, urlencode(rest).encode(), {"X-API-Key": KEY})
    with urlopen(request, timeout=30) as reply:
        return reply.status, reply.read().decode()


CLIENTS: tuple[Send, ...] = (with_curl, with_curl_in_the_query, with_httpx, with_requests_in_parts, with_a_page)


def test_a_record_becomes_a_contact_whoever_sends_it(doors: tuple[Server, Server]) -> None:
    door, reading = doors
    headers = [("X-API-Key", KEY)]

    def read(path: str) -> tuple[int, Any]:
        return reading.ask(path, headers=headers)

    for place, send in enumerate(CLIENTS):
        fields = {
            "configuration": "contact",
            "record[Email]": f"ann{place}@example.com",
            "record[First name]": "Ann Lü",
            "record[Account Name]": "Office Mart",
            "record[Labels][]": "new",
        }
        assert send(door.address, fields) == (200, ""), send.__name__
    for place, send in enumerate(CLIENTS):
        path = f"/v1/contacts?identifier=email:ann{place}@example.com"
        eventually(lambda path=path: read(path)[0] == 200)  # type: ignore[misc]
        values = read(path)[1]["values"]
        assert (values["first_name"], values["labels"]) == ("Ann Lü", ["new"]), send.__name__
    status, organization = read("/v1/organizations/Office%20Mart")
    assert (status, organization["fields"], len(organization["members"])) == (
        200,
        {"name": "Office Mart"},
        len(CLIENTS),
    )


def test_a_source_maps_a_record_and_names_what_it_does_not_take(here: Installation) -> None:
    up = here.start("up").wait_until_ready()
    lead = {"configuration": "leads", "record[Lead]": "17", "record[E-mail]": "ann@example.com"}
    status, text = with_httpx(up.address, {**lead, "record[Shoe size]": "44"})
    assert status == 422
    assert '"errors":{"First name":["Missing required field: first_name."]}' in text
    assert '"ignored_fields":["Shoe size"]' in text
    whole = {**lead, "record[First name]": "Ann", "record[Address][City]": "Ulm", "record[Address][Zip]": "89073"}
    for send in (with_httpx, with_curl, with_requests_in_parts):
        assert send(up.address, whole) == (200, '{"ignored_fields":["Address[Zip]"]}')
    headers = [("X-API-Key", KEY)]
    path = "/v1/contacts?identifier=email:ann@example.com"
    eventually(lambda: up.ask(path, headers=headers)[0] == 200)
    contact = up.ask(path, headers=headers)[1]
    assert contact["values"] == {"email": ["ann@example.com"], "first_name": "Ann", "city": "Ulm"}
    assert len(up.ask(f"/v1/contacts/{contact['id']}/evidence", headers=headers)[1]["items"]) == 1


def test_a_client_with_an_access_token_sends_records(here: Installation) -> None:
    up = here.start("up").wait_until_ready()
    asked = {"grant_type": "client_credentials", "client_id": "admin", "client_secret": KEY}
    token = httpx.post(f"{up.address}/oauth2/token", data=asked, timeout=60).json()["access_token"]
    fields = {"configuration": "contact", "record[Email]": "ann@example.com"}
    for bearer, status in ((token, 200), (token[:-1] + "x", 401)):
        reply = httpx.put(
            f"{up.address}/records/", data=fields, headers={"Authorization": f"Bearer {bearer}"}, timeout=60
        )
        assert reply.status_code == status
