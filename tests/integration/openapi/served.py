"""What the server that is tried out is given: its key, its sources, and a few people to be asked about."""

from typing import Any

KEY = "0123456789abcdef0123456789abcdef"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

CONFIG: dict[str, Any] = {
    "sources": {
        "shop": {"events": "orders[]", "id": "order_no", "values": {"email": "buyer.mail"}},
        "signed": {"signing_secrets": [SECRET]},
        "site": {"allowed_origins": ["https://shop.example"], "rate_limit": 1_000_000},
    },
}

SEED: list[dict[str, Any]] = [
    {"source": "crm", "id": "1", "values": {"external_customer_id": "C-1", "email": "ann@example.com", "web": "v-1"}},
    {"source": "crm", "id": "2", "values": {"email": "bob@example.com"}, "organization": {"account_id": "A-1"}},
    {"source": "crm", "id": "3", "values": {"email": ["ann@example.com", "eve@example.com"], "first_name": "Ann"}},
]
