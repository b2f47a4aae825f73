"""Rows as events: values, faults, organisations, and what an empty cell says."""

from typing import Any

import pytest

from contactfold.domain.outcome import Reason
from contactfold.domain.schema import Attribute, Schema, default_schema
from contactfold.domain.stamp import format_event_id, make_event_id, stamp_time
from contactfold.tables.cells import split_cell
from contactfold.tables.options import Options, read_options
from contactfold.tables.reading import Row
from contactfold.tables.rows import Plan, PlannedRow, understand_row
from contactfold.wire import write_event

BEGAN = 1_795_000_000_000_000


def plan_of(header: str, schema: Schema, **options: Any) -> Plan:
    plan = Plan(header.split(","), read_options(options, schema), schema)
    assert plan.faults == []
    return plan


def say(header: str, row: str, schema: Schema, **options: Any) -> PlannedRow:
    return plan_of(header, schema, **options).event(Row(2, row.split(",")), "01IMPORT", BEGAN)


def values(header: str, row: str, schema: Schema, **options: Any) -> dict[str, object]:
    planned = say(header, row, schema, **options)
    assert planned.faults == []
    found = planned.payload["values"]
    assert isinstance(found, dict)
    return found


def codes(planned: PlannedRow) -> list[tuple[str, str]]:
    return [(fault.code, fault.field) for fault in planned.faults]


def test_a_row_is_an_event_of_the_wire_format(schema: Schema) -> None:
    planned = say("email,First name,Shoe size", "ann@example.com, Ann ,38", schema)
    assert planned.payload == {
        "id": "01IMPORT/2",
        "source": "import",
        "values": {"email": "ann@example.com", "first_name": "Ann"},
        "import": {"id": "01IMPORT", "row": 2},
    }
    assert planned.received_at == BEGAN + 2
    statement = understand_row(planned, schema)
    assert statement.faults == ()
    assert statement.import_row == ("01IMPORT", 2)
    assert stamp_time(statement.stamp) == BEGAN + 2
    assert format_event_id(statement.event_id) == format_event_id(make_event_id("import", "01IMPORT/2"))
    assert write_event(statement, schema, sent=planned.payload).key == b"email:ann@example.com"


def test_what_the_options_say_of_every_row_is_in_its_event(schema: Schema) -> None:
    options = {"action": "update", "match_on": ["Email"], "on_many": "reject", "source": "crm"}
    payload = say("email", "a@b.co", schema, **options).payload
    assert {name: payload[name] for name in options} == {**options, "match_on": ["email"]}


def test_left_out_columns_are_named_and_the_reports_own_is_not(schema: Schema) -> None:
    plan = plan_of("email,Shoe size,contactfold_reasons,First name", schema, mapping={"First name": None})
    assert plan.left_out == ["Shoe size", "First name"]


def test_an_empty_cell_says_nothing_unless_it_deletes(schema: Schema) -> None:
    header, row = "email,first_name,Home Phone,Mobile,Account ID,Account City", "a@b.co, ,,,A-1,"
    assert values(header, row, schema) == {"email": "a@b.co"}
    deleting = say(header, row, schema, empty="delete")
    assert deleting.payload["values"] == {"email": "a@b.co", "first_name": "", "phone_number": ""}
    assert deleting.payload["organization"] == {"account_id": "A-1", "city": ""}
    assert say(header, row, schema).payload["organization"] == {"account_id": "A-1"}


def test_two_columns_of_one_attribute_are_both_taken(schema: Schema) -> None:
    found = values("email,Home Phone,Mobile", "a@b.co,+14155550123,+14155550124", schema)
    assert found["phone_number"] == ["+14155550123", "+14155550124"]


