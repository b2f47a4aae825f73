"""A GraphQL client for tests: posts a query with its variables, as the usual client libraries do."""

from collections.abc import Mapping
from typing import Any

import httpx
import msgspec

from fakes.ingest_service import Ingest

PATH = "/data/v0/query"
IMPORT = "mutation Import($customers: [CustomerInput!]!) { updateCustomers(customers: $customers) }"


def customer(*pairs: tuple[str, object], **values: object) -> dict[str, Any]:
    """A customer as the mutation takes it: of key and value pairs, or by name."""
    return {"values": [{"key": key, "value": value} for key, value in (*pairs, *values.items())]}


async def post_query(
    ingest: Ingest, query: str, variables: Mapping[str, Any] | None = None, *, path: str = PATH, **headers: str
) -> httpx.Response:
    """Post a query; underscores of header names are dashes."""
    body: dict[str, object] = {"query": query}
    if variables is not None:
        body["variables"] = variables
    return await ingest.post(path, msgspec.json.encode(body), **headers)


async def import_customers(ingest: Ingest, *customers: dict[str, Any], **headers: str) -> httpx.Response:
    """Post a batch of customers."""
    return await post_query(ingest, IMPORT, {"customers": customers}, **headers)


def codes(reply: httpx.Response) -> list[str]:
    """The codes of a reply's errors."""
    return [error["extensions"]["code"] for error in reply.json()["errors"]]
