"""Normal forms and errors of every type (SEMANTICS 1 and 2), as tables."""

from typing import Any

import pytest

from contactfold.domain.normalise import (
    Refused,
    Understanding,
    is_junk,
    normal_identifier,
    normal_value,
    understand_values,
)
from contactfold.domain.schema import Attribute, Schema, compared_by, name_identifier

TIERS = {"basic": "basic", "gold": "gold", "au": "gold"}
ATTRIBUTES = (
    Attribute("customer_id", "Customer Number", is_key=True, aliases=("client",)),
    Attribute("email", "Email", "email", channel="email", multi=True),
    Attribute("phone", "Phone", "phone", channel="sms", multi=True),
    Attribute("first_name", "First name"),
    Attribute("note", "Note", "text"),
    Attribute("visits", "Visits", "integer"),
    Attribute("spent", "Spent", "decimal"),
    Attribute("vip", "VIP", "boolean"),
    Attribute("born", "Born", "date"),
    Attribute("seen", "Seen", "datetime"),
    Attribute("page", "Page", "url"),
    Attribute("tier", "Tier", "choice", choices=TIERS),
    Attribute("labels", "Labels", multi=True),
)
SCHEMA = Schema(ATTRIBUTES)
AMERICAN = Schema(ATTRIBUTES, default_country="US")
STRICT = Schema(ATTRIBUTES, strict_phones=True)

NORMAL: list[tuple[str, Any, Any]] = [
    ("first_name", "  Ann ", "Ann"),
    ("first_name", "Zoe\u0308", "Zo\u00eb"),
    ("first_name", 7, "7"),
    ("first_name", -9223372036854775808, "-9223372036854775808"),
    ("note", "a\nb", "a\nb"),
    ("customer_id", 17, "17"),
    ("customer_id", "555555555", "555555555"),
    ("email", " Ann@EXAMPLE.com ", "Ann@example.com"),
    ("email", "ann+shop@example.com", "ann+shop@example.com"),
    ("phone", "+1 (415) 555-0123", "+14155550123"),
    ("phone", "+1.415.555.0123", "+14155550123"),
    ("phone", "+0987654321", "+0987654321"),
    ("phone", "+49 30 123456", "+4930123456"),
    ("visits", 7, 7),
    ("visits", " 42 ", 42),
    ("visits", "-7", -7),
    ("visits", 9223372036854775807, 9223372036854775807),
    ("spent", "12.50", "12.5"),
    ("spent", 12, "12"),
    ("spent", 0.1, "0.1"),
    ("spent", "1e3", "1000"),
    ("spent", "-0.00", "0"),
    ("vip", True, True),
    ("vip", "Yes", True),
    ("vip", "FALSE", False),
    ("born", "1990-02-28", "1990-02-28"),
    ("seen", "2026-11-21T20:21:22Z", "2026-11-21T20:21:22.000000Z"),
    ("seen", "2026-11-21T20:21:22.123456+02:00", "2026-11-21T18:21:22.123456Z"),
    ("page", "HTTPS://Shop.Example.com/A?b=C", "https://shop.example.com/A?b=C"),
    ("tier", "Gold", "gold"),
    ("tier", "AU", "gold"),
]

REFUSED: list[tuple[str, Any, str]] = [
    ("first_name", 1.5, "invalid_string"),
    ("first_name", True, "invalid_string"),
    ("first_name", {"a": 1}, "invalid_string"),
    ("first_name", 1 << 64, "invalid_number"),
    ("first_name", "a\0b", "control_character"),
    ("note", False, "invalid_string"),
    ("customer_id", "x" * 513, "too_long"),
    ("customer_id", "x" * (513 - len("customer_id:")), "too_long"),
    ("customer_id", 1.0, "invalid_string"),
    ("customer_id", "a\0", "control_character"),
    ("email", "nobody", "invalid_email"),
    ("email", "a@b@example.com", "invalid_email"),
    ("email", 7, "invalid_email"),
    ("phone", "hello", "invalid_phone"),
    ("phone", "4155550123", "invalid_phone"),
    ("phone", "+123456", "invalid_phone"),
    ("phone", "+1234567890123456", "invalid_phone"),
    ("phone", "+1 415 555 0123 ext. 5", "invalid_phone"),
    ("visits", 1 << 63, "invalid_number"),
    ("visits", "9223372036854775808", "invalid_number"),
    ("visits", 1.0, "invalid_number"),
    ("visits", True, "invalid_number"),
    ("spent", "much", "invalid_number"),
    ("spent", "NaN", "invalid_number"),
    ("spent", True, "invalid_number"),
    ("vip", "perhaps", "invalid_boolean"),
    ("born", "1990-02-30", "invalid_date"),
    ("born", "28.02.1990", "invalid_date"),
    ("seen", "2025-01-02T03:04:05", "invalid_time"),
    ("seen", "yesterday", "invalid_time"),
    ("page", "ftp://example.com", "invalid_url"),
    ("page", "example.com", "invalid_url"),
    ("tier", "silver", "not_an_alternative"),
]