def test_a_cell_holds_one_value_unless_it_is_split(schema: Schema) -> None:
    row = "a@b.co ; b@b.co;; Ann <c@b.co>"
    assert values("email", row, schema)["email"] == row
    assert values("email", row, schema, split={"email": ";"})["email"] == ["a@b.co", "b@b.co", "c@b.co"]
    found = Plan(["email", "Tags"], Options(split={"Tags": ","}), schema).event(Row(2, ["a@b.co", '"x","y z"']), "i", 0)
    assert found.payload["values"] == {"email": "a@b.co", "labels": ["x", "y z"]}
    assert split_cell('"gold","spring, 2025",,', ",") == ["gold", "spring, 2025"]
    assert split_cell('5" pipe; "x', ";") == ['5" pipe', "x"]
    assert split_cell('a\n"b"', ",") == ['a\n"b"']


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [
        ("'=SUM(A1)", "=SUM(A1)"),
        ("'-x", "-x"),
        ("'+x", "+x"),
        ("'@x", "@x"),
        ("'\tx", "x"),
        ("'tis", "'tis"),
        ("'", "'"),
        ('="0049"', "0049"),
        ('="a ""b"""', 'a "b"'),
        ("=x", "=x"),
    ],
)
def test_what_spreadsheets_put_around_a_value_is_dropped(schema: Schema, cell: str, wanted: str) -> None:
    planned = Plan(["email", "city"], Options(), schema).event(Row(2, ["a@b.co", cell]), "i", 0)
    assert planned.payload["values"] == {"email": "a@b.co", "city": wanted}


@pytest.mark.parametrize(
    ("header", "cell", "wanted"),
    [
        ("email", "mailto:ann@example.com", "ann@example.com"),
        ("email", "Ann Smith <ann@example.com>", "ann@example.com"),
        ("phone_number", "tel:+1-415-555-0123", "+1-415-555-0123"),
    ],
)
def test_what_address_books_write_around_an_address_is_dropped(
    schema: Schema, header: str, cell: str, wanted: str
) -> None:
    assert values(header, cell, schema) == {header: wanted}


def test_a_number_that_a_spreadsheet_has_rounded_is_nobodys(schema: Schema) -> None:
    """`1.41556E+10` reads as a telephone number of its own to whoever drops the letters."""
    planned = say("phone_number,external_customer_id,city", "1.41556E+10,1.23457E+11,4E+10", schema)
    assert codes(planned) == [("invalid_phone", "phone_number"), ("invalid_number", "external_customer_id")]
    assert planned.payload["values"] == {"city": "4E+10"}
    assert [fault.code for fault in understand_row(planned, schema).faults] == ["invalid_phone", "invalid_number"]


def test_days_are_read_as_they_are_written_and_doubt_is_a_fault(schema: Schema) -> None:
    header = "email,date_of_birth"
    assert values(header, "a@b.co,17.05.1990", schema)["date_of_birth"] == "1990-05-17"
    assert values(header, "a@b.co,5/6/1990", schema, date_format="DD/MM/YYYY")["date_of_birth"] == "1990-06-05"
    assert "date_of_birth" not in values(header, "a@b.co,0/0/00", schema)
    for cell, says in [("5/6/1990", "cannot be told apart"), ("soon", "A date was expected")]:
        planned = say(header, f"a@b.co,{cell}", schema)
        assert codes(planned) == [("invalid_date", "date_of_birth")]
        assert says in planned.faults[0].message
        assert planned.payload["values"] == {"email": "a@b.co"}


def test_times_need_a_zone_of_their_own_or_of_the_options() -> None:
    schema = Schema((Attribute("email", "Email", "email", channel="email"), Attribute("since", "Since", "datetime")))
    header, row = "email,since", "a@b.co,2026-07-01 09:30"
    assert codes(say(header, row, schema)) == [("invalid_time", "since")]
    assert values(header, row, schema, timezone="Europe/Berlin")["since"] == "2026-07-01T07:30:00.000000Z"
    assert values(header, row + "+00:00", schema, timezone="Europe/Berlin")["since"] == "2026-07-01T09:30:00.000000Z"
    assert values(header, "a@b.co,1782898200", schema)["since"] == "2026-07-01T09:30:00.000000Z"
    assert codes(say(header, "a@b.co,0001-01-01", schema, timezone="+14:00")) == [("invalid_time", "since")]


def test_a_malformed_row_says_so_and_nothing_else(schema: Schema) -> None:
    fault = Reason("malformed_row", "This row has 1 cell, the header 2 cells.")
    planned = plan_of("email,city", schema).event(Row(7, ["x"], fault), "i", 0)
    assert planned.payload["values"] == {}
    assert understand_row(planned, schema).faults == (fault,)


def test_a_row_that_names_nobody_says_so(schema: Schema) -> None:
    planned = say("email,city", ",Boston", schema)
    assert [fault.code for fault in understand_row(planned, schema).faults] == ["no_identifier"]


