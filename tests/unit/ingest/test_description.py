"""OpenAPI tells the hot doors too, and what it tells is true."""

from collections.abc import Iterator
from typing import Any

import msgspec

from fakes.ingest_service import Ingest

OWN_WORDS = {"/graphql", "/data/v0/query", "/oauth2/token", "/records", "/records/"}
"""Doors that tell errors as the clients of another system expect them (CONTRACT 4)."""


async def describe(ingest: Ingest) -> dict[str, Any]:
    reply = await ingest.client.get("/openapi.json")
    assert reply.status_code == 200
    described: dict[str, Any] = reply.json()
    return described


def references(tree: object) -> Iterator[str]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from references(value)


async def test_every_reference_leads_somewhere(ingest: Ingest) -> None:
    described = await describe(ingest)
    assert set(references(described))
    for reference in references(described):
        place: Any = described
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


async def test_the_doors_and_their_replies_are_described(ingest: Ingest) -> None:
    paths = (await describe(ingest))["paths"]
    events, hooks = paths["/v1/events"]["post"], paths["/hooks/{source}"]["post"]
    assert {"202", "207", "400", "401", "403", "413", "415", "422", "503"} <= set(events["responses"])
    assert {"202", "404", "422", "503"} <= set(hooks["responses"])
    assert {"200", "401", "403", "404", "422", "503"} <= set(paths["/v1/events/{event_id}"]["get"]["responses"])
    assert all(operation["security"] for operation in (events, hooks))


async def test_every_described_example_is_accepted(ingest: Ingest) -> None:
    content = (await describe(ingest))["paths"]["/v1/events"]["post"]["requestBody"]["content"]
    for media, described in content.items():
        examples = [one["value"] for one in described.get("examples", {}).values()] or [described["example"]]
        for example in examples:
            body = example.encode() if isinstance(example, str) else msgspec.json.encode(example)
            reply = await ingest.post("/v1/events", body, content_type=media)
            assert reply.status_code == 202, (media, reply.text)


async def test_no_other_errors_are_described_than_problems(ingest: Ingest) -> None:
    described = await describe(ingest)
    assert "HTTPValidationError" not in described["components"]["schemas"]
    for path, operations in described["paths"].items():
        for operation in operations.values():
            for status, reply in operation["responses"].items():
                if status >= "400" and path not in OWN_WORDS:
                    assert list(reply["content"]) == ["application/problem+json"]
