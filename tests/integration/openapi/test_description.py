"""The description is complete: every operation is named, and has a true example of all that it takes and answers."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema_rs

from e2e.docs.codes import find_codes

Described = dict[str, Any]
SLIGHT = {"101", "204", "301", "302", "304", "307", "308"}
"""Statuses of replies without a body to show."""


def operations(described: Described) -> Iterator[tuple[str, Described]]:
    """Every operation with a name to fail under."""
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def contents(described: Described) -> Iterator[tuple[str, Described]]:
    """Every body that an operation takes or answers with, each with a name to fail under."""
    for name, operation in operations(described):
        for media, content in operation.get("requestBody", {}).get("content", {}).items():
            yield f"{name} takes {media}", content
        for status, reply in operation["responses"].items():
            for media, content in reply.get("content", {}).items():
                yield f"{name} answers {status} {media}", content


def examples_of(described: Described, content: Described) -> list[Any]:
    """The examples of a body, its own or those of the shape it refers to."""
    if "examples" in content:
        return [one["value"] for one in content["examples"].values()]
    if "example" in content:
        return [content["example"]]
    reference = content.get("schema", {}).get("$ref", "")
    shape = described["components"]["schemas"].get(reference.removeprefix("#/components/schemas/"), {})
    return list(shape.get("examples", []))


async def test_the_description_is_valid_openapi(described: Described) -> None:
    assert described["openapi"].startswith("3.1")
    for shape in described["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **shape})


async def test_the_description_is_the_same_bytes_whenever_it_is_asked_for(client: httpx.AsyncClient) -> None:
    assert (await client.get("/openapi.json")).content == (await client.get("/openapi.json")).content


async def test_every_operation_has_a_name_of_its_own_a_group_and_a_summary(described: Described) -> None:
    found = dict(operations(described))
    names = [operation["operationId"] for operation in found.values()]
    assert len(set(names)) == len(names) > 15
    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z0-9]+)+|[a-z]+", name)] == []
    groups = {group["name"] for group in described["tags"] if group["description"]}
    for name, operation in found.items():
        assert operation["summary"], name
        assert not operation["summary"].endswith("."), name
        assert set(operation["tags"]) <= groups, name
        assert len(operation["tags"]) == 1, name


async def test_every_operation_tells_who_may_use_it(described: Described) -> None:
    known = set(described["components"]["securitySchemes"])
    for name, operation in operations(described):
        needed = [scheme for way in operation["security"] for scheme in way]
        assert set(needed) <= known, name
        if {"401", "403"} <= set(operation["responses"]):
            assert needed, name


async def test_every_parameter_is_explained(described: Described) -> None:
    for name, operation in operations(described):
        placed = re.findall(r"\{(\w+)\}", name)
        parameters = operation.get("parameters", [])
        assert sorted(one["name"] for one in parameters if one["in"] == "path") == sorted(placed), name
        for one in parameters:
            assert one.get("description"), f"{name}: {one['name']}"
            assert one.get("schema"), f"{name}: {one['name']}"


async def test_every_body_has_a_shape_and_an_example(described: Described) -> None:
    found = list(contents(described))
    assert len(found) > 80
    # A workbook is not text, so no example of it can be written down.
    text = [(name, content) for name, content in found if "contentMediaType" not in content.get("schema", {})]
    bare = [name for name, content in text if not examples_of(described, content)]
    assert bare == []
    shapeless = [name for name, content in found if "schema" not in content]
    assert shapeless == []


async def test_every_reply_is_explained_and_has_a_body_or_needs_none(described: Described) -> None:
    for name, operation in operations(described):
        for status, reply in operation["responses"].items():
            assert reply["description"], f"{name} {status}"
            empty = status in SLIGHT or "empty" in reply["description"].lower()
            assert empty or reply.get("content"), f"{name} {status}"


async def test_every_example_fits_its_shape(described: Described) -> None:
    components = described["components"]
    wrong: list[str] = []
    for name, content in contents(described):
        validator = jsonschema_rs.Draft202012Validator({**content["schema"], "components": components})
        for example in examples_of(described, content):
            wrong += [f"{name}: {error.message[:200]}" for error in validator.iter_errors(example)]
    assert wrong == []


async def test_every_example_of_a_parameter_fits_its_shape(described: Described) -> None:
    for name, operation in operations(described):
        for one in operation.get("parameters", []):
            shown = [*one.get("examples", {}).values(), *[{"value": one["example"]} for _ in [0] if "example" in one]]
            validator = jsonschema_rs.Draft202012Validator({**one["schema"], "components": described["components"]})
            for example in shown:
                assert validator.is_valid(example["value"]), f"{name}: {one['name']}"


async def test_every_problem_that_is_shown_has_a_code_that_exists(described: Described) -> None:
    known = find_codes()
    for name, content in contents(described):
        for example in examples_of(described, content):
            if "problem+json" in name:
                assert example["type"].rpartition(":")[2] in known, name
                assert f" {example['status']} " in name
                assert {reason["code"] for reason in example["reasons"]} <= known, name


async def test_the_documentation_shows_every_operation_and_loads_nothing_from_elsewhere(
    client: httpx.AsyncClient,
) -> None:
    page = await client.get("/docs")
    assert page.status_code == 200
    assert "/openapi.json" in page.text
    loaded = re.findall(r"(?:src|href)=\"([^\"]+)\"", page.text)
    assert loaded
    for address in loaded:
        assert address.startswith("/"), address
        assert (await client.get(address)).status_code == 200