def name_of(value: object) -> str:
    """A short name for a case."""
    return repr(value)[:30]


@pytest.mark.parametrize(("key", "raw", "normal"), NORMAL, ids=name_of)
def test_a_value_has_a_normal_form(key: str, raw: object, normal: object) -> None:
    """And that is of the same type, so that `True` and 1 stay apart."""
    found = normal_value(SCHEMA.by_key[key], raw, SCHEMA)
    assert (found, type(found)) == (normal, type(normal))


@pytest.mark.parametrize(("key", "raw", "normal"), NORMAL, ids=name_of)
def test_a_normal_form_is_its_own_normal_form(key: str, raw: object, normal: object) -> None:
    """What a door has normalised reads the same again."""
    assert normal_value(SCHEMA.by_key[key], normal, SCHEMA) == normal


@pytest.mark.parametrize(("key", "raw", "code"), REFUSED, ids=name_of)
def test_a_value_without_a_normal_form_is_refused_with_its_code(key: str, raw: object, code: str) -> None:
    """The sentence never repeats the value."""
    with pytest.raises(Refused) as refused:
        normal_value(SCHEMA.by_key[key], raw, SCHEMA)
    assert refused.value.code == code
    assert str(refused.value).endswith(".")
    assert len(str(raw)) < 5 or str(raw) not in str(refused.value)


def test_a_national_number_needs_the_default_country() -> None:
    """With it, the international form of the same number is equal."""
    phone = AMERICAN.by_key["phone"]
    assert normal_value(phone, "(415) 555-0123", AMERICAN) == "+14155550123"
    assert normal_value(phone, "+1 415 555 0123", AMERICAN) == "+14155550123"


def test_a_number_that_only_works_locally_is_no_number_of_one_person() -> None:
    """Seven digits dial within one American area, wherever that is."""
    with pytest.raises(Refused):
        normal_value(AMERICAN.by_key["phone"], "555-0123", AMERICAN)


def test_strict_validation_asks_for_a_number_that_can_be_in_use() -> None:
    """Without it a possible number is enough, and so is one that is taken as it is."""
    phone = STRICT.by_key["phone"]
    assert normal_value(phone, "+1 650 253 0000", STRICT) == "+16502530000"
    for number in ("+0987654321", "+15555555512"):
        assert normal_value(phone, number, SCHEMA) == number
        with pytest.raises(Refused):
            normal_value(phone, number, STRICT)


def test_an_address_is_compared_by_case_folding_and_shown_as_it_was_spelled() -> None:
    """The identifier is what it is compared by."""
    email = SCHEMA.by_key["email"]
    value = normal_value(email, "Stra\u00dfe@Example.com", SCHEMA)
    assert value == "Stra\u00dfe@example.com"
    assert compared_by(email, value) == "strasse@example.com"
    assert name_identifier(email, value) == "email:strasse@example.com"


@pytest.mark.parametrize(
    ("key", "raw", "junk"),
    [
        *(("email", raw, True) for raw in ("n/a", "N/A", "none", "NULL", " Unknown ", "test", "-")),
        ("customer_id", "000", True),
        ("customer_id", 0, True),
        ("customer_id", "0001", False),
        ("customer_id", "555555555", False),
        ("customer_id", "", False),
        ("phone", "+5555555555", True),
        ("phone", "555 555-5555", True),
        ("phone", "+5555555551", False),
        ("email", "test@example.com", False),
    ],
    ids=name_of,
)
def test_junk_is_told_from_values(key: str, raw: object, junk: bool) -> None:
    """Placeholders in any case, keys of zeros, phones of one repeated digit."""
    assert is_junk(SCHEMA.by_key[key], raw) is junk


