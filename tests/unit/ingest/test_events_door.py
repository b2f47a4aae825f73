"""`POST /v1/events`: one event, an array, NDJSON; ids and times; replies (CONTRACT 4)."""

import gzip
from collections.abc import AsyncIterator

import msgspec
import pytest

from contactfold.domain.stamp import format_event_id, make_event_id
from fakes.ingest_service import Ingest

ANN = {"values": {"email": "ann@example.com"}}
BOB = {"values": {"email": "bob@example.com"}}
NOBODY = {"values": {"first_name": "Ann"}}
PROBLEM = "application/problem+json"


async def test_one_event_is_accepted_and_lies_on_the_log(ingest: Ingest) -> None:
    reply = await ingest.send({"id": "o-1", "source": "shop", **ANN})
    assert reply.status_code == 202
    assert reply.json() == {
        "results": [
            {
                "event_id": format_event_id(make_event_id("shop", "o-1")),
                "source": "shop",
                "id": "o-1",
                "status": "accepted",
            }
        ],
        "ignored_fields": [],
    }
    (event,) = await ingest.events()
    assert (event["id"], event["source"], event["values"]) == ("o-1", "shop", {"email": ["ann@example.com"]})


async def test_an_event_without_id_and_source_is_given_both(ingest: Ingest) -> None:
    first, second = [(await ingest.send(ANN)).json()["results"][0] for _ in range(2)]
    assert first["source"] == second["source"] == "api"
    assert first["id"] != second["id"]


async def test_items_of_one_request_happen_a_microsecond_apart_in_their_order(ingest: Ingest) -> None:
    ingest.clock.now = 1_700_000_000_000_000
    await ingest.send([ANN, BOB, ANN])
    times = [(event["occurred_at"], event["received_at"]) for event in await ingest.events()]
    assert times == [(f"2023-11-14T22:13:20.00000{i}Z",) * 2 for i in range(3)]


async def test_received_at_is_the_doors_own_whatever_was_sent(ingest: Ingest) -> None:
    ingest.clock.now = 1_700_000_000_000_000
    await ingest.send({**ANN, "received_at": "1999-01-01T00:00:00Z"})
    (event,) = await ingest.events()
    assert event["received_at"] == "2023-11-14T22:13:20.000000Z"


async def test_some_refused_is_207_with_a_result_for_every_item_in_order(ingest: Ingest) -> None:
    reply = await ingest.send([ANN, NOBODY, BOB, 7])
    assert reply.status_code == 207
    assert reply.headers["content-type"] == "application/json"
    results = reply.json()["results"]
    assert [result["status"] for result in results] == ["accepted", "rejected", "accepted", "rejected"]
    assert [result["index"] for result in results if "index" in result] == [1, 3]
    assert len(await ingest.events()) == 2


async def test_none_accepted_is_a_422_problem_with_results_beside_reasons(ingest: Ingest) -> None:
    reply = await ingest.send(NOBODY)
    assert (reply.status_code, reply.headers["content-type"]) == (422, PROBLEM)
    body = reply.json()
    assert [reason["code"] for reason in body["reasons"]] == ["no_identifier"]
    assert body["results"] == [{"index": 0, "status": "rejected", "reasons": body["reasons"]}]
    assert body["ignored_fields"] == []
    assert ingest.log.appends == 0


async def test_every_reason_of_an_item_is_told_with_field_and_position(ingest: Ingest) -> None:
    event = {
        "occurred_at": "yesterday",
        "action": "explode",
        "values": {"email": ["ann@example.com", "nonsense"], "first_name": 1.5},
    }
    reply = await ingest.send(event)
    assert reply.status_code == 422
    told = {(reason["code"], reason["field"], reason["position"]) for reason in reply.json()["reasons"]}
    assert told == {
        ("invalid_time", "occurred_at", None),
        ("invalid_action", "action", None),
        ("invalid_email", "email", 1),
        ("invalid_string", "first_name", None),
    }
    assert all(reason["message"] for reason in reply.json()["reasons"])


