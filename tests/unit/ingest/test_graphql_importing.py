"""`updateCustomers`: all of a batch or none of it, told once the directory has it (CONTRACT 5)."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from contactfold.domain.errors import Unavailable
from contactfold.domain.stamp import format_event_id, make_event_id
from fakes.applying import applying
from fakes.graphql_client import codes, customer, import_customers, post_query
from fakes.ingest_service import Ingest, serving

ANN = customer(first_name="Ann", email="ann@example.com")
BOB = customer(first_name="Bob", email="bob@example.com")
NOBODY = customer(first_name="Ann")
EMPTY = customer()


@pytest.fixture
async def applied(ingest: Ingest) -> AsyncIterator[Ingest]:
    """The service beside a processor."""
    async with applying(ingest):
        yield ingest


async def values_of(ingest: Ingest) -> list[dict[str, Any]]:
    return [event["values"] for event in await ingest.events()]


def sentence(reply: Any) -> str:
    """What a batch was replied with, with a standing time."""
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert set(body) == {"data"}, body
    return re.sub(r" in \d+ ms", " in 111 ms", body["data"]["updateCustomers"])


async def test_a_new_customer_is_told_in_the_sentence_that_was_promised(applied: Ingest) -> None:
    reply = await import_customers(applied, ANN)
    assert reply.headers["content-type"] == "application/json"
    assert (
        sentence(reply)
        == "Finished importing a batch of 1 updates in 111 ms. 1 new contacts, 0 updated contacts. Ignored fields: []"
    )
    assert len(await applied.directory.list_contacts(after=None, limit=10)) == 1


async def test_customers_written_out_in_the_query_are_the_same(applied: Ingest) -> None:
    query = """mutation {
        updateCustomers(customers: [
            {values: [{key: "First Name", value: "Ann"}, {key: "email", value: ["ann@example.com"]}]},
            {values: {key: "external_customer_id", value: 17}}
        ])
    }"""
    assert "2 new contacts, 0 updated" in sentence(await post_query(applied, query, path="/graphql"))
    assert await values_of(applied) == [
        {"first_name": "Ann", "email": ["ann@example.com"]},
        {"external_customer_id": "17"},
    ]


async def test_known_customers_count_as_updated_whether_anything_changed_or_not(applied: Ingest) -> None:
    await import_customers(applied, ANN)
    changed = customer(email="ann@example.com", city="Graz")
    assert "1 new contacts, 2 updated contacts." in sentence(await import_customers(applied, ANN, changed, BOB))


async def test_unknown_keys_are_ignored_and_named_once_each(applied: Ingest) -> None:
    first = customer(("shoe", 4), ("hat", 1), ("nothing", None), email="ann@example.com")
    reply = await import_customers(applied, first, customer(shoe=5, email="bob@example.com"))
    assert sentence(reply).endswith("2 new contacts, 0 updated contacts. Ignored fields: [shoe, hat, nothing]")


async def test_keys_are_keys_names_or_aliases_however_they_are_spelled(applied: Ingest) -> None:
    said = customer(("First Name", "Ann"), ("E-Mail", "ann@example.com"), ("phoneNumber", "+1 415 555 0100"))
    assert "Ignored fields: []" in sentence(await import_customers(applied, said))
    (values,) = await values_of(applied)
    assert values == {"first_name": "Ann", "email": ["ann@example.com"], "phone_number": ["+14155550100"]}


async def test_a_repeated_key_is_a_list_by_whichever_name_it_goes(applied: Ingest) -> None:
    said = customer(
        ("email", "a@example.com"),
        ("labels", ["new"]),
        ("Email", ["b@example.com", None]),
        ("labels", None),
        ("labels", "vip"),
        ("email", "c@example.com"),
    )
    assert "1 new contacts" in sentence(await import_customers(applied, said))
    (values,) = await values_of(applied)
    assert values == {"email": ["a@example.com", "b@example.com", "c@example.com"], "labels": ["new", "vip"]}


async def test_an_empty_text_deletes_and_null_says_nothing(applied: Ingest) -> None:
    await import_customers(applied, customer(email="ann@example.com", city="Graz", company="Office Mart"))
    absent = {"values": [{"key": "email", "value": "ann@example.com"}, {"key": "company"}]}
    absent["values"] += customer(city="", company=None)["values"]
    assert "0 new contacts, 1 updated contacts" in sentence(await import_customers(applied, absent))
    (contact,) = await applied.directory.list_contacts(after=None, limit=10)
    assert sorted(contact.single) == ["company"]


async def test_an_empty_batch_is_a_batch_of_none(applied: Ingest) -> None:
    assert "a batch of 0 updates in 111 ms. 0 new contacts, 0 updated" in sentence(await import_customers(applied))


async def test_one_bad_customer_keeps_all_out_and_every_fault_of_every_customer_is_told(applied: Ingest) -> None:
    worse = customer(("email", ["ok@example.com", "nonsense"]), ("Date of Birth", "soon"), ("first_name", ["A", "B"]))
    reply = await import_customers(applied, ANN, NOBODY, worse)
    assert reply.status_code == 200
    assert reply.json()["data"] is None
    errors = reply.json()["errors"]
    assert [error["message"].partition(": ")[0] for error in errors] == [
        "customers[1]",
        "customers[2], email[1]",
        "customers[2], Date of Birth",
        "customers[2], first_name",
    ]
    assert [error["extensions"] for error in errors] == [
        {"code": "no_identifier", "customer": 1, "key": None, "position": None},
        {"code": "invalid_email", "customer": 2, "key": "email", "position": 1},
        {"code": "invalid_date", "customer": 2, "key": "Date of Birth", "position": None},
        {"code": "too_many_values", "customer": 2, "key": "first_name", "position": None},
    ]
    assert {tuple(error["path"]) for error in errors} == {("updateCustomers",)}
    assert "nonsense" not in reply.text
    assert applied.log.appends == 0


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (1.5, "invalid_string"),
        (True, "invalid_string"),
        ({"first": "Ann"}, "invalid_string"),
        ([["Ann"]], "invalid_string"),
        (1 << 70, "invalid_number"),
        ("a\0b", "control_character"),
    ],
)
async def test_what_is_no_value_of_an_attribute_is_refused(applied: Ingest, value: object, code: str) -> None:
    reply = await import_customers(applied, customer(email="ann@example.com", city=value))
    assert codes(reply) == [code]
    assert reply.json()["errors"][0]["extensions"]["key"] == "city"


async def test_there_are_errors_for_ten_thousand_faults_and_a_count_of_the_rest(applied: Ingest) -> None:
    most = customer(email=["x"] * 1_000)
    reply = await import_customers(applied, *[most] * 10, customer(email=["x"] * 3))
    assert len(reply.json()["errors"]) == 10_001
    assert reply.json()["errors"][-1]["message"] == "There are 3 errors more."


async def test_more_customers_than_a_request_may_hold_are_refused_whole(applied: Ingest) -> None:
    batches = " ".join(f"{name}: updateCustomers(customers: $c)" for name in "abcd")
    reply = await post_query(applied, f"mutation ($c: [CustomerInput!]!) {{ {batches} }}", {"c": [NOBODY] * 1_000})
    assert codes(reply) == ["no_identifier"] * 4_000
    reply = await post_query(applied, f"mutation ($c: [CustomerInput!]!) {{ {batches} }}", {"c": [EMPTY] * 2_501})
    assert (reply.status_code, codes(reply)) == (413, ["too_many_items"])


async def test_several_batches_of_a_request_are_imported_one_after_the_other(applied: Ingest) -> None:
    query = """mutation ($a: [CustomerInput!]!, $b: [CustomerInput!]!) {
        first: updateCustomers(customers: $a)
        __typename
        second: updateCustomers(customers: $b)
    }"""
    reply = await post_query(applied, query, {"a": [ANN, BOB], "b": [ANN]}, idempotency_key="k")
    data = reply.json()["data"]
    assert list(data) == ["first", "__typename", "second"]
    assert "2 new contacts, 0 updated" in data["first"]
    assert "0 new contacts, 1 updated" in data["second"]
    events = await applied.events()
    assert [event["id"] for event in events] == ["k/first/0", "k/first/1", "k/second"]
    assert sorted(event["occurred_at"] for event in events) == [event["occurred_at"] for event in events]


SEVERAL = """mutation ($a: [CustomerInput!]!, $b: [CustomerInput!]!, $c: [CustomerInput!]!) {
    a: updateCustomers(customers: $a)
    b: updateCustomers(customers: $b)
    c: updateCustomers(customers: $c)
}"""


async def test_one_bad_customer_keeps_every_batch_out_and_every_fault_of_each_is_told(applied: Ingest) -> None:
    bad = customer(email="nonsense")
    reply = await post_query(applied, SEVERAL, {"a": [ANN], "b": [BOB, NOBODY], "c": [bad]})
    assert reply.json()["data"] is None
    told = [
        (error["path"], error["extensions"]["customer"], code)
        for error, code in zip(reply.json()["errors"], codes(reply), strict=True)
    ]
    assert told == [(["b"], 1, "no_identifier"), (["c"], 0, "invalid_email")]
    assert applied.log.appends == 0


async def test_all_batches_are_on_the_log_before_any_is_waited_for(ingest: Ingest) -> None:
    said = {"a": [ANN], "b": [BOB], "c": [ANN, BOB]}
    reply = await post_query(ingest, SEVERAL, said, prefer="wait=0", idempotency_key="k")
    assert (reply.status_code, reply.json()["data"]) == (200, None)
    assert [(error["path"], error["extensions"]["code"]) for error in reply.json()["errors"]] == [
        (["a"], "pending"),
        (["b"], "pending"),
        (["c"], "pending"),
    ]
    ids = [event_id for error in reply.json()["errors"] for event_id in error["extensions"]["event_ids"]]
    assert ids == [format_event_id(make_event_id("graphql", named)) for named in ("k/a", "k/b", "k/c/0", "k/c/1")]
    assert [event["id"] for event in await ingest.events()] == ["k/a", "k/b", "k/c/0", "k/c/1"]
    assert ingest.log.appends == 1


async def test_a_batch_that_is_done_is_told_beside_one_that_is_pending(ingest: Ingest) -> None:
    async with applying(ingest):
        query = "mutation ($a: [CustomerInput!]!) { a: updateCustomers(customers: $a) }"
        assert (await post_query(ingest, query, {"a": [ANN]}, idempotency_key="k")).json()["data"]
    said = {"a": [ANN], "b": [BOB], "c": []}
    reply = await post_query(ingest, SEVERAL, said, prefer="wait=0", idempotency_key="k")
    assert reply.json()["data"] is None
    assert [error["path"] for error in reply.json()["errors"]] == [["b"]]
    applied = reply.json()["extensions"]["applied"]
    assert list(applied) == ["a", "c"]
    assert "1 new contacts, 0 updated contacts" in applied["a"]


async def test_a_request_sent_again_with_its_id_does_nothing_twice(applied: Ingest) -> None:
    for _ in range(2):
        reply = await import_customers(applied, ANN, BOB, idempotency_key="nightly-7")
        assert "2 new contacts, 0 updated" in sentence(reply)
    events = await applied.events()
    assert [event["id"] for event in events] == ["nightly-7/0", "nightly-7/1"] * 2
    assert {event["source"] for event in events} == {"graphql"}
    assert len(await applied.directory.list_contacts(after=None, limit=10)) == 2


async def test_what_somebody_retracted_is_told_apart_from_what_was_updated(applied: Ingest) -> None:
    gone = format_event_id(make_event_id("graphql", "k/1"))
    retracted = await applied.send({"type": "event.retract", "events": [gone]})
    rule = retracted.json()["results"][0]["event_id"]
    assert (await applied.client.get(f"/v1/events/{rule}?wait=20")).status_code == 200
    told = sentence(await import_customers(applied, ANN, BOB, idempotency_key="k"))
    assert told.endswith(
        "1 new contacts, 0 updated contacts. Ignored fields: []. Without effect: customers[1] (retracted)"
    )


async def test_what_the_directory_refuses_after_all_is_an_error_of_its_customer(applied: Ingest) -> None:
    refused = {"source": "graphql", "id": "k/1", "on_many": "reject", "values": {"email": ["ann@x.co", "bob@x.co"]}}
    sent = await applied.send(
        [{"values": {"email": "ann@x.co"}}, {"values": {"email": "bob@x.co"}}, refused],
    )
    last = sent.json()["results"][2]["event_id"]
    assert (await applied.client.get(f"/v1/events/{last}?wait=20")).json()["status"] == "rejected"
    reply = await import_customers(applied, ANN, BOB, idempotency_key="k")
    assert reply.json()["data"] is None
    (error,) = reply.json()["errors"]
    assert error["extensions"] == {
        "code": "ambiguous",
        "customer": 1,
        "key": None,
        "position": None,
        "event_id": last,
        "status": "rejected",
    }
    assert error["message"].endswith("It was refused when it was applied; the others of the batch were not.")


async def test_past_the_deadline_it_is_pending_with_the_events_to_ask_for(ingest: Ingest) -> None:
    reply = await import_customers(ingest, ANN, BOB, prefer="respond-async, wait=0", idempotency_key="k")
    assert (reply.status_code, reply.json()["data"]) == (200, None)
    (error,) = reply.json()["errors"]
    ids = [format_event_id(make_event_id("graphql", f"k/{place}")) for place in range(2)]
    assert error["extensions"] == {"code": "pending", "event_ids": ids}
    assert error["path"] == ["updateCustomers"]
    assert "2 of 2 were not applied within 0 s" in error["message"]
    async with applying(ingest):
        outcome = await ingest.client.get(f"/v1/events/{ids[1]}?wait=20")
        assert outcome.json()["status"] == "created"
        assert "2 new contacts" in sentence(await import_customers(ingest, ANN, BOB, idempotency_key="k"))


async def test_while_the_directory_is_away_what_is_on_the_log_is_pending(ingest: Ingest) -> None:
    assert (await post_query(ingest, "{ __typename }")).status_code == 200

    async def away() -> None:
        raise Unavailable("directory", "the test has switched it off.")

    ingest.directory.pause = away
    assert codes(await import_customers(ingest, ANN, prefer="wait=0")) == ["pending"]
    assert ingest.log.appends == 1


async def test_while_the_log_is_away_it_is_503_and_nothing_was_promised(ingest: Ingest) -> None:
    ingest.log.away = True
    reply = await import_customers(ingest, ANN)
    assert (reply.status_code, codes(reply)) == (503, ["log_unavailable"])
    assert reply.headers["retry-after"] == "1"


async def test_a_choice_refuses_other_values(tmp_path: Path) -> None:
    attributes = [
        {"key": "email", "type": "email", "channel": "email", "multi": True},
        {"key": "tier", "type": "choice", "values": ["basic", "gold"], "aliases": ["level"]},
        {"key": "vip", "type": "boolean"},
        {"key": "points", "type": "integer"},
    ]
    async with serving(tmp_path, {"schema": {"attributes": attributes}}) as ingest, applying(ingest):
        said = customer(email="ann@example.com", level="GOLD", vip=True, points=7)
        assert "1 new contacts" in sentence(await import_customers(ingest, said))
        assert await values_of(ingest) == [{"email": ["ann@example.com"], "tier": "gold", "vip": True, "points": 7}]
        reply = await import_customers(ingest, customer(email="ann@example.com", level="silver", vip="perhaps"))
        assert codes(reply) == ["not_an_alternative", "invalid_boolean"]
        assert "basic, gold" in reply.json()["errors"][0]["message"]
        query = "{ customerSchema { attributes { nodes { key type alternatives } } } }"
        nodes = (await post_query(ingest, query)).json()["data"]["customerSchema"]["attributes"]["nodes"]
        assert nodes[1] == {"key": "tier", "type": "CHOICE", "alternatives": ["basic", "gold"]}


async def test_a_large_batch_is_taken_in_variables_and_written_out(tmp_path: Path) -> None:
    names = ("first_name", "last_name", "city", "company", "title", "country", "language", "labels", "telegram")
    said = [customer(email=f"p{place}@example.com", **dict.fromkeys(names, f"t{place}")) for place in range(200)]
    written = ",".join(
        "{values:[" + ",".join(f'{{key:"{pair["key"]}",value:"{pair["value"]}"}}' for pair in one["values"]) + "]}"
        for one in said
    )
    async with serving(tmp_path, {}) as ingest, applying(ingest):
        assert "200 new contacts, 0 updated" in sentence(await import_customers(ingest, *said))
        query = f"mutation {{ updateCustomers(customers: [{written}]) }}"
        assert "0 new contacts, 200 updated" in sentence(await post_query(ingest, query))
