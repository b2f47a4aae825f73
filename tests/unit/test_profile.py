"""A contact as readers see it: CONTRACT 7's object and its provenance."""

from contactfold.domain.directory import LINKS, Contact, Fragment
from contactfold.domain.schema import Attribute, Schema, default_schema
from contactfold.domain.stamp import format_event_id, make_event_id, pack_stamp
from contactfold.profile import contact_object, organization_object, provenance_object

SCHEMA = default_schema()
ONE = make_event_id("shop", "o-1")
TWO = make_event_id("shop", "o-2")
EARLY = pack_stamp(1_000_000, ONE)
LATE = pack_stamp(2_500_000, TWO)


def contact() -> Contact:
    """Ann, told of twice; her second address belongs to somebody else."""
    return Contact(
        handle=ONE,
        id=ONE,
        birth=EARLY,
        last=LATE,
        updated=LATE,
        single={"first_name": (LATE, "Ann", "shop"), "external_customer_id": (EARLY, "C-1", "crm")},
        multi={
            "email": {
                "second@example.com": (LATE, 0, "Second@example.com", "shop"),
                "ann@example.com": (EARLY, 1, "ann@example.com", "shop"),
                "first@example.com": (EARLY, 0, "first@example.com", "shop"),
            },
            LINKS: {"B-2": (LATE, 0, "B-2", "shop"), "A-1": (EARLY, 0, "A-1", "crm")},
        },
        owned={"external_customer_id:C-1", "email:ann@example.com", "email:first@example.com"},
        named={"email:second@example.com", "email:never-held@example.com"},
    )


def test_a_contact_is_shown_as_the_contract_says() -> None:
    assert contact_object(contact(), SCHEMA) == {
        "id": format_event_id(ONE),
        "values": {
            "external_customer_id": "C-1",
            "first_name": "Ann",
            "email": ["first@example.com", "ann@example.com", "Second@example.com"],
        },
        "identifiers": ["email:ann@example.com", "email:first@example.com", "external_customer_id:C-1"],
        "contested": ["email:second@example.com"],
        "organizations": ["A-1", "B-2"],
        "created_at": "1970-01-01T00:00:01.000000Z",
        "updated_at": "1970-01-01T00:00:02.500000Z",
    }


def test_fields_come_in_the_order_of_the_schema_and_unknown_ones_after_them() -> None:
    told = contact()
    told.single = {"zodiac": (EARLY, "leo", "crm"), "title": (EARLY, "Dr", "crm"), **told.single}
    assert list(contact_object(told, SCHEMA)["values"]) == [
        "external_customer_id",
        "first_name",
        "email",
        "title",
        "zodiac",
    ]


def test_a_field_without_values_is_not_shown() -> None:
    told = contact()
    told.multi["labels"] = {}
    assert "labels" not in contact_object(told, SCHEMA)["values"]
    assert "labels" not in provenance_object(told, SCHEMA)


def test_values_keep_their_types() -> None:
    schema = Schema((Attribute("age", "Age", "integer"), Attribute("vip", "VIP", "boolean"), *SCHEMA.attributes))
    told = contact()
    told.single |= {"age": (EARLY, 2**62 + 1, "crm"), "vip": (EARLY, False, "crm")}
    values = contact_object(told, schema)["values"]
    assert values["age"] == 2**62 + 1
    assert values["vip"] is False


def test_provenance_tells_event_source_and_time_of_every_value() -> None:
    first = {"event_id": format_event_id(ONE), "occurred_at": "1970-01-01T00:00:01.000000Z"}
    second = {"event_id": format_event_id(TWO), "occurred_at": "1970-01-01T00:00:02.500000Z"}
    assert provenance_object(contact(), SCHEMA) == {
        "external_customer_id": {"value": "C-1", "source": "crm", **first},
        "first_name": {"value": "Ann", "source": "shop", **second},
        "email": [
            {"value": "first@example.com", "source": "shop", **first},
            {"value": "ann@example.com", "source": "shop", **first},
            {"value": "Second@example.com", "source": "shop", **second},
        ],
        "@organizations": [
            {"value": "A-1", "source": "crm", **first},
            {"value": "B-2", "source": "shop", **second},
        ],
    }


def fragments() -> list[Fragment]:
    """Two partitions heard of one account; the later deleted its city."""
    return [
        Fragment("A-1", "contactfold.events/0", EARLY, {"name": (EARLY, "Old", "crm"), "city": (EARLY, "Oslo", "crm")}),
        Fragment("A-1", "contactfold.events/1", LATE, {"name": (LATE, "New", "shop"), "city": (LATE, None, "shop")}),
    ]


def test_the_latest_saying_of_any_fragment_wins_field_by_field() -> None:
    told = organization_object(fragments())
    assert told["account_id"] == "A-1"
    assert told["fields"] == {"name": "New"}
    assert told["provenance"] == {
        "name": {
            "value": "New",
            "event_id": format_event_id(TWO),
            "source": "shop",
            "occurred_at": "1970-01-01T00:00:02.500000Z",
        }
    }


def test_the_order_of_fragments_does_not_matter() -> None:
    assert organization_object(fragments()) == organization_object(reversed(fragments()))