async def test_no_reason_repeats_a_value(ingest: Ingest) -> None:
    reply = await ingest.send({"values": {"email": "s3cr3t-value", "phone_number": "s3cr3t-value"}})
    assert reply.status_code == 422
    assert "s3cr3t" not in reply.text


async def test_unknown_fields_are_ignored_and_named(ingest: Ingest) -> None:
    reply = await ingest.send([{"values": {**ANN["values"], "shoe": 4}}, {**BOB, "hat": 1}])
    assert reply.status_code == 202
    assert reply.json()["ignored_fields"] == ["shoe", "hat"]


async def test_a_row_of_an_import_is_refused(ingest: Ingest) -> None:
    reply = await ingest.send({**ANN, "import": {"id": "i-1", "row": 1}})
    assert reply.status_code == 422
    assert [(reason["code"], reason["field"]) for reason in reply.json()["reasons"]] == [("invalid_field", "import")]


@pytest.mark.parametrize("header", ["webhook_id", "idempotency_key"])
async def test_a_header_names_events_without_an_id(ingest: Ingest, header: str) -> None:
    one = await ingest.send(ANN, **{header: "h-1"})
    several = await ingest.send([ANN, {"id": "own", **BOB}, BOB], **{header: "h-2"})
    single = await ingest.send([ANN], **{header: "h-3"})
    ids = [result["id"] for reply in (one, several, single) for result in reply.json()["results"]]
    assert ids == ["h-1", "h-2/0", "own", "h-2/2", "h-3"]


async def test_an_id_header_that_is_too_long_is_refused(ingest: Ingest) -> None:
    reply = await ingest.send(ANN, idempotency_key="x" * 513)
    assert (reply.status_code, reply.json()["reasons"][0]["code"]) == (422, "too_long")


async def test_ndjson_is_one_event_a_line(ingest: Ingest) -> None:
    lines = b'{"values":{"email":"ann@example.com"}}\r\n\n{"values":{"email":"bob@example.com"}}'
    reply = await ingest.post("/v1/events", lines, content_type="application/x-ndjson; charset=utf-8")
    assert reply.status_code == 202
    assert len(reply.json()["results"]) == 2


async def test_a_broken_line_of_ndjson_refuses_the_request_and_names_the_place(ingest: Ingest) -> None:
    reply = await ingest.post(
        "/v1/events", msgspec.json.encode(ANN) + b'\n{"values":}', content_type="application/x-ndjson"
    )
    assert reply.status_code == 400
    assert "line 2, column 11" in reply.json()["detail"]
    assert ingest.log.appends == 0


async def test_malformed_json_is_400_with_the_place(ingest: Ingest) -> None:
    reply = await ingest.send(b'{"values":\n  {"email": ]}}')
    assert (reply.status_code, reply.headers["content-type"]) == (400, PROBLEM)
    assert reply.json()["reasons"][0]["code"] == "malformed_json"
    assert "line 2, column 13" in reply.json()["detail"]


async def test_a_byte_order_mark_is_tolerated(ingest: Ingest) -> None:
    assert (await ingest.send(b"\xef\xbb\xbf" + msgspec.json.encode(ANN))).status_code == 202


async def test_a_body_without_a_content_type_is_json(ingest: Ingest) -> None:
    request = ingest.client.build_request("POST", "/v1/events", content=msgspec.json.encode(ANN))
    request.headers.pop("content-type", None)
    assert (await ingest.client.send(request)).status_code == 202


async def test_every_member_of_a_gzip_counts(ingest: Ingest) -> None:
    """`cat a.gz b.gz` is a gzip; a second member that is left out would be lost behind a 202."""
    lines = [msgspec.json.encode({**ANN, "id": name}) + b"\n" for name in ("first", "second")]
    both = b"".join(map(gzip.compress, lines))
    reply = await ingest.send(both, content_encoding="gzip", content_type="application/x-ndjson")
    assert [result["id"] for result in reply.json()["results"]] == ["first", "second"]
    behind = await ingest.send(gzip.compress(lines[0]) + b"and more", content_encoding="gzip")
    assert (behind.status_code, behind.json()["reasons"][0]["code"]) == (400, "malformed_gzip")
    bombs = gzip.compress(b" " * 600_000) * 2
    assert (await ingest.send(bombs, content_encoding="gzip")).status_code == 413


