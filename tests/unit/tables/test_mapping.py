"""Which attribute a column is, and how it came to it."""

import pytest

from contactfold.domain.schema import Attribute, Schema
from contactfold.tables.mapping import map_columns
from contactfold.tables.synonyms import SYNONYMS, fold_column

Mapping = dict[str, str | None]


def how(schema: Schema, *columns: str, mapping: Mapping | None = None) -> list[tuple[str | None, str]]:
    return [(one.attribute, one.how) for one in map_columns(columns, mapping or {}, schema)]


@pytest.mark.parametrize(
    ("column", "attribute", "by"),
    [
        ("email", "email", "exact"),
        ("Email", "email", "name"),
        ("EMAIL", "email", "name"),
        ("First name", "first_name", "name"),
        ("firstName", "first_name", "name"),
        ("mobile", "phone_number", "alias"),
        ("e-mail", "email", "name"),
        ("E-mail Address", "email", "alias"),
        ("E-mail 2 Address", "email", "alias"),
        ("E-mail 1 - Value", "email", "alias"),
        ("surname", "last_name", "alias"),
        ("given name", "first_name", "alias"),
        ("Prénom", "first_name", "alias"),
        ("Company Name (required)", "company", "alias"),
        ("Account ID", "organization.account_id", "name"),
        ("account_name", "organization.name", "name"),
        ("Account Billing City", "organization.billing_city", "name"),
        ("organization.industry", "organization.industry", "name"),
        ("organization.id", "organization.account_id", "name"),
        ("Accountant", None, "none"),
        ("Shoe size", None, "none"),
        ("contactfold_reasons", None, "none"),
    ],
)
def test_a_column_is_found_by_key_name_alias_or_synonym(
    schema: Schema, column: str, attribute: str | None, by: str
) -> None:
    assert how(schema, column) == [(attribute, by)]


@pytest.mark.parametrize(
    "column",
    [
        "id",
        "Record ID",
        "Contact ID",
        "Company Main Phone",
        "Business Fax",
        "Assistant's Phone",
        "Website",
        "E-mail Type",
    ],
)
def test_what_would_make_one_person_of_several_is_left_out(schema: Schema, column: str) -> None:
    assert how(schema, column) == [(None, "none")]


def test_an_alias_of_the_schema_counts_as_one() -> None:
    schema = Schema(
        (Attribute("email", "Email", "email", channel="email"), Attribute("tier", "Tier", aliases=("level",)))
    )
    assert how(schema, "Level") == [("tier", "alias")]


def test_a_synonym_goes_to_whatever_the_schema_calls_it() -> None:
    schema = Schema((Attribute("email", "Email", "email", channel="email"), Attribute("zip", "ZIP")))
    assert how(schema, "Mailing Zip/Postal Code", "plz") == [("zip", "alias"), (None, "none")]


def test_a_synonym_gives_way_to_the_attributes_own_name_wherever_it_stands(schema: Schema) -> None:
    assert how(schema, "Town", "city") == [(None, "none"), ("city", "exact")]
    assert how(schema, "Home City", "Business City") == [("city", "alias"), (None, "none")]


def test_several_columns_of_an_attribute_with_several_values_are_all_taken(schema: Schema) -> None:
    found = how(schema, "Home Phone", "Mobile", "phone_number")
    assert [attribute for attribute, _ in found] == ["phone_number"] * 3


def test_what_the_options_say_goes_before_all_else(schema: Schema) -> None:
    assert how(schema, "email", "Town", "city", mapping={"email": None, "Town": "city", "city": None}) == [
        (None, "none"),
        ("city", "alias"),
        (None, "none"),
    ]
    assert how(schema, "Shoe size", mapping={"Shoe size": "labels"}) == [("labels", "exact")]
    assert how(schema, "Email", mapping={"Email": "email"}) == [("email", "name")]


def test_no_name_stands_in_two_lines_of_the_table() -> None:
    seen: dict[str, str] = {}
    for line in SYNONYMS.replace("\n  ", " ").strip().splitlines():
        for name in {fold_column(name) for name in line.split()}:
            assert seen.setdefault(name, line) == line, name