def mandatory_schema() -> Schema:
    first = Attribute("first_name", "First name", mandatory=True)
    key = Attribute("id", "Id", is_key=True, mandatory=True)
    return Schema((first, key, Attribute("email", "Email", "email", channel="email")))


def test_a_mandatory_column_that_is_missing_refuses_the_file() -> None:
    plan = Plan(["email", "id"], Options(), mandatory_schema())
    assert [(fault.code, fault.message) for fault in plan.faults] == [
        ("missing_field", "Missing mandatory field: first_name.")
    ]


def test_each_row_needs_a_value_of_a_mandatory_attribute_and_a_placeholder_is_none() -> None:
    schema = mandatory_schema()
    assert codes(say("email,id,first_name", "a@b.co,N/A, ", schema)) == [
        ("missing_field", "first_name"),
        ("missing_field", "id"),
    ]
    assert codes(say("email,id,first_name", "a@b.co,1.2E+9,Ann", schema)) == [("invalid_number", "id")]


def faults(columns: list[str], schema: Schema, **options: Any) -> list[tuple[str, str]]:
    plan = Plan(columns, read_options(options, schema), schema)
    return [(fault.code, fault.field) for fault in plan.faults]


def test_what_refuses_a_file_whole(schema: Schema) -> None:
    assert faults(["first_name", "Shoe size"], schema) == [("no_identifier", "")]
    assert faults(["email", "Email"], schema) == []
    assert faults(["email", "first_name", "First name"], schema) == [("duplicate_field", "first_name")]
    assert faults(["email", "Town", "city"], schema, mapping={"Town": "city"}) == [("duplicate_field", "city")]
    assert faults(["email", "Account ID", "account_id"], schema) == [("duplicate_field", "organization.account_id")]
    assert faults(["email"], schema, mapping={"Emial": "email"}, split={"Mail": ";"}) == [
        ("unknown_column", "options.mapping.Emial"),
        ("unknown_column", "options.split.Mail"),
    ]


def test_a_file_without_a_header_is_told_from_one_without_identifiers(schema: Schema) -> None:
    (fault,) = Plan(["ann@example.com", "Ann"], Options(), schema).faults
    assert fault.message.startswith("The first row seems to hold a contact")


def test_an_organisation_is_told_by_its_id_or_else_by_its_name(schema: Schema) -> None:
    header = "email,Account ID,Account Name,Account City"
    assert say(header, "a@b.co,A-1,Office Mart,Boston", schema).payload["organization"] == {
        "account_id": "A-1",
        "name": "Office Mart",
        "city": "Boston",
    }
    named = {"account_id": "Office Mart", "name": "Office Mart"}
    assert say(header, "a@b.co,,Office Mart,", schema).payload["organization"] == named
    nobody = say(header, "a@b.co,,,Boston", schema)
    assert "organization" not in nobody.payload
    assert understand_row(nobody, schema).ignored_fields == ("organization.city",)


def test_a_row_that_differs_from_any_earlier_one_about_an_account_is_marked_and_not_failed(schema: Schema) -> None:
    rows = [
        "A-1,Office Mart,",
        "A-1,Office Mart,Boston",
        "A-2,Paper,",
        "A-1,Office Mart Inc,",
        "A-1,Office Mart,Boston",
    ]
    marked = []
    for skipped in (0, 3):
        plan = plan_of("Account ID,Account Name,Account City,email", schema)
        found = []
        for number, text in enumerate(rows, 2):
            row = plan.note(Row(number, [*text.split(","), f"user{number}@example.com"]))
            if number >= 2 + skipped:
                statement = understand_row(plan.event(row, "i", 0), schema)
                assert statement.faults == ()
                found.append([remark.code for remark in statement.remarks])
        marked.append(found)
    assert marked[0] == [[], [], [], ["organization_differs"], ["organization_differs"]]
    assert marked[1] == marked[0][3:]


def test_no_message_repeats_a_value() -> None:
    schema = default_schema("US")
    row = Row(2, ["secret@@example", "1.2E+9", "03/04/2026", "1.5E+11"])
    header = ["email", "phone_number", "date_of_birth", "external_customer_id"]
    statement = understand_row(Plan(header, Options(), schema).event(row, "i", 0), schema)
    assert len(statement.faults) == 4
    for fault in statement.faults:
        assert not any(cell in fault.message for cell in row.cells)
