"""`PUT /records` and `POST /records`: what is taken, by whom, and what is done with it (CONTRACT 5)."""

from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from fakes.ingest_service import Ingest, serving
from fakes.record_sending import ANN, URLENCODED, errors_of, ingest, only_event, send

__all__ = ["ingest"]

# ------------------------------------------------------------------------------------------------ what is taken


@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize("path", ["/records", "/records/"])
async def test_a_record_in_the_query_is_an_event_of_its_configuration(ingest: Ingest, method: str, path: str) -> None:
    query = "configuration=contact&record[Email]=ann%40example.com&record[First+name]=Ann"
    reply = await ingest.client.request(method, f"{path}?{query}")
    assert (reply.status_code, reply.content) == (200, b"")
    event = await only_event(ingest)
    assert event["source"] == "contact"
    assert event["values"] == {"email": ["ann@example.com"], "first_name": "Ann"}


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_a_record_in_a_form_is_taken_in_both_encodings(ingest: Ingest, method: str) -> None:
    fields = {"configuration": "contact", **ANN}
    encoded = await ingest.client.request(method, "/records/", data=fields)
    parts = await ingest.client.request(method, "/records/", files={n: (None, v) for n, v in fields.items()})
    assert "multipart/form-data" in parts.request.headers["content-type"]
    assert [(one.status_code, one.content) for one in (encoded, parts)] == [(200, b"")] * 2
    assert [event["values"] for event in await ingest.events()] == [
        {"email": ["ann@example.com"], "first_name": "Ann"}
    ] * 2


async def test_nothing_else_may_be_done_there(ingest: Ingest) -> None:
    for method in ("GET", "HEAD", "DELETE", "PATCH"):
        reply = await ingest.client.request(method, "/records?record[Email]=ann@example.com")
        assert reply.status_code == 405
        assert set(reply.headers["allow"].split(", ")) == {"PUT", "POST"}
    assert await ingest.events() == []


async def test_the_configuration_contact_is_there_and_stands_where_none_is_named(ingest: Ingest) -> None:
    assert (await send(ingest, ANN)).status_code == 200
    assert (await only_event(ingest))["source"] == "contact"


async def test_a_configuration_of_the_name_contact_replaces_the_one_that_is_there(tmp_path: Path) -> None:
    configuration = {"sources": {"contact": {"values": {"email": "Mail"}}}}
    async with serving(tmp_path, configuration) as own:
        reply = await send(own, {"record[Mail]": "ann@example.com", "record[First name]": "Ann"})
        assert (reply.status_code, reply.json()) == (200, {"ignored_fields": ["First name"]})


@pytest.mark.parametrize("named", ["nobody", "", " ", "Contact", "../shop"])
async def test_a_configuration_that_is_none_is_a_clear_error(ingest: Ingest, named: str) -> None:
    (sentence,) = errors_of(await send(ingest, ANN, configuration=named))["configuration"]
    assert sentence.startswith("There is no such configuration: contact is one")
    assert await ingest.events() == []


async def test_two_configurations_are_refused_and_one_said_twice_is_one(ingest: Ingest) -> None:
    twice = await send(ingest, {**ANN, "configuration": ["strict", "strict"]})
    assert twice.status_code == 200
    assert set(errors_of(await send(ingest, {**ANN, "configuration": ["strict", "needs"]}))) == {"configuration"}


async def test_what_the_body_says_of_a_field_stands_instead_of_the_querys_which_is_named(ingest: Ingest) -> None:
    query = "configuration=strict&record[Email]=bob@example.com&record[City]=Ulm&record[Labels][]=old"
    body = {**ANN, "configuration": "contact", "record[Labels]": ["new", "vip"]}
    reply = await ingest.client.put(f"/records?{query}", data=body)
    assert (reply.status_code, reply.json()) == (200, {"ignored_fields": ["configuration", "Email", "Labels"]})
    event = await only_event(ingest)
    assert event["source"] == "contact"
    assert event["values"] == {
        "email": ["ann@example.com"],
        "first_name": "Ann",
        "city": "Ulm",
        "labels": ["new", "vip"],
    }


async def test_what_the_query_and_the_body_say_alike_goes_without_saying(ingest: Ingest) -> None:
    query = "configuration=strict&record[Email]=ann@example.com%20&record[First+name]=Bo"
    reply = await ingest.client.put(f"/records?{query}", data={**ANN, "configuration": "strict"})
    # The source takes no field that it does not know; this one it knows, from the body.
    assert (reply.status_code, reply.json()) == (200, {"ignored_fields": ["First name"]})


