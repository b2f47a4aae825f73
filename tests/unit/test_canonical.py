"""The canonical export and the CSV form, byte for byte."""

import pytest

from contactfold.canonical import contact_line, csv_header, csv_row, guard_cell, organization_line
from contactfold.domain.directory import LINKS, Contact, Fragment
from contactfold.domain.schema import Attribute, Schema, default_schema
from contactfold.domain.stamp import pack_stamp

SCHEMA = default_schema()
ONE = bytes(15) + b"\x01"
TWO = bytes(15) + b"\x02"
EARLY = pack_stamp(1_000_000, ONE)
LATE = pack_stamp(1_795_292_482_123_456, TWO)


def contact() -> Contact:
    """A contact with one value of each kind."""
    return Contact(
        handle=TWO,
        id=ONE,
        birth=EARLY,
        last=LATE,
        updated=LATE,
        single={"first_name": (LATE, 'Zoë "Z"', "shop"), "city": (EARLY, "=1+1", "crm")},
        multi={
            "email": {"b@x.org": (LATE, 0, "b@x.org", "shop"), "a@x.org": (EARLY, 0, "A@x.org", "crm")},
            "phone_number": {"+14155550123": (EARLY, 0, "+14155550123", "crm")},
            LINKS: {"A-1": (EARLY, 0, "A-1", "crm")},
        },
        owned={"email:a@x.org", "phone_number:+14155550123"},
    )


def test_a_contact_s_line_is_exact() -> None:
    early = '"event_id":"00000000000000000000000001","occurred_at":"1970-01-01T00:00:01.000000Z","source":"crm"'
    late = '"event_id":"00000000000000000000000002","occurred_at":"2026-11-21T20:21:22.123456Z","source":"shop"'
    expected = (
        '{"contested":["email:b@x.org"],"created_at":"1970-01-01T00:00:01.000000Z",'
        '"id":"00000000000000000000000001","identifiers":["email:a@x.org","phone_number:+14155550123"],'
        '"organizations":["A-1"],'
        '"provenance":{"@organizations":[{' + early + ',"value":"A-1"}],'
        '"city":{' + early + ',"value":"=1+1"},'
        '"email":[{' + early + ',"value":"A@x.org"},{' + late + ',"value":"b@x.org"}],'
        '"first_name":{' + late + ',"value":"Zoë \\"Z\\""},'
        '"phone_number":[{' + early + ',"value":"+14155550123"}]},'
        '"updated_at":"2026-11-21T20:21:22.123456Z",'
        '"values":{"city":"=1+1","email":["A@x.org","b@x.org"],"first_name":"Zoë \\"Z\\"",'
        '"phone_number":["+14155550123"]}}\n'
    )
    assert contact_line(contact(), SCHEMA) == expected.encode()


def test_empty_fields_are_left_out() -> None:
    bare = Contact(handle=ONE, id=ONE, birth=EARLY, last=EARLY, updated=EARLY)
    assert contact_line(bare, SCHEMA) == (
        b'{"created_at":"1970-01-01T00:00:01.000000Z","id":"00000000000000000000000001",'
        b'"updated_at":"1970-01-01T00:00:01.000000Z"}\n'
    )


def test_a_line_does_not_depend_on_what_arrived_first() -> None:
    other = contact()
    other.multi = {key: dict(reversed(elements.items())) for key, elements in reversed(other.multi.items())}
    other.single = dict(reversed(other.single.items()))
    other.handle, other.version, other.size, other.plain = ONE, 7, 9, False
    assert contact_line(other, SCHEMA) == contact_line(contact(), SCHEMA)


def test_an_organisation_s_line_is_exact() -> None:
    told = [
        Fragment("Ä-1", "contactfold.events/0", EARLY, {"name": (EARLY, "Old", "crm"), "size": (EARLY, 0, "crm")}),
        Fragment("Ä-1", "contactfold.events/1", LATE, {"name": (LATE, None, "shop")}),
    ]
    assert organization_line(told).decode() == (
        '{"account_id":"Ä-1","provenance":{"size":{"event_id":"00000000000000000000000001",'
        '"occurred_at":"1970-01-01T00:00:01.000000Z","source":"crm","value":0}},"size":0}\n'
    )


def test_an_organisation_without_fields_is_a_line_all_the_same() -> None:
    assert organization_line([Fragment("A-1", "contactfold.events/0", EARLY)]) == b'{"account_id":"A-1"}\n'


def test_a_table_s_row_is_exact() -> None:
    schema = Schema(tuple(a for a in SCHEMA.attributes if a.key in ("first_name", "email", "phone_number", "city")))
    assert (
        csv_header(schema) + csv_row(contact(), schema)
        == (
            "id,first_name,email,phone_number,city,identifiers,organizations,created_at,updated_at\r\n"
            '00000000000000000000000001,"Zoë ""Z""",A@x.org; b@x.org,+14155550123,\'=1+1,'
            "email:a@x.org; phone_number:+14155550123,A-1,"
            "1970-01-01T00:00:01.000000Z,2026-11-21T20:21:22.123456Z\r\n"
        ).encode()
    )


def test_a_column_of_ours_gives_way_to_an_attribute_of_that_name() -> None:
    schema = Schema((Attribute("ID", "Number", is_key=True), Attribute("created_at", "Made")))
    assert (
        csv_header(schema)
        == b"contactfold_id,ID,created_at,identifiers,organizations,contactfold_created_at,updated_at\r\n"
    )


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "+1 415", "-", "+", "-1e9"])
def test_what_a_spreadsheet_would_run_is_guarded(text: str) -> None:
    assert guard_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["+14155550123", "-12", "-0.5", "+7", -3, 0, "plain", "a=b", ""])
def test_numbers_phones_and_plain_text_are_left_alone(value: str | int) -> None:
    assert guard_cell(value) == str(value)


def test_several_phones_stay_readable_and_a_formula_behind_one_is_guarded() -> None:
    assert guard_cell("+14155550123", "+14155550124") == "+14155550123; +14155550124"
    assert guard_cell("+14155550123", "=1+1") == "'+14155550123; =1+1"


def test_truth_is_written_as_json_writes_it() -> None:
    assert guard_cell(True) == "true"
    assert guard_cell(False) == "false"
