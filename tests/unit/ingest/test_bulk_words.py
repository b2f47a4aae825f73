"""The words for reasons, against every code that docs/events.md tells (CONTRACT 5)."""

import re
from pathlib import Path

import pytest

from contactfold.config import check_config
from contactfold.domain.outcome import Reason
from contactfold.wire import read_event
from contactfold_ingest.bulk.door import PATIENCE
from contactfold_ingest.bulk.words import REMARK, WORDS, tell

ROOT = Path(__file__).parents[3]
NOT_HERE = {
    # of the request as a whole, which is refused before there are customers
    *("invalid_action", "invalid_on_many", "invalid_match_on", "invalid_source", "invalid_values", "invalid_field"),
    # of organisations, CloudEvents and mappings, which this door does not take
    *("invalid_organization", "invalid_cloud_event", "mapping_failed", "unknown_field", "unknown_type"),
    # of rows of files
    *("malformed_row", "organization_differs"),
    # of directives
    *("invalid_identifiers", "invalid_events", "invalid_import", "invalid_identifier", "erasure_is_final"),
    REMARK,
}
SCHEMA = check_config(
    {
        "schema": {
            "attributes": [
                {"key": "email", "type": "email", "channel": "email", "multi": True},
                {"key": "work_email", "type": "email", "channel": "email", "multi": True},
                {"key": "phone", "type": "phone", "channel": "sms"},
                {"key": "tier", "type": "choice", "values": ["basic", "gold"], "aliases": ["level"]},
                {"key": "born", "type": "date"},
                {"key": "seen", "type": "datetime"},
                {"key": "points", "type": "integer"},
                {"key": "vip", "type": "boolean"},
                {"key": "site", "type": "url"},
                {"key": "name"},
            ]
        }
    }
).contact_schema


def told_codes() -> set[str]:
    """Every code in the tables of reasons."""
    page = (ROOT / "docs" / "events.md").read_text().partition("## Every reason")[2]
    cells = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", page, re.MULTILINE)
    return {code for cell in cells for code in re.findall(r"`(\w+)`", cell)}


def test_every_reason_a_customer_can_be_refused_for_has_words_of_its_own() -> None:
    assert len(told_codes()) > 30
    assert told_codes() - NOT_HERE == WORDS.keys()
    assert len(set(WORDS.values())) == len(WORDS)


@pytest.mark.parametrize(
    ("customer", "words"),
    [
        ({"email": "nobody"}, "Invalid email format"),
        ({"E-Mail": "nobody"}, "Invalid email format"),
        ({"email": ["nobody"]}, "Invalid email format"),
        ({"email": ["ann@example.com", "nobody"]}, "Invalid email format (value 2)"),
        ({"work_email": "nobody"}, "Invalid email format: work_email"),
        ({"phone": "12"}, "Invalid phone number format"),
        ({"email": "a@example.com", "Level": "iron"}, "Not one of the alternatives: Level (basic, gold)"),
        ({"email": "a@example.com", "born": "21.11.2026"}, "Invalid date format: born"),
        ({"email": "a@example.com", "seen": "noon"}, "Invalid time format: seen"),
        ({"email": "a@example.com", "points": 1.5}, "Invalid number format: points"),
        ({"email": "a@example.com", "vip": "maybe"}, "Invalid boolean format: vip"),
        ({"email": "a@example.com", "site": "example"}, "Invalid URL format: site"),
        ({"email": "a@example.com", "name": {"first": "A"}}, "Invalid text format: name"),
        ({"email": "a@example.com", "name": "A\0"}, "Invalid control character: name"),
        ({"email": "a@example.com", "name": "A", "Name": "B"}, "Duplicate field: Name"),
        ({"email": "a@example.com", "name": ["A", "B"]}, "Too many values: name"),
        ({"email": "a" * 600}, "Too long: email"),
        ({"name": "A"}, "Missing identifier: a value of a key or channel is needed"),
        ({"email": "n/a"}, "Missing identifier: a value of a key or channel is needed"),
    ],
)
def test_a_reason_reads_as_the_contract_says_and_names_its_place(customer: dict[str, object], words: str) -> None:
    event = read_event({"values": customer}, SCHEMA, source="bulk", id="1", received_at=0)
    assert tell(customer, event.faults, SCHEMA) == words


def test_what_is_new_to_the_table_reads_as_everywhere_else_and_remarks_are_no_reasons() -> None:
    reasons = [Reason("junk", "Junk.", "email"), Reason("brand_new", "This is new.", "name")]
    assert tell({}, reasons, SCHEMA) == "This is new."


def test_the_page_of_the_door_tells_all_words_and_how_long_it_waits() -> None:
    page = (ROOT / "docs" / "doors" / "bulk.md").read_text()
    table = page.partition("## Every reason in words")[2].partition("```")[0]
    rows = re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
    told = [words for row in rows for words in re.findall(r"`([^`]+)`", row)]
    assert sorted(told) == sorted([*WORDS.values(), "reason"])
    assert f"after {PATIENCE:g} seconds" in page
