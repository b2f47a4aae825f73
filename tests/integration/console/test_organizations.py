"""Organisations over HTTP, against CONTRACT 5 to 7: fields, who differs about them, and members page by page."""

from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest

from contactfold.adapters.mongo_directory import MongoDirectory
from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.config import Limits
from contactfold.domain.directory import LINKS
from contactfold.domain.stamp import format_event_id, format_time, make_event_id
from contactfold.ports import Changes, Directory, LogRecord
from contactfold.web.access import KeyRing
from contactfold.web.application import make_app
from contactfold_console import differing
from contactfold_console.app import Deps, install
from contactfold_console.organization_models import Organization
from contactfold_processor.applying import Applier
from integration.console.people import DAY, SCHEMA, make_contact

PARTITIONS = [f"contactfold.events/{number}" for number in range(3)]


class Told:
    """A directory with an applier that takes what is said, and a console that tells it."""

    def __init__(self, directory: Directory, client: httpx.AsyncClient) -> None:
        self.directory, self.client = directory, client
        self._applier = Applier(directory, SCHEMA, Limits(), lambda: DAY, b"k" * 32)
        self._offsets = dict.fromkeys(PARTITIONS, 0)
        self._moments = count(DAY, 1_000_000)

    async def say(self, name: str, *, partition: int = 0, **event: Any) -> str:
        """Apply one event `source/id` of a partition, a second after the one before; its event id."""
        source, own_id = name.split("/")
        where = PARTITIONS[partition]
        value = msgspec.json.encode({"source": source, "id": own_id, **event})
        record = LogRecord(where, self._offsets[where], None, value, (), next(self._moments))
        self._offsets[where] += 1
        await self._applier.apply([record])
        while await self._applier.settle():
            pass
        return format_event_id(make_event_id(source, own_id))

    async def read(self, account_id: str, **query: Any) -> dict[str, Any]:
        """The reply about an account, which must be of the described shape."""
        reply = await self.client.get(f"/v1/organizations/{quote(account_id, safe='')}", params=query)
        assert reply.status_code == 200, reply.text
        body: dict[str, Any] = reply.json()
        assert Organization.model_validate(body, strict=True).model_dump() == body
        return body


@pytest.fixture(params=["sqlite", "mongo"])
async def told(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Told]:
    directory: SqliteDirectory | MongoDirectory
    if request.param == "sqlite":
        directory = SqliteDirectory(tmp_path / "directory.db")
    else:
        directory = MongoDirectory(request.getfixturevalue("mongo_url"))
    await directory.open()
    ring = KeyRing(directory, None, lambda: DAY)
    app = make_app(title="console", ring=ring, probes={}, version="0")
    install(app, Deps(directory, SCHEMA, ring))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield Told(directory, client)
    await directory.close()


def of(account_id: str, **fields: Any) -> dict[str, Any]:
    return {"account_id": account_id, **fields}


def person(name: str) -> dict[str, str]:
    return {"email": f"{name}@example.com"}


async def test_an_organisation_tells_its_fields_where_they_are_from_and_its_members(told: Told) -> None:
    ann = await told.say("crm/1", values=person("ann"), organization=of("A-1", name="Office Mart", tier="gold"))
    bob = await told.say("crm/2", partition=1, values=person("bob"), organization=of("A-1", tier="gold", staff=7))
    body = await told.read("A-1")
    assert body["fields"] == {"name": "Office Mart", "staff": 7, "tier": "gold"}
    assert body["provenance"]["tier"] == {
        "value": "gold",
        "event_id": bob,
        "source": "crm",
        "occurred_at": format_time(DAY + 1_000_000),
    }
    assert (body["members"], body["next"]) == (sorted([ann, bob]), None)
    assert (body["differing"], body["differing_complete"]) == ({}, True)