async def test_a_gzip_of_very_many_members_is_refused_without_much_work(ingest: Ingest) -> None:
    """Twenty bytes make one, and each used to copy all that came behind it."""
    event = msgspec.json.encode(ANN)
    few = b"".join(gzip.compress(bytes([byte])) for byte in event)
    assert (await ingest.send(few, content_encoding="gzip")).status_code == 202
    reply = await ingest.send(gzip.compress(b"") * 2_000, content_encoding="gzip")
    assert (reply.status_code, reply.json()["reasons"][0]["code"]) == (400, "malformed_gzip")


async def test_gzip_is_unpacked_within_the_limit(ingest: Ingest) -> None:
    good = await ingest.send(gzip.compress(msgspec.json.encode(ANN)), content_encoding="gzip")
    bomb = await ingest.send(gzip.compress(b" " * 10_000_000), content_encoding="gzip")
    cut = await ingest.send(gzip.compress(msgspec.json.encode(ANN))[:-4], content_encoding="gzip")
    assert [reply.status_code for reply in (good, bomb, cut)] == [202, 413, 400]


async def test_a_body_past_the_limit_is_413_whether_or_not_it_says_its_length(ingest: Ingest) -> None:
    async def in_pieces() -> AsyncIterator[bytes]:
        for _ in range(9):
            yield b" " * 10_000

    told = await ingest.send(b" " * 70_000)
    untold = await ingest.client.post("/v1/events", content=in_pieces())
    assert [reply.status_code for reply in (told, untold)] == [413, 413]
    assert told.headers["content-type"] == PROBLEM
    assert "65536" in told.json()["detail"]


async def test_an_event_past_the_record_limit_is_refused_and_its_neighbours_are_not(ingest: Ingest) -> None:
    reply = await ingest.send([ANN, {"values": {"email": "b@example.com", "city": "x" * 9_000}}])
    assert reply.status_code == 207
    assert reply.json()["results"][1]["reasons"][0]["code"] == "record_too_large"


async def test_a_record_the_log_never_takes_is_413(ingest: Ingest) -> None:
    ingest.log.largest = 10
    assert (await ingest.send(ANN)).status_code == 413


async def test_a_log_that_is_away_is_503_and_the_door_recovers_by_itself(ingest: Ingest) -> None:
    ingest.log.away = True
    away = await ingest.send({"id": "o-1", **ANN})
    ready = await ingest.client.get("/readyz")
    ingest.log.away = False
    back = await ingest.send({"id": "o-1", **ANN})
    assert (away.status_code, away.headers["content-type"], away.headers["retry-after"]) == (503, PROBLEM, "1")
    assert "results" not in away.json()
    assert "send the request again" in away.json()["detail"]
    assert (ready.status_code, ready.json()["reasons"][0]["field"]) == (503, "log")
    assert back.status_code == 202
    assert [event["id"] for event in await ingest.events()] == ["o-1"]


async def test_a_request_is_one_append(ingest: Ingest) -> None:
    await ingest.send([ANN, BOB] * 300)
    assert ingest.log.appends == 1
    assert len(await ingest.events()) == 600


async def test_no_request_holds_more_items_than_events_fit_into_a_body(ingest: Ingest) -> None:
    reply = await ingest.send([1] * 30_000)
    assert (reply.status_code, reply.json()["reasons"][0]["code"]) == (413, "too_many_items")


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data", "application/cbor"])
async def test_another_content_type_is_415_and_names_those_that_are_read(ingest: Ingest, content_type: str) -> None:
    reply = await ingest.post("/v1/events", msgspec.json.encode(ANN), content_type=content_type)
    assert (reply.status_code, reply.headers["content-type"]) == (415, PROBLEM)
    assert "application/x-ndjson" in reply.json()["detail"]


async def test_another_method_is_405_and_names_the_one(ingest: Ingest) -> None:
    reply = await ingest.client.get("/v1/events")
    assert (reply.status_code, reply.headers["allow"], reply.headers["content-type"]) == (405, "POST", PROBLEM)
