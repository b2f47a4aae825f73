"""What a reader without the scope `pii` sees: the rules, value by value."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contactfold.domain.event import Statement
from contactfold.domain.schema import TYPES, Attribute, Schema, default_schema
from contactfold.masking import mask_contact, mask_event, mask_identifier, mask_outcome, mask_provenance
from contactfold.profile import ContactObject, Given, Provenance
from contactfold.wire import read_event

SCHEMA = default_schema()
TYPED = Schema(
    (
        Attribute("account", "Account", "integer", is_key=True, pii=True),
        Attribute("badge", "Badge", is_key=True),
        Attribute("smoker", "Smoker", "boolean", pii=True),
        Attribute("scores", "Scores", "integer", multi=True, pii=True),
        Attribute("age", "Age", "integer"),
    )
)


def shown(**values: Any) -> ContactObject:
    """A contact with these values."""
    return {
        "id": "0" * 26,
        "values": values,
        "identifiers": ["account:17", "badge:B-1"],
        "contested": ["account:18", "gone:x"],
        "organizations": ["A-1"],
        "created_at": "2026-11-21T00:00:00.000000Z",
        "updated_at": "2026-11-21T00:00:00.000000Z",
    }


def test_personal_values_of_every_type_are_masked_and_the_others_stay() -> None:
    masked = mask_contact(shown(account=17, smoker=False, scores=[0, 2], age=44), TYPED)
    assert masked["values"] == {"account": "***", "smoker": "***", "scores": ["***", "***"], "age": 44}
    assert masked["identifiers"] == ["account:***", "badge:B-1"]
    assert masked["contested"] == ["account:***", "***"]
    assert masked["organizations"] == ["A-1"]
    assert masked["id"] == "0" * 26


def test_what_the_schema_does_not_know_counts_as_personal() -> None:
    assert mask_contact(shown(former_name="Ann"), TYPED)["values"] == {"former_name": "***"}
    assert mask_identifier("former:ann", TYPED) == "***"
    assert mask_identifier("no colon at all", TYPED) == "***"


def test_masking_leaves_the_original_as_it_was() -> None:
    original = shown(account=17)
    mask_contact(original, TYPED)
    assert original == shown(account=17)


def test_provenance_keeps_where_a_value_came_from() -> None:
    given_: Given = {"value": 17, "event_id": "E", "source": "shop", "occurred_at": "T"}
    told: Provenance = {"account": given_, "scores": [given_, given_], "age": given_, "@organizations": [given_]}
    hidden = {**given_, "value": "***"}
    assert mask_provenance(told, TYPED) == {
        "account": hidden,
        "scores": [hidden, hidden],
        "age": given_,
        "@organizations": [given_],
    }


def test_an_outcome_keeps_its_reasons_and_loses_its_identifiers() -> None:
    reasons = [{"code": "junk", "field": "email", "position": 1, "message": "A placeholder was left out."}]
    outcome = {"status": "updated", "contested": ["email:ann@example.com"], "merged": ["E"], "reasons": reasons}
    masked = mask_outcome(outcome, SCHEMA)
    assert masked["reasons"] == reasons
    assert masked["merged"] == ["E"]
    assert masked["contested"] == ["email:***"]


def test_a_remark_that_was_sent_tells_its_sentence_only_about_what_anybody_may_see() -> None:
    remarks: list[dict[str, Any]] = [
        {"code": "junk", "field": "E-Mail", "position": 1, "message": "ann@ says nothing"},
        {"code": "junk", "field": "City", "position": None, "message": "Nothing was said."},
        {"code": "junk", "field": "", "message": "ann@example.com", "value": "ann@example.com"},
    ]
    assert mask_event({"remarks": remarks}, SCHEMA) == {
        "remarks": [{**remarks[0], "message": "***"}, remarks[1], {"code": "junk", "field": "", "message": "***"}]
    }


def test_attributes_of_an_event_are_found_by_any_of_their_names() -> None:
    event = {"values": {"First Name": "Ann", "first-name": "Ann", "CITY": "Oslo", "labels": ["a", {"b": "c"}]}}
    assert mask_event(event, SCHEMA) == {
        "values": {"First Name": "***", "first-name": "***", "CITY": "Oslo", "labels": ["a", "***"]}
    }


def test_an_event_keeps_what_says_how_it_was_meant() -> None:
    event = {
        "id": 17,
        "source": "shop",
        "type": "contact.upsert",
        "occurred_at": "2026-11-21T00:00:00Z",
        "action": "append",
        "on_many": "first",
        "match_on": "email",
        "organization": {"account_id": "A-1", "size": 3},
        "import": {"id": "i-1", "row": 7},
        "ignored_fields": ["emial"],
    }
    assert mask_event(event, SCHEMA) == event


@pytest.mark.parametrize("event", ["ann", 17, ["ann", None], None, True])
def test_what_is_no_object_is_masked_whole(event: object) -> None:
    assert "ann" not in msgspec.json.encode(mask_event(event, SCHEMA)).decode()
    assert mask_event(17, SCHEMA) == "***"


SECRET = "zqsecret"
_LEAVES = st.one_of(st.just(SECRET), st.none(), st.booleans(), st.integers())
_DOCUMENTS = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just(SECRET), inner, max_size=1)
)
_PERSONAL = st.sampled_from([a.key for a in SCHEMA.attributes if a.pii] + ["Date of Birth", "E-mail", "emial", ""])
_EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "values": st.dictionaries(_PERSONAL, _DOCUMENTS) | st.lists(_DOCUMENTS) | st.just(SECRET),
        **dict.fromkeys(["type", "occurred_at", "received_at", "action", "on_many", "match_on", "note"], _DOCUMENTS),
        "identifiers": _DOCUMENTS,
        "organization": st.just(SECRET),
        "remarks": st.lists(st.fixed_dictionaries({"message": _DOCUMENTS, "field": _PERSONAL, "value": _DOCUMENTS}))
        | _DOCUMENTS,
    },
)


_ATTRIBUTES = tuple(
    Attribute(type_, type_, type_, channel="x" if type_ == "email" else None, pii=True, multi=type_ == "email")
    for type_ in TYPES
    if type_ != "choice"
)
_EVERY_TYPE = Schema((*_ATTRIBUTES, Attribute("choice", "Choice", "choice", choices={"gold": "gold"})))


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize(
    "value", [SECRET, SECRET * 90, f"{SECRET}\0", [SECRET, 1.5, f"+{SECRET}"], {SECRET: SECRET}, f"https:{SECRET}"]
)
def test_no_sentence_about_a_value_quotes_it(type_: str, value: object) -> None:
    """Which is why reasons need no mask."""
    event = {"values": {type_: value}, "action": SECRET, "match_on": [SECRET], "occurred_at": SECRET, "id": SECRET * 90}
    statement = read_event(event, _EVERY_TYPE, source="shop", id="1", received_at=0)
    assert isinstance(statement, Statement)
    assert statement.faults
    assert [reason for reason in (*statement.faults, *statement.remarks) if SECRET in reason.message] == []


@settings(max_examples=500, deadline=None)
@given(_EVENTS)
def test_no_shape_of_an_event_carries_a_personal_value_past_the_mask(event: dict[str, object]) -> None:
    assert SECRET not in msgspec.json.encode(mask_event(event, SCHEMA)).decode()
