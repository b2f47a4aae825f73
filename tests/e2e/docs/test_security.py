"""What SECURITY.md promises: every test it names exists, and what no other suite holds is held here."""

import ast
import base64
import hmac
import re
import signal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from contactfold.ports import ApiKey
from contactfold.web.access import KeyRing
from contactfold_ingest.hooks.signatures import Signatures
from e2e.docs.pages import ROOT, read_tables
from fakes.memory_directory import MemoryDirectory
from servers.commands import Installation

PAGE = ROOT / "SECURITY.md"
NAMED = [name for row in read_tables(PAGE) for name in re.findall(r"`(tests/[^`]+::test_\w+)`", row[2])]

PERSONAL = ("quentin", "zabriskie", "14155550177", "tbr-4711")


def test_every_threat_has_a_test() -> None:
    rows = read_tables(PAGE)
    assert len(rows) >= 20
    assert all("::test_" in row[2] for row in rows)


@pytest.mark.parametrize("name", NAMED)
def test_every_test_that_is_named_exists(name: str) -> None:
    file, _, function = name.partition("::")
    tree = ast.parse((ROOT / file).read_text())
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert function in defined


async def test_keys_and_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[Any, Any]] = []
    compare = hmac.compare_digest

    def watch(one: Any, other: Any) -> bool:
        compared.append((one, other))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watch)
    digest = sha256(b"the key").digest()
    directory = MemoryDirectory()
    await directory.add_key(ApiKey("1", digest, frozenset({"ingest"}), "", 0))
    scope = {"type": "http", "headers": [(b"x-api-key", b"the key")]}
    assert (await KeyRing(directory, None, lambda: 1).authorize(scope)).key_id == "1"
    assert compared == [(digest, digest)]
    compared.clear()
    secret = base64.b64encode(b"0123456789abcdef").decode()
    own = hmac.new(b"0123456789abcdef", b"a.1.{}", sha256).digest()
    headers = {b"webhook-id": b"a", b"webhook-timestamp": b"1", b"webhook-signature": b"v1," + base64.b64encode(own)}
    Signatures([secret]).check(headers, b"{}", 1_000_000)
    assert compared == [(own, own)]


def test_no_log_line_holds_a_personal_value(tmp_path: Path) -> None:
    """Whatever is done with it: a new contact, a merge, a late event, a refusal, a search, a body that is no JSON."""
    here = Installation(tmp_path)
    try:
        up = here.start("up").wait_until_ready()
        who = {"first_name": "Quentin", "email": "zabriskie@example.com"}
        up.send({"values": who, "occurred_at": "2025-03-02T00:00:00Z"})
        up.send({"values": {"phone_number": "+14155550177", "external_customer_id": "TBR-4711"}})
        up.send({"values": {**who, "phone_number": "+14155550177"}})
        up.send({"values": {**who, "city": ""}, "occurred_at": "2025-03-01T00:00:00Z"})
        assert up.ask("/v1/events", {"values": {"email": "zabriskie at home"}})[0] == 422
        assert up.ask("/v1/contacts?identifier=email:zabriskie@example.com")[0] == 200
        assert up.ask("/v1/contacts?q=quentin")[0] == 200
        assert up.end(signal.SIGTERM) == 0
        logged = up.errors.read_text().lower()
    finally:
        here.end()
    assert '"event":"batch"' in logged
    assert [one for one in PERSONAL if one in logged] == []