async def test_events_that_differ_about_an_organisation_are_told_with_who_said_what(told: Told) -> None:
    await told.say("crm/1", values=person("ann"), organization=of("A-1", name="Office Mart", vip=True))
    second = await told.say("shop/2", partition=1, values=person("bob"), organization=of("A-1", name="Office Mart Ltd"))
    await told.say("crm/3", partition=2, values=person("cy"), organization=of("A-1", name="Office-Mart"))
    fourth = await told.say("crm/4", values=person("cy"), organization=of("A-1", name="Office-Mart", vip=1))
    again = await told.say("erp/5", partition=1, values=person("ann"), organization=of("A-1", name="Office Mart"))
    body = await told.read("A-1")
    assert body["fields"] == {"name": "Office Mart", "vip": 1}
    assert body["provenance"]["name"]["event_id"] == again
    names = [(one["value"], one["event_id"], one["source"]) for one in body["differing"]["name"]]
    assert names == [("Office-Mart", fourth, "crm"), ("Office Mart Ltd", second, "shop")]
    assert [one["value"] for one in body["differing"]["vip"]] == [True]


async def test_a_late_event_that_does_not_win_differs(told: Told) -> None:
    await told.say("crm/1", values=person("ann"), organization=of("A-1", name="New"))
    early = "2026-11-20T00:00:00Z"
    late = await told.say("crm/2", values=person("bob"), organization=of("A-1", name="Old"), occurred_at=early)
    body = await told.read("A-1")
    assert body["fields"] == {"name": "New"}
    assert [(one["value"], one["event_id"]) for one in body["differing"]["name"]] == [("Old", late)]


async def test_a_deleted_field_is_told_by_those_who_gave_it(told: Told) -> None:
    await told.say("crm/1", values=person("ann"), organization=of("A-1", name="Office Mart", tier="gold"))
    await told.say("crm/2", values=person("bob"), organization=of("A-1", tier=""))
    body = await told.read("A-1")
    assert body["fields"] == {"name": "Office Mart"}
    assert [one["value"] for one in body["differing"]["tier"]] == ["gold"]


async def test_what_is_retracted_or_refused_is_not_told(told: Told) -> None:
    await told.say("crm/1", values=person("ann"), organization=of("A-1", name="One"))
    mistake = await told.say("crm/2", partition=1, values=person("bob"), organization=of("A-1", name="Two"))
    await told.say("crm/3", values={"email": "nobody"}, organization=of("A-1", name="Three"))
    body = await told.read("A-1")
    assert (body["fields"], [one["value"] for one in body["differing"]["name"]]) == ({"name": "Two"}, ["One"])
    directive = await told.say("desk/1", type="event.retract", events=[mistake])
    body = await told.read("A-1")
    assert (body["fields"], body["differing"], len(body["members"])) == ({"name": "One"}, {}, 1)
    await told.say("desk/2", type="event.retract", events=[directive])
    assert (await told.read("A-1"))["fields"] == {"name": "Two"}


async def test_what_an_erased_person_said_is_not_told(told: Told) -> None:
    await told.say("crm/1", values=person("ann"), organization=of("A-1", name="Ann's shop", tier="gold"))
    await told.say("crm/2", partition=1, values=person("bob"), organization=of("A-1", name="Office Mart"))
    assert "Ann's shop" in str(await told.read("A-1"))
    await told.say("desk/1", type="contact.erase", identifier="email:ann@example.com")
    body = await told.read("A-1")
    assert (body["fields"], body["differing"], len(body["members"])) == ({"name": "Office Mart"}, {}, 1)
    await told.say("desk/2", type="contact.erase", identifier="email:bob@example.com")
    assert (await told.client.get("/v1/organizations/A-1")).status_code == 404


async def test_an_ignored_event_counts_for_the_organisation_and_links_nobody(told: Told) -> None:
    await told.say("crm/1", values=person("ann"))
    await told.say("crm/2", action="ignore", values=person("ann"), organization=of("A-1", name="Office Mart"))
    body = await told.read("A-1")
    assert (body["fields"], body["members"]) == ({"name": "Office Mart"}, [])


