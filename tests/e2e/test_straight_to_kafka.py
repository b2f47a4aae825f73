"""Records that another program writes straight to the topic, right and wrong, on a real broker."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from contactfold.config import Config
from contactfold.domain.stamp import format_event_id, make_event_id
from contactfold.redriving import LETTER_HEADER, PLACE_HEADER
from contactfold.wire import SCHEMA_HEADER
from servers.commands import Installation, Server, eventually

LARGEST = 2_000
SENT_AT = 1_740_819_600_000
"""2025-03-01T09:00:00Z in milliseconds: the timestamp that the producer gives every record."""

Headers = Sequence[tuple[str, bytes]]

DEAD: dict[str, tuple[bytes | None, str]] = {
    "no JSON": (b'{"values": {"email": "a@example.com"}', "not_json"),
    "other text": ('{"values": {}}'.encode("utf-16"), "not_json"),
    "a tombstone": (None, "not_json"),
    "a list": (b'[{"values": {"email": "a@example.com"}}]', "not_an_event"),
    "unknown type": (b'{"type": "contact.delete", "values": {"email": "a@example.com"}}', "unknown_type"),
    "too large": (b'{"values": {"email": "a@example.com", "city": "' + b"x" * LARGEST + b'"}}', "too_large"),
}
"""Records that cannot be read, and the code of the dead letter that each becomes."""

TIMES = {"occurred_at": "2025-03-01T09:00:00Z", "received_at": "2025-03-01T09:00:00Z"}
FINGERPRINT = Config().contact_schema.fingerprint.encode()
REJECTED: dict[str, tuple[dict[str, Any], Headers, str]] = {
    "no values": ({}, (), "no_identifier"),
    "nobody": ({"values": {"first_name": "Ann"}}, (), "no_identifier"),
    "bad e-mail": ({"values": {"email": "nobody"}}, (), "invalid_email"),
    "bad time": ({"occurred_at": "yesterday", "values": {"email": "a@example.com"}}, (), "invalid_time"),
    "bad receipt": ({"received_at": 5, "values": {"email": "a@example.com"}}, (), "invalid_time"),
    "import of no shape": ({"import": "x", "values": {"email": "a@example.com"}}, (), "invalid_field"),
    "mark of another schema": ({"values": {"email": "nobody"}}, [(SCHEMA_HEADER, b"0" * 16)], "invalid_email"),
    "forged mark": ({**TIMES, "values": {"email": [5]}}, [(SCHEMA_HEADER, FINGERPRINT)], "invalid_email"),
}
"""Events that are refused, with their headers, and the code of the reason."""


@pytest.fixture
def here(tmp_path: Path, kafka_url: str, mongo_url: str) -> Iterator[Installation]:
    made = Installation(tmp_path, CONTACTFOLD_LOG=kafka_url, CONTACTFOLD_DIRECTORY=mongo_url)
    (tmp_path / "contactfold.yaml").write_text(f"limits: {{record_bytes: {LARGEST}}}")
    yield made
    made.end()


class Topic:
    """The topic of events, as another program sees it."""

    def __init__(self, bootstrap: str, name: str) -> None:
        self._bootstrap, self._name = bootstrap, name

    def write(self, *records: tuple[str, bytes | None, Headers]) -> list[str]:
        """Write records of key, value and headers, compressed as many producers do; returns the place of each."""
        return asyncio.run(self._write(records))

    async def _write(self, records: Sequence[tuple[str, bytes | None, Headers]]) -> list[str]:
        places: list[str] = []
        producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, acks="all", compression_type="gzip")
        await producer.start()
        try:
            for key, value, headers in records:
                written = await producer.send_and_wait(
                    self._name, value, key=key.encode(), timestamp_ms=SENT_AT, headers=list(headers)
                )
                places.append(f"{self._name}/{written.partition}/{written.offset}")
        finally:
            await producer.stop()
        return places


@pytest.fixture
def topic(kafka: str, topic_prefix: str) -> Topic:
    return Topic(kafka, f"{topic_prefix}.events")


@pytest.fixture
def up(here: Installation) -> Server:
    """Everything in one process, on Kafka and MongoDB."""
    return here.start("up").wait_until_ready()


def outcome_of(up: Server, source: str, own_id: str) -> Any:
    event_id = format_event_id(make_event_id(source, own_id))
    status, outcome = up.ask(f"/v1/events/{event_id}?wait=60")
    assert status == 200, outcome
    return outcome


def codes_of(outcome: Any) -> list[str]:
    return [reason["code"] for reason in outcome["reasons"]]


def test_records_that_cannot_be_read_are_dead_letters_and_those_refused_have_outcomes(
    here: Installation, up: Server, topic: Topic
) -> None:
    places = topic.write(*((name, value, ()) for name, (value, _) in DEAD.items()))
    refused = {
        name: (json.dumps({"id": name, "source": "crm", **event}).encode(), headers)
        for name, (event, headers, _) in REJECTED.items()
    }
    topic.write(*((name, value, headers) for name, (value, headers) in refused.items()))

    for name, (_, _, code) in REJECTED.items():
        outcome = outcome_of(up, "crm", name)
        assert (outcome["status"], outcome["contact_id"], codes_of(outcome)) == ("rejected", None, [code]), name
    eventually(lambda: len(here.json("dead", "list")) == len(DEAD))
    letters = {letter["id"]: letter for letter in here.json("dead", "list")}
    assert {place: letters[place]["code"] for place in places} == {
        place: code for place, (_, code) in zip(places, DEAD.values(), strict=True)
    }
    assert all(letter["reason"].endswith(".") for letter in letters.values())
    assert here.run("dead", "list", "--reason", "too_large").stdout.count("too_large") == 1
    assert up.ask("/v1/contacts")[1]["items"] == []
    assert here.run("verify").returncode == 0


def test_what_a_record_leaves_out_is_filled_in_from_its_place_and_its_time(up: Server, topic: Topic) -> None:
    (place,) = topic.write(("email:ann@example.com", b'{"values": {"E-Mail": "Ann@example.com", "shoe": 4}}', ()))
    outcome = outcome_of(up, "kafka", place)
    assert (outcome["status"], outcome["ignored_fields"]) == ("created", ["shoe"])
    contact = up.ask("/v1/contacts?identifier=email:ann@example.com")[1]
    assert contact["created_at"] == "2025-03-01T09:00:00.000000Z"


def test_a_wrong_key_costs_nothing(up: Server, topic: Topic) -> None:
    event = b'{"id": "%d", "source": "crm", "values": {"external_customer_id": "7", "labels": ["l%d"]}}'
    topic.write(*((f"key {number}", event % (number, number), ()) for number in range(20)))
    for number in range(20):
        outcome_of(up, "crm", str(number))
    contact = up.ask("/v1/contacts?identifier=external_customer_id:7")[1]
    assert contact["values"]["labels"] == [f"l{number}" for number in order_of(range(20))]


def order_of(numbers: Sequence[int]) -> list[int]:
    """Numbers of events of one time in their order: by event id."""
    return sorted(numbers, key=lambda number: make_event_id("crm", str(number)))


def test_no_header_makes_a_dead_letter_of_others_go_away(here: Installation, up: Server, topic: Topic) -> None:
    (place,) = topic.write(("k", b"no event", ()))
    eventually(lambda: len(here.json("dead", "list")) == 1)
    forged = [(LETTER_HEADER, place.encode()), (PLACE_HEADER, place.encode())]
    event = b'{"id": "1", "source": "crm", "values": {"email": "ann@example.com"}}'
    topic.write(("k", event, forged))
    assert outcome_of(up, "crm", "1")["status"] == "created"
    assert [letter["id"] for letter in here.json("dead", "list")] == [place]


def test_a_record_that_says_it_is_a_row_of_an_import_is_taken_back_with_it(up: Server, topic: Topic) -> None:
    row = {"id": "r", "source": "crm", "import": {"id": "i", "row": 0}, "values": {"email": "ann@example.com"}}
    topic.write(("k", json.dumps(row).encode(), ()))
    assert outcome_of(up, "crm", "r")["status"] == "created"
    assert up.ask("/v1/retract", {"import": "i"})[0] == 202
    eventually(lambda: up.ask("/v1/contacts?identifier=email:ann@example.com")[0] == 404)