def test_an_attribute_may_have_its_own_junk() -> None:
    """The default list then does not count."""
    own = Attribute("customer_id", "Customer", is_key=True, junk=("nobody",))
    assert is_junk(own, "Nobody")
    assert not is_junk(own, "test")


def understand(**payload: Any) -> Understanding:
    """What a payload says."""
    return understand_values(payload, SCHEMA)


def test_a_name_is_compared_without_case_spaces_underscores_and_hyphens() -> None:
    """By key, name and alias."""
    for name in ("firstName", "First Name", "first_name", "FIRST-NAME"):
        assert understand_values({name: "Ann"}, SCHEMA).values == {"first_name": ("Ann",)}
    for name in ("customer-number", "CLIENT", "customerId"):
        assert understand_values({name: "7"}, SCHEMA).values == {"customer_id": ("7",)}


def test_unknown_keys_are_named_and_are_no_faults() -> None:
    """In the order they were sent."""
    found = understand(shoe_size=44, first_name="Ann", hat=1)
    assert found.ignored == ["shoe_size", "hat"]
    assert not found.faults


def test_empty_deletes_and_null_says_nothing() -> None:
    """Blank text is empty text."""
    found = understand(first_name="", labels=[], note="  ", email=None)
    assert found.values == {"first_name": (), "labels": (), "note": ()}


def test_a_scalar_is_a_list_of_one_and_a_list_of_one_is_its_element() -> None:
    """Where the attribute asks for the other."""
    assert understand(labels="a", first_name=["Ann"]).values == {"labels": ("a",), "first_name": ("Ann",)}


def test_a_value_that_is_told_twice_is_kept_once_in_its_first_spelling() -> None:
    """Addresses that differ in case are one."""
    assert understand(email=["Ann@x.com", "bob@x.com", "ANN@x.com"]).values == {"email": ("Ann@x.com", "bob@x.com")}


def test_junk_is_left_out_and_named() -> None:
    """Alone it does not delete the field: it says nothing."""
    found = understand(email=["n/a", "ann@x.com"], customer_id="000")
    assert found.values == {"email": ("ann@x.com",)}
    assert [(reason.code, reason.field, reason.position) for reason in found.remarks] == [
        ("junk", "email", 0),
        ("junk", "customer_id", None),
    ]
    assert not found.faults


def test_every_fault_is_reported_with_field_position_and_a_sentence() -> None:
    """Under the name the sender used."""
    found = understand_values(
        {"E-Mail": ["a@x.com", "nobody", "two@@x.com"], "firstName": ["Ann", "Bob"], "tier": "silver", "vip": 2.5},
        SCHEMA,
    )
    assert [(reason.code, reason.field, reason.position) for reason in found.faults] == [
        ("invalid_email", "E-Mail", 1),
        ("invalid_email", "E-Mail", 2),
        ("too_many_values", "firstName", None),
        ("not_an_alternative", "tier", None),
        ("invalid_boolean", "vip", None),
    ]
    assert all(reason.message.endswith(".") for reason in found.faults)


def test_two_keys_of_one_payload_that_name_one_attribute_are_a_fault() -> None:
    """Neither is better than the other."""
    found = understand_values({"first_name": "Ann", "First Name": "Bob"}, SCHEMA)
    assert [(reason.code, reason.field) for reason in found.faults] == [("duplicate_field", "First Name")]


def test_the_alternatives_of_a_choice_are_told() -> None:
    """Each once, whatever its spellings."""
    (fault,) = understand(tier="silver").faults
    assert "basic, gold" in fault.message


def test_an_identifier_is_written_attribute_colon_value_and_normalised_like_a_value() -> None:
    """The attribute by any of its names."""
    assert normal_identifier("E-Mail:Ann@X.com", SCHEMA) == "email:ann@x.com"
    assert normal_identifier("client: 17 ", SCHEMA) == "customer_id:17"


@pytest.mark.parametrize(
    "text", ["ann@x.com", "first_name:Ann", "hat:1", "email:", "email:nobody", "customer_id:000", ""]
)
def test_what_is_no_identifier_is_refused(text: str) -> None:
    """No colon, no such attribute, none that identifies, no value, no normal form, junk."""
    with pytest.raises(Refused):
        normal_identifier(text, SCHEMA)
