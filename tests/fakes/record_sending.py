"""The ingest service with configurations for records, and how a test sends it one."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.ingest_service import Ingest, serving

URLENCODED = "application/x-www-form-urlencoded"
ANN = {"record[Email]": "ann@example.com", "record[First name]": "Ann"}
SOURCES: dict[str, Any] = {
    "leads": {
        "id": "Lead",
        "occurred_at": "When",
        "values": {
            "email": '"E-mail"',
            "first_name": '"First name"',
            "city": "Address.City",
            "labels": "[Tag, Group]",
        },
        "match_on": ["email"],
        "action": "update",
        "on_many": "first",
        "required": ["first_name", "last_name"],
    },
    "strict": {"unknown_fields": "reject"},
    "strict_mapped": {"values": {"email": "Email"}, "unknown_fields": "reject"},
    "needs": {"required": ["email", "first_name", "city"]},
    "deletes": {"empty": "delete"},
    "companies": {
        "values": {"email": "Email", "company": '"Account Name"'},
        "organization": {"account_id": "Company", "name": '"Account Name"'},
    },
    "joined": {"values": {"email": "join('', Mails)"}},
    "signed": {"signing_secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]},
}


@pytest.fixture
async def ingest(tmp_path: Path) -> AsyncIterator[Ingest]:
    async with serving(tmp_path, {"default_country": "US", "sources": SOURCES}) as service:
        yield service


async def send(ingest: Ingest, fields: Any = None, *, configuration: str | None = None, **options: Any) -> Any:
    """PUT a record, form-encoded."""
    query = {} if configuration is None else {"configuration": configuration}
    return await ingest.client.put("/records", params=query, data=fields, **options)


async def only_event(ingest: Ingest) -> dict[str, Any]:
    (event,) = await ingest.events()
    return event


def errors_of(reply: httpx.Response) -> dict[str, list[str]]:
    assert (reply.status_code, reply.headers["content-type"]) == (422, "application/problem+json"), reply.text
    body = reply.json()
    assert {(r["field"] or "record") for r in body["reasons"]} == set(body["errors"])
    errors: dict[str, list[str]] = body["errors"]
    return errors
