"""Which changes of a schema a directory survives, kind by kind, and the sentence for each it does not."""

from dataclasses import fields, replace
from typing import Any

import pytest

from contactfold.domain import compatibility
from contactfold.domain.compatibility import AttributeMeaning, find_changes, tell_meaning
from contactfold.domain.schema import Attribute, Schema, default_schema

TIERS = {"basic": "basic", "gold": "gold", "au": "gold"}
ATTRIBUTES = (
    Attribute("number", "Number", is_key=True),
    Attribute("email", "Email", "email", channel="email", multi=True),
    Attribute("phone", "Phone", "phone", channel="sms", multi=True),
    Attribute("web", "Web", channel="web", multi=True, anonymous=True),
    Attribute("name", "Name", aliases=("call",)),
    Attribute("tier", "Tier", "choice", choices=TIERS),
    Attribute("labels", "Labels", multi=True),
)
SCHEMA = Schema(ATTRIBUTES)


def changed(key: str, **values: Any) -> Schema:
    return Schema(tuple(replace(one, **values) if one.key == key else one for one in ATTRIBUTES))


def ordered(*keys: str) -> Schema:
    return Schema(tuple(SCHEMA.by_key[key] for key in keys))


def added(attribute: Attribute, *, place: int = 0) -> Schema:
    return Schema((*ATTRIBUTES[:place], attribute, *ATTRIBUTES[place:]))


INCOMPATIBLE = {
    "an attribute is gone": (ordered(*[one.key for one in ATTRIBUTES[:-1]]), "The attribute labels is gone."),
    "type": (changed("name", type="text"), "The attribute name was of type string and is now of type text."),
    "a new key": (added(Attribute("id", "Id", is_key=True)), "The new attribute id is a key."),
    "a new channel": (added(Attribute("fax", "Fax", channel="fax"), place=7), "The new attribute fax is a channel."),
    "became a key": (changed("name", is_key=True), "The attribute name was no identifier and is now a key."),
    "became a channel": (changed("name", channel="x"), "The attribute name was no identifier and is now a channel."),
    "ceased to identify": (changed("web", channel=None), "The attribute web was a channel and is now no identifier."),
    "a key reaches people": (
        changed("number", channel="post"),
        "The attribute number was a key and is now a key and a channel.",
    ),
    "a key no more": (changed("number", is_key=False), "The attribute number was a key and is now no identifier."),
    "several values": (changed("name", multi=True), "The attribute name had one value and has now several values."),
    "one value": (changed("labels", multi=False), "The attribute labels had several values and has now one value."),
    "anonymous": (changed("email", anonymous=True), "The attribute email was not anonymous and is now anonymous."),
    "not anonymous": (changed("web", anonymous=False), "The attribute web was anonymous and is now not anonymous."),
    "max_values": (
        changed("email", max_values=20),
        "The attribute email had a max_values of 10 and has now one of 20.",
    ),
    "junk": (
        changed("number", junk=("none", "-")),
        "The junk of number was -, n/a, none, null, test, unknown and is now -, none.",
    ),
    "no junk": (
        changed("email", junk=()),
        "The junk of email was -, n/a, none, null, test, unknown and is now empty.",
    ),
    "an alternative is gone": (
        changed("tier", choices={"gold": "gold", "au": "gold"}),
        "The alternative basic of tier is gone.",
    ),
    "an alternative has another name": (
        changed("tier", choices={"basic": "basic", "gold": "Gold", "au": "Gold"}),
        "The alternative gold of tier is gone.",
    ),
    "a spelling is gone": (
        changed("tier", choices={"basic": "basic", "gold": "gold"}),
        "The spelling au of tier meant gold and is gone.",
    ),
    "a spelling means something else": (
        changed("tier", choices={**TIERS, "au": "basic"}),
        "The spelling au of tier meant gold and now means basic.",
    ),
    "identifiers in another order": (
        ordered("email", "number", "phone", "web", "name", "tier", "labels"),
        "The order of identifiers was number, email, phone, web and is now email, number, phone, web.",
    ),
    "default_country": (Schema(ATTRIBUTES, default_country="PT"), "default_country was none and is now PT."),
    "phone_validation": (
        Schema(ATTRIBUTES, strict_phones=True),
        "phone_validation was possible and is now strict.",
    ),
}

COMPATIBLE = {
    "nothing": Schema(ATTRIBUTES),
    "a new attribute that identifies nobody": added(Attribute("city", "City")),
    "a new choice": added(Attribute("size", "Size", "choice", choices={"s": "s"}), place=3),
    "a name": changed("name", name="Full name"),
    "an alias": changed("name", aliases=("called", "call")),
    "no alias": changed("name", aliases=()),
    "pii": changed("name", pii=True),
    "mandatory": changed("name", mandatory=True),
    "the word for a channel": changed("phone", channel="voice"),
    "a new alternative": changed("tier", choices={**TIERS, "silver": "silver"}),
    "a new spelling": changed("tier", choices={**TIERS, "premium": "gold"}),
    "junk in another order": changed("email", junk=tuple(reversed(ATTRIBUTES[1].junk))),
    "max_values of what is no identifier": changed("labels", max_values=3),
    "junk of what is no identifier": changed("name", junk=()),
    "other attributes in another order": ordered("labels", "number", "email", "tier", "phone", "web", "name"),
}


@pytest.mark.parametrize("kind", INCOMPATIBLE)
def test_a_change_that_does_harm_is_one_sentence(kind: str) -> None:
    schema, sentence = INCOMPATIBLE[kind]
    assert find_changes(tell_meaning(SCHEMA), schema) == [sentence]


@pytest.mark.parametrize("kind", INCOMPATIBLE)
def test_a_record_normalised_before_a_change_that_does_harm_is_not_taken_as_it_is(kind: str) -> None:
    assert INCOMPATIBLE[kind][0].fingerprint != SCHEMA.fingerprint


@pytest.mark.parametrize("kind", COMPATIBLE)
def test_a_change_that_does_no_harm_gives_nothing(kind: str) -> None:
    assert find_changes(tell_meaning(SCHEMA), COMPATIBLE[kind]) == []


def test_every_change_is_told() -> None:
    attributes = (replace(ATTRIBUTES[0], type="integer"), *ATTRIBUTES[2:], Attribute("fax", "Fax", channel="fax"))
    assert find_changes(tell_meaning(SCHEMA), Schema(attributes, default_country="US")) == [
        "default_country was none and is now US.",
        "The attribute number was of type string and is now of type integer.",
        "The attribute email is gone.",
        "The new attribute fax is a channel.",
    ]


def test_settings_for_phones_mean_nothing_where_there_are_none() -> None:
    named = (Attribute("number", "Number", is_key=True),)
    assert find_changes(tell_meaning(Schema(named)), Schema(named, default_country="US", strict_phones=True)) == []


def test_other_normal_forms_do_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    before = tell_meaning(SCHEMA)
    monkeypatch.setattr(compatibility, "NORMALISERS", before.normalisers + 1)
    (sentence,) = find_changes(before, SCHEMA)
    assert sentence.startswith("This version of contactfold writes normal forms by rules of number")


def test_the_default_schema_agrees_with_itself() -> None:
    assert find_changes(tell_meaning(default_schema()), default_schema()) == []


def test_every_field_of_an_attribute_either_carries_meaning_or_is_known_to_carry_none() -> None:
    harmless = {"name", "pii", "mandatory", "aliases"}
    told = {field.name for field in fields(AttributeMeaning)}
    assert told | harmless == {field.name for field in fields(Attribute)}
