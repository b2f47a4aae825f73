"""Which fields an expression reads: no other field may change what it finds, and each of these may."""

import jmespath
import pytest

from contactfold_ingest.mapping.paths import find_paths

EXPRESSIONS: dict[str, set[tuple[str, ...]]] = {
    "Email": {("Email",)},
    '"First name"': {("First name",)},
    "Address.City": {("Address", "City")},
    "Address | City": {("Address", "City")},
    "Address.[City, Zip]": {("Address", "City"), ("Address", "Zip")},
    "Address.{a: City, b: Zip}": {("Address", "City"), ("Address", "Zip")},
    "Address.{a: City} | a": {("Address", "City")},
    "Address.*": {("Address",)},
    "values(Address)": {("Address",)},
    "Tags[0]": {("Tags",)},
    "Tags[1:]": {("Tags",)},
    "Tags[]": {("Tags",)},
    "Tags[?@ == 'x']": {("Tags",)},
    "Tags[*].Name": {("Tags",)},
    "sort_by(Tags, &Name)": {("Tags",)},
    "First || Second": {("First",), ("Second",)},
    "First && Second": {("First",), ("Second",)},
    "!First": {("First",)},
    "First == 'x'": {("First",)},
    "join(' ', [First, Second])": {("First",), ("Second",)},
    "not_null(First, Address.City)": {("First",), ("Address", "City")},
    "@": {()},
    "keys(@)": {()},
    "@.Email": {("Email",)},
    "'constant'": set(),
    "`1`": set(),
}


@pytest.mark.parametrize(("expression", "expected"), EXPRESSIONS.items())
def test_the_fields_of_an_expression_are_found(expression: str, expected: set[tuple[str, ...]]) -> None:
    assert find_paths(expression) == expected


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_no_other_field_changes_what_an_expression_finds(expression: str) -> None:
    paths = find_paths(expression)
    record = {
        "Email": "a",
        "First name": "b",
        "First": "c",
        "Second": "d",
        "Name": "e",
        "City": "f",
        "a": "g",
        "Tags": [{"Name": "h"}, {"Name": "i"}],
        "Address": {"City": "j", "Zip": "k", "Street": "l"},
    }
    heard = {path[0] for path in paths if path}
    kept = record if () in paths else {name: value for name, value in record.items() if name in heard}
    inner = {path[1] for path in paths if path[:1] == ("Address",) and len(path) > 1}
    if inner and ("Address",) not in paths:
        kept = {**kept, "Address": {name: record["Address"][name] for name in inner}}  # type: ignore[index]
    compiled = jmespath.compile(expression)
    assert compiled.search(kept) == compiled.search(record)
