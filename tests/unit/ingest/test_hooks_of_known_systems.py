"""The configuration of examples/webhooks against its samples: what each system sends becomes the right events."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from standardwebhooks import Webhook

from fakes.ingest_service import SECRET, Ingest, serving

EXAMPLE = Path(__file__).parents[3] / "examples" / "webhooks"

EVENTS: dict[str, list[dict[str, Any]]] = {
    "shopify": [
        {
            "id": "706405506930370084@2026-11-20T10:15:30-05:00",
            "occurred_at": "2026-11-20T15:15:30.000000Z",
            "values": {
                "shopify_id": "706405506930370084",
                "first_name": "Jo",
                "last_name": "Smith",
                "email": ["jo@example.com"],
                "phone_number": ["+16135550142"],
                "city": "Ottawa",
                "country": "CA",
                "company": "Office Mart",
                "labels": ["shop"],
                "customer_since": "2026-10-01T13:30:00.000000Z",
            },
        }
    ],
    "stripe": [
        {
            "id": "evt_1PgafmB7WZ01zgkWFd5RGVbC",
            "occurred_at": "2025-11-21T20:21:22.000000Z",
            "values": {
                "stripe_id": "cus_NffrFeUfNV2Hib",
                "first_name": "Jenny Rosen",
                "email": ["jenny.rosen@example.com"],
                "phone_number": ["+14155550123"],
                "city": "San Francisco",
                "country": "US",
                "customer_since": "2025-11-21T20:21:21.000000Z",
            },
        }
    ],
    "hubspot": [
        {
            "id": "3816279340",
            "occurred_at": "2025-11-21T20:21:22.123000Z",
            "values": {"hubspot_id": "1246965"},
        },
        {
            "id": "3816279480",
            "occurred_at": "2025-11-21T20:21:30.456000Z",
            "values": {"hubspot_id": "1246965", "email": ["sample.user@example.com"]},
        },
    ],
    "typeform": [
        {
            "id": "LtWXD3crgy",
            "occurred_at": "2026-01-18T18:17:02.000000Z",
            "values": {
                "user_id": "abc123456",
                "first_name": "Laura",
                "email": ["laura@example.com"],
                "phone_number": ["+34644120310"],
                "labels": ["London", "Sydney"],
            },
        }
    ],
    "calendly": [
        {
            "id": "https://api.calendly.com/scheduled_events/GBGBDCAADAEDCRZ2/invitees/AAAAAAAAAAAAAAAA",
            "occurred_at": "2026-11-20T17:51:18.327602Z",
            "values": {"email": ["john.doe@example.com"], "first_name": "John Doe"},
        }
    ],
    "woocommerce": [
        {
            "id": "25@2026-11-20T16:16:56",
            "occurred_at": "2026-11-20T16:16:56.000000Z",
            "values": {
                "woocommerce_id": "25",
                "first_name": "John",
                "last_name": "Doe",
                "email": ["john.doe@example.com", "john@work.example"],
                "phone_number": ["+14155550100"],
                "city": "San Francisco",
                "country": "US",
            },
        }
    ],
    "clerk": [
        {
            "id": "msg_1",
            "occurred_at": "2025-11-21T20:21:22.000000Z",
            "values": {
                "user_id": "567772",
                "clerk_id": "user_29w83sxmDNGwOuEthce5gg56FcC",
                "first_name": "Example",
                "last_name": "Example",
                "email": ["example@example.org"],
            },
        }
    ],
    "sendgrid": [
        {
            "id": "ZyN2oTQaAHvXXvPU4gTOgw",
            "occurred_at": "2025-11-21T20:21:22.000000Z",
            "action": "update",
            "values": {"email": ["one@example.com"]},
        },
        {
            "id": "FOTFFO0ecsBE-zxFXfs6WA",
            "occurred_at": "2025-11-21T20:21:23.000000Z",
            "action": "update",
            "values": {"email": ["two@example.com"]},
        },
    ],
    "github": [
        {
            "id": "issue/444500041/opened",
            "occurred_at": "2026-05-15T15:20:18.000000Z",
            "values": {"github_id": "21031067", "first_name": "Codertocat"},
            "organization": {"account_id": "Octocoders", "url": "https://api.github.com/orgs/Octocoders"},
        }
    ],
    "crm": [
        {
            "id": "K-1/7",
            "occurred_at": "2026-07-01T08:00:00.000000Z",
            "action": "replace",
            "match_on": ["user_id"],
            "values": {
                "user_id": "100017",
                "first_name": "Änne",
                "last_name": "Müller",
                "email": ["aenne@example.de"],
                "phone_number": ["+4930901820", "+4915123456789"],
                "labels": ["crm", "germany"],
                "date_of_birth": "1979-04-02",
            },
            "organization": {"account_id": "F-9", "name": "Büro Müller", "country": "DE"},
        },
        {
            "id": "K-2/1",
            "occurred_at": "2026-01-15T09:00:00.000000Z",
            "action": "replace",
            "match_on": ["user_id"],
            "values": {"user_id": "100018", "first_name": "Bo", "last_name": "Öz", "labels": ["crm", "germany"]},
        },
    ],
}


@pytest.fixture
async def webhooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ingest]:
    monkeypatch.setenv("CLERK_SECRET", SECRET)
    async with serving(tmp_path, yaml.safe_load((EXAMPLE / "contactfold.yaml").read_text())) as service:
        yield service


def sign(service: Ingest, body: bytes) -> dict[str, str]:
    """Headers as Clerk sends them."""
    seconds = service.clock() // 1_000_000
    signature = Webhook(SECRET).sign("msg_1", datetime.fromtimestamp(seconds, UTC), body.decode())
    return {"svix-id": "msg_1", "svix-timestamp": str(seconds), "svix-signature": signature}


@pytest.mark.parametrize("system", EVENTS)
async def test_what_a_system_sends_becomes_the_events_it_means(webhooks: Ingest, system: str) -> None:
    body = (EXAMPLE / f"{system}.json").read_bytes()
    headers = sign(webhooks, body) if system == "clerk" else {}
    reply = await webhooks.post(f"/hooks/{system}", body, **headers)
    assert reply.status_code == 202, reply.text
    common = {"source": system, "type": "contact.upsert"}
    told = [
        {name: said for name, said in event.items() if name not in {"received_at", "sent"}}
        for event in await webhooks.events()
    ]
    assert told == [{**common, **event} for event in EVENTS[system]]


def test_every_source_has_a_sample_and_every_sample_a_source() -> None:
    sources = set(yaml.safe_load((EXAMPLE / "contactfold.yaml").read_text())["sources"])
    assert sources == {file.stem for file in EXAMPLE.glob("*.json")} == set(EVENTS)