@pytest.mark.parametrize(
    "body",
    [
        "record[Labels]=new&record[Labels]=vip",
        "record[Labels][]=new&record[Labels][]=vip",
        "record[Labels][0]=new&record[Labels][1]=vip",
        "record%5BLabels%5D%5B%5D=new&record[Labels][7]=vip",
    ],
)
async def test_several_values_of_a_field_are_a_list_however_they_are_written(ingest: Ingest, body: str) -> None:
    content = f"record[Email]=ann@example.com&{body}"
    assert (await ingest.client.post("/records", content=content, headers={"content-type": URLENCODED})).content == b""
    assert (await only_event(ingest))["values"]["labels"] == ["new", "vip"]


async def test_several_values_of_a_field_that_holds_one_are_refused(ingest: Ingest) -> None:
    fields = {**ANN, "record[First name]": ["Ann", "Anna"]}
    assert errors_of(await send(ingest, fields)) == {"First name": ["first_name holds one value, and 2 were sent."]}


async def test_an_empty_field_says_nothing_unless_the_source_says_it_deletes(ingest: Ingest) -> None:
    fields = {**ANN, "record[City]": "", "record[Labels][]": " "}
    await send(ingest, fields)
    await send(ingest, fields, configuration="deletes")
    silent, deleting = await ingest.events()
    assert silent["values"] == {"email": ["ann@example.com"], "first_name": "Ann"}
    assert (deleting["values"]["city"], deleting["values"]["labels"]) == ("", "")


async def test_a_header_gives_the_event_its_id(ingest: Ingest) -> None:
    for _ in range(2):
        await send(ingest, ANN, headers={"Idempotency-Key": "form-7"})
    assert [(event["source"], event["id"]) for event in await ingest.events()] == [("contact", "form-7")] * 2
    (sentence,) = errors_of(await send(ingest, ANN, headers={"Idempotency-Key": "x" * 513}))["idempotency-key"]
    assert sentence == "The header idempotency-key has at most 512 characters."


# ------------------------------------------------------------------------------------------------------- the door


@pytest.mark.parametrize(
    ("headers", "auth"),
    [
        ({"authorization": f"Bearer {'k' * 40}"}, None),
        ({"x-api-key": "k" * 40}, None),
        ({"x-api-token": "k" * 40}, None),
        ({}, ("k" * 40, "")),
        ({}, ("client", "k" * 40)),
    ],
)
async def test_a_key_is_taken_in_every_way_it_is_sent(ingest: Ingest, headers: dict[str, str], auth: Any) -> None:
    await ingest.add_key("k" * 40, "ingest")
    assert (await send(ingest, ANN)).status_code == 401
    assert (await send(ingest, ANN, headers=headers, auth=auth)).status_code == 200


async def test_a_key_without_the_scope_and_a_page_of_another_origin_are_refused(ingest: Ingest) -> None:
    foreign = await send(ingest, ANN, headers={"origin": "https://evil.example"})
    assert (foreign.status_code, foreign.json()["reasons"][0]["code"]) == (403, "origin_not_allowed")
    await ingest.add_key("r" * 40, "read")
    assert (await send(ingest, ANN, headers={"x-api-key": "r" * 40})).status_code == 403


async def test_a_key_of_one_source_writes_that_one_alone_and_need_not_name_it(ingest: Ingest) -> None:
    await ingest.add_key("k" * 40, "ingest", source="deletes")
    headers = {"x-api-key": "k" * 40}
    assert (await send(ingest, ANN, configuration="strict", headers=headers)).status_code == 403
    assert (await send(ingest, ANN, headers=headers)).status_code == 200
    assert (await only_event(ingest))["source"] == "deletes"


async def test_a_key_of_a_source_that_no_configuration_names_writes_it_as_contact_is_written(ingest: Ingest) -> None:
    await ingest.add_key("k" * 40, "ingest", source="partner")
    headers = {"x-api-key": "k" * 40}
    assert (await send(ingest, ANN, headers=headers)).status_code == 200
    assert (await send(ingest, ANN, configuration="partner", headers=headers)).status_code == 200
    refused = await send(ingest, ANN, configuration="contact", headers=headers)
    assert (refused.status_code, refused.json()["reasons"][0]["code"]) == (403, "source_not_allowed")
    assert [event["source"] for event in await ingest.events()] == ["partner"] * 2


async def test_nothing_is_promised_while_the_log_is_away(ingest: Ingest) -> None:
    ingest.log.away = True
    reply = await send(ingest, ANN)
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")
    assert "errors" not in reply.json()


async def test_records_are_counted_by_their_configuration(ingest: Ingest) -> None:
    def count(status: str) -> float:
        labels = {"door": "records", "source": "strict", "status": status}
        return REGISTRY.get_sample_value("contactfold_events_received_total", labels) or 0.0

    before = count("accepted"), count("rejected")
    await send(ingest, ANN, configuration="strict")
    await send(ingest, {"record[Email]": "nobody"}, configuration="strict")
    assert (count("accepted"), count("rejected")) == (before[0] + 1, before[1] + 1)
