"""`customerSchema` and introspection: what this door's clients can know about it (CONTRACT 5)."""

from typing import Any

import pytest
from graphql import build_client_schema, get_introspection_query, parse, print_schema, validate

from contactfold.domain.schema import TYPES, default_schema
from contactfold_ingest.graphql.attributes import AttributeType
from fakes.graphql_client import IMPORT, codes, post_query
from fakes.ingest_service import Ingest

PAGE = """query Page($first: Int, $after: String) {
    customerSchema {
        attributes(first: $first, after: $after) {
            totalCount
            nodes { key }
            edges { cursor node { key } }
            pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
    }
}"""
KEYS = [attribute.key for attribute in default_schema().attributes]


async def read_page(ingest: Ingest, **variables: object) -> dict[str, Any]:
    reply = await post_query(ingest, PAGE, variables)
    page: dict[str, Any] = reply.json()["data"]["customerSchema"]["attributes"]
    assert [edge["node"] for edge in page["edges"]] == page["nodes"]
    return page


def keys(page: dict[str, Any]) -> list[str]:
    return [node["key"] for node in page["nodes"]]


async def test_the_first_three_attributes_of_the_default_schema(ingest: Ingest) -> None:
    query = """{ customerSchema { attributes(first: 3) {
        nodes { key name containsPii type isKey } pageInfo { hasNextPage endCursor }
    } } }"""
    reply = await post_query(ingest, query)
    page = reply.json()["data"]["customerSchema"]["attributes"]
    assert page["nodes"] == [
        {
            "key": "external_customer_id",
            "name": "External Customer ID",
            "containsPii": True,
            "type": "STRING",
            "isKey": True,
        },
        {"key": "first_name", "name": "First name", "containsPii": True, "type": "STRING", "isKey": False},
        {"key": "last_name", "name": "Last name", "containsPii": True, "type": "STRING", "isKey": False},
    ]
    assert page["pageInfo"]["hasNextPage"] is True
    assert isinstance(page["pageInfo"]["endCursor"], str)


@pytest.mark.parametrize("size", [1, 3, 21, 22, 23])
async def test_pages_in_a_row_are_all_attributes_once(ingest: Ingest, size: int) -> None:
    found: list[str] = []
    after = None
    while True:
        page = await read_page(ingest, first=size, after=after)
        assert page["totalCount"] == len(KEYS)
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        assert page["pageInfo"]["startCursor"] == page["edges"][0]["cursor"]
        found += keys(page)
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == KEYS


@pytest.mark.parametrize("variables", [{}, {"first": None}, {"first": None, "after": None}, {"first": 1_000}])
async def test_without_a_size_a_page_holds_all(ingest: Ingest, variables: dict[str, object]) -> None:
    page = await read_page(ingest, **variables)
    assert keys(page) == KEYS
    assert page["pageInfo"]["hasNextPage"] is False


async def test_a_page_of_none_has_no_cursors_and_tells_that_more_follows(ingest: Ingest) -> None:
    page = await read_page(ingest, first=0)
    assert page["pageInfo"] == {
        "hasNextPage": True,
        "hasPreviousPage": False,
        "startCursor": None,
        "endCursor": None,
    }


@pytest.mark.parametrize("after", ["", "x", "email", "ÄÖ", "YXR0cmlidXRlOnNob2U=", "ZW1haWw=", "\0", "=" * 5_000])
async def test_a_cursor_that_no_page_gave_is_an_error(ingest: Ingest, after: str) -> None:
    reply = await post_query(ingest, PAGE, {"after": after})
    assert reply.json()["data"] is None
    assert codes(reply) == ["invalid_cursor"]
    assert reply.json()["errors"][0]["path"] == ["customerSchema", "attributes"]


@pytest.mark.parametrize(("first", "code"), [(-1, "invalid_field"), (1.5, "invalid_query"), ("3", "invalid_query")])
async def test_a_size_that_is_no_count_is_an_error(ingest: Ingest, first: object, code: str) -> None:
    assert codes(await post_query(ingest, PAGE, {"first": first})) == [code]


async def test_every_type_of_the_contact_schema_has_its_name_here() -> None:
    assert [(one.name, one.value) for one in AttributeType] == [(name.upper(), name) for name in TYPES]


async def test_tools_can_know_the_whole_schema(ingest: Ingest) -> None:
    query = get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
    )
    reply = await post_query(ingest, query)
    schema = build_client_schema(reply.json()["data"])
    assert "updateCustomers(customers: [CustomerInput!]!): String!" in print_schema(schema)
    for known in (IMPORT, PAGE):
        assert validate(schema, parse(known)) == []


@pytest.mark.parametrize("description", ["AttributeType", "CustomerInput", "CustomerValueInput", "CustomerValue"])
async def test_types_are_described(ingest: Ingest, description: str) -> None:
    reply = await post_query(ingest, f'{{ __type(name: "{description}") {{ description }} }}')
    assert reply.json()["data"]["__type"]["description"]