@pytest.mark.parametrize(
    "account_id",
    [
        *(
            "A/1",
            "/A",
            "A/",
            "A//1",
            "a b",
            "ü",
            "名前",
            "🏢",
            "100%",
            "%2F",
            "A?b=1",
            "A#1",
            "A&b=c",
            "A+1",
            "'\"<>\\",
        ),
        *("$where", "a.b", "{}", "\t\u202e", "A-1/members", "x" * 512, "..a", "null", "0"),
    ],
)
async def test_any_account_id_finds_its_organisation(told: Told, account_id: str) -> None:
    stripped = account_id.strip()
    event = await told.say("crm/1", values=person("ann"), organization=of(account_id, name="Odd"))
    body = await told.read(account_id)
    assert (body["account_id"], body["fields"], body["members"]) == (stripped, {"name": "Odd"}, [event])


async def test_an_account_id_is_normalised_like_a_value(told: Told) -> None:
    await told.say("crm/1", values=person("ann"), organization=of("u\u0308 1"))
    for spelling in ("ü 1", "u\u0308 1", "  ü 1 "):
        assert (await told.read(spelling))["account_id"] == "ü 1"


@pytest.mark.parametrize("account_id", ["A-2", "a-1", "A", "A-1%00", "", "A-1%20x", "%FF"])
async def test_an_account_nobody_spoke_of_is_404(told: Told, account_id: str) -> None:
    await told.say("crm/1", values=person("ann"), organization=of("A-1"))
    reply = await told.client.get(f"/v1/organizations/{account_id}")
    assert (reply.status_code, reply.headers["content-type"]) == (404, "application/problem+json")


async def test_members_come_page_by_page_each_once(told: Told) -> None:
    people = [make_contact(make_event_id("crm", str(number)), number, {"city": "Bergen"}) for number in range(23)]
    for one in people:
        one.multi[LINKS] = {"A-1": (one.birth, 0, "A-1", "crm")}
    await told.directory.commit(Changes(contacts=people))
    await told.say("crm/x", values=person("ann"), organization=of("A-1"))
    everybody = sorted(format_event_id(make_event_id("crm", name)) for name in [*map(str, range(23)), "x"])
    for limit, pages in ((1, 24), (7, 4), (23, 2), (24, 1), (1000, 1)):
        found: list[str] = []
        after: dict[str, Any] = {}
        for _ in range(pages):
            body = await told.read("A-1", limit=limit, **after)
            found += body["members"]
            after = {"after": body["next"]}
        assert (sorted(found), after["after"]) == (everybody, None)


@pytest.mark.parametrize(
    ("query", "code"),
    [("after=x", "invalid_cursor"), ("limit=0", "invalid_field"), ("limit=1001", "invalid_field")],
)
async def test_a_wrong_page_is_422(told: Told, query: str, code: str) -> None:
    reply = await told.client.get(f"/v1/organizations/A-1?{query}")
    assert (reply.status_code, reply.json()["reasons"][0]["code"]) == (422, code)


async def test_what_differs_is_bounded_and_says_so(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(9):
        await told.say(
            f"crm/{number}", partition=number % 2, values=person("ann"), organization=of("A-1", name=f"N{number}")
        )
    values = [f"N{number}" for number in range(7, -1, -1)]

    async def seen() -> tuple[list[str], bool]:
        body = await told.read("A-1")
        return [one["value"] for one in body["differing"].get("name", [])], body["differing_complete"]

    assert await seen() == (values, True)
    monkeypatch.setattr(differing, "VALUES", 3)
    assert await seen() == (values[:3], False)
    monkeypatch.undo()
    monkeypatch.setattr(differing, "LOOKED_AT", 5)
    assert await seen() == (values[:5], False)
    monkeypatch.setattr(differing, "LOOKED_AT", 9)
    assert await seen() == (values, True)
    monkeypatch.setattr(differing, "_PAGE", 1)
    assert await seen() == (values, True)
    monkeypatch.setattr(differing, "MOST_BYTES", 1)
    assert await seen() == ([], False)
    monkeypatch.undo()
    monkeypatch.setattr(differing, "FIELDS", 0)
    assert await seen() == ([], False)
