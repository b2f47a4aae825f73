"""The quick ways to a normal form: whatever they take has the normal form that whoever looks closely gives it."""

import random
import re

import phonenumbers
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from contactfold.domain.addresses import email_of, phone_of
from contactfold.domain.normalise import Refused, is_junk, normal_value, understand_values
from contactfold.domain.schema import Attribute, Schema
from contactfold.domain.taking import fields_of

ATTRIBUTES = (
    Attribute("customer_id", "Customer", is_key=True),
    Attribute("email", "Email", "email", channel="email", multi=True, junk=("noreply@example.com",)),
    Attribute("phone", "Phone", "phone", channel="sms", multi=True),
    Attribute("desk", "Desk", "phone", channel="voice", multi=True, junk=()),
    Attribute("first_name", "First name"),
    Attribute("note", "Note", "text"),
    Attribute("visits", "Visits", "integer"),
)
SCHEMAS = (
    Schema(ATTRIBUTES),
    Schema(ATTRIBUTES, default_country="US"),
    Schema(ATTRIBUTES, default_country="DE", strict_phones=True),
)

LOCALS = ["info", "Sales", "ann", "a..b", "\u00e9"]
DOMAINS = ["example.com", "EXAMPLE.com", "x.test", "localhost", "xn--bcher-kva.example", "B\u00fccher.example", "a.b1"]
LOCAL = st.text("abAB09.+-_'\"@ <", min_size=1, max_size=70) | st.sampled_from(LOCALS)
DOMAIN = st.text("abXN09.-[]@", max_size=70) | st.sampled_from(DOMAINS)
EMAILS = st.builds("{}@{}".format, LOCAL, DOMAIN)
PHONES = st.from_regex(r"\+?[0-9 ().-]{1,20}( ext\. 5)?", fullmatch=True)
TEXTS = (
    st.text(max_size=30)
    | EMAILS
    | PHONES
    | st.sampled_from(["", "0", "000", "n/a", "N/A", "test", "noreply@example.com", "a\0b", "1111111", "x" * 513])
)


def judge_email(text: str) -> str | None:
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError:
        return None


@given(EMAILS)
def test_an_address_is_what_the_library_says(text: str) -> None:
    assert email_of(text) == judge_email(text)


@pytest.mark.parametrize("length", [240, 254, 255, 300])
def test_the_quick_way_takes_no_address_that_is_too_long(length: int) -> None:
    text = "x" * (length - len("@example.com")) + "@example.com"
    assert email_of(text) == judge_email(text)


def judge_phone(text: str, country: str | None) -> str | None:
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return text if re.fullmatch(r"\+[0-9]{7,15}", text) else None
    if phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE:
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return text if re.fullmatch(r"\+[0-9]{7,15}", text) else None


@pytest.mark.parametrize("code", sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE))
def test_a_number_is_what_the_library_says_whatever_its_country(code: int) -> None:
    """With the prefixes among them that are said within a country alone."""
    drawn = random.Random(code)
    for _ in range(60):
        digits = drawn.choices("0123456789" + "0189" * 3, k=drawn.randint(4, 12))
        text, country = f"+{code}{''.join(digits)}", drawn.choice([None, "US", "DE", "IT", "BR", "AR"])
        assert phone_of(text, country, False) == judge_phone(text, country), text


@given(st.sampled_from(SCHEMAS), st.sampled_from([a.key for a in ATTRIBUTES]), TEXTS)
def test_what_is_taken_has_the_normal_form_of_what_is_looked_at_closely(schema: Schema, key: str, raw: str) -> None:
    """In a list of two nothing is taken quickly."""
    field = fields_of(schema)[key]
    taken = field.take(raw.strip()) if field.take is not None else None
    if taken is None:
        return
    assert not (field.identifies and is_junk(field.attribute, raw))
    assert taken == normal_value(field.attribute, raw, schema)
    assert understand_values({key: raw}, schema) == understand_values({key: [raw, None]}, schema)


@given(st.sampled_from(SCHEMAS), st.sampled_from([a.key for a in ATTRIBUTES]), TEXTS)
def test_a_field_means_the_same_alone_and_by_another_name(schema: Schema, key: str, raw: str) -> None:
    """A name that is no key is found another way."""
    alone, renamed = understand_values({key: raw}, schema), understand_values({key.upper(): raw}, schema)
    assert (alone.values, alone.named) == (renamed.values, renamed.named)
    assert [fault.code for fault in alone.faults] == [fault.code for fault in renamed.faults]
    if alone.values.get(key):
        assert alone.values[key] == (normal_value(schema.by_key[key], raw, schema),)
    elif alone.faults:
        with pytest.raises(Refused):
            normal_value(schema.by_key[key], raw, schema)


def test_faults_are_told_in_the_order_of_the_fields() -> None:
    """Also where two names name the same."""
    found = understand_values({"email": "nobody", "Email": "ann@example.com", "visits": "x"}, SCHEMAS[0])
    assert [(fault.code, fault.field) for fault in found.faults] == [
        ("invalid_email", "email"),
        ("duplicate_field", "Email"),
        ("invalid_number", "visits"),
    ]
