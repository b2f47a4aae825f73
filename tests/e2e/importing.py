"""Imports as people have them over HTTP."""

import json
from collections.abc import Iterable
from typing import Any

import httpx

from e2e.processes import until

ENDED = {"completed", "failed", "cancelled", "rolled_back"}


def people(count: int, *, begin: int = 0, city: str = "Oslo") -> bytes:
    """A file of as many people."""
    rows = (f"a{n}@example.com,Ann {n},{city}" for n in range(begin, begin + count))
    return "\n".join(("E-Mail,First Name,City", *rows, "")).encode()


def upload(address: str, content: bytes, *, name: str = "people.csv", status: int = 201, **options: object) -> Any:
    """What the door replies to a file with these options."""
    files: Any = {"file": (name, content), "options": (None, json.dumps(options), "application/json")}
    reply = httpx.post(f"{address}/v1/imports", files=files, timeout=60)
    assert reply.status_code == status, reply.text
    return reply.json()


def begin(address: str, content: bytes, **given: Any) -> str:
    """The id of an import of this file."""
    return str(upload(address, content, **given)["id"])


def look(address: str, import_id: str) -> Any:
    """The import as it is."""
    reply = httpx.get(f"{address}/v1/imports/{import_id}", timeout=30)
    assert reply.status_code == 200, reply.text
    told = reply.json()
    if told["total"] is not None:
        assert sum(told["counts"].values()) == told["total"], told
    return told


def wait(address: str, import_id: str, status: str, *, within: float = 90) -> Any:
    """The import once it has this status."""
    seen: list[Any] = []

    def has_it() -> bool:
        seen.append(look(address, import_id))
        assert seen[-1]["status"] == status or status == "in_progress" or seen[-1]["status"] not in ENDED, seen[-1]
        return bool(seen[-1]["status"] == status)

    until(has_it, f"the import is {status}", within=within, every=0.1)
    return seen[-1]


def say(address: str, import_id: str, what: str) -> Any:
    """Cancel an import, or take it back; what the door replies."""
    reply = httpx.post(f"{address}/v1/imports/{import_id}/{what}", timeout=30)
    assert reply.status_code == 202, reply.text
    return reply.json()


def counts(told: Any, **expected: int) -> None:
    """Fail unless these are the counts, and all others are 0."""
    names: Iterable[str] = ("created", "updated", "unchanged", "ignored", "failed", "not_applied")
    assert told["counts"] == {name: expected.get(name, 0) for name in names}
