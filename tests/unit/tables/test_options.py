"""Options: all of CONTRACT 6, checked whole, each fault with its place."""

import json

import pytest

from contactfold.domain.schema import Schema
from contactfold.tables.options import BadOptions, Options, options_object, read_options


def test_nothing_said_is_the_defaults(schema: Schema) -> None:
    assert read_options(None, schema) == read_options({}, schema) == read_options({"sheet": None}, schema) == Options()


def test_everything_that_can_be_said_is_read_and_told_again(schema: Schema) -> None:
    raw = {
        "action": "Update",
        "match_on": ["Email", "External Customer ID"],
        "on_many": "first",
        "mapping": {"Mail": "E-mail", "Firm": "organization.name", "Notes": None},
        "source": "crm",
        "delimiter": "tab",
        "encoding": "Latin-1",
        "sheet": "People",
        "timezone": "Europe/Berlin",
        "date_format": "DD/MM/YYYY",
        "split": {"Mail": ";"},
        "empty": "delete",
    }
    options = read_options(raw, schema)
    assert options == Options(
        "update",
        ("email", "external_customer_id"),
        "first",
        {"Mail": "email", "Firm": "organization.name", "Notes": None},
        "crm",
        "\t",
        "iso8859-1",
        "People",
        "Europe/Berlin",
        "DD/MM/YYYY",
        {"Mail": ";"},
        "delete",
    )
    assert read_options(json.loads(json.dumps(options_object(options))), schema) == options


@pytest.mark.parametrize(
    ("raw", "field", "says"),
    [
        ([], "options", "is a JSON object"),
        ({"actoin": "append"}, "options.actoin", "did you mean action?"),
        ({"action": "explode"}, "options.action", "is one of append, update, replace, ignore"),
        ({"on_many": 7}, "options.on_many", "is one of merge"),
        ({"match_on": []}, "options.match_on", "one or more keys or channels"),
        ({"match_on": ["first_name"]}, "options.match_on", "one or more keys or channels"),
        ({"mapping": {"Mail": "emial"}}, "options.mapping.Mail", "did you mean email?"),
        ({"mapping": {"Mail": 7}}, "options.mapping.Mail", "to no such attribute"),
        ({"mapping": {"Mail": "organization.$where"}}, "options.mapping.Mail", "to no such attribute"),
        ({"mapping": ["email"]}, "options.mapping", "by the names of columns"),
        ({"source": ""}, "options.source", "is text of 1 to 512 characters"),
        ({"source": "a\0b"}, "options.source", "is text of 1 to 512 characters"),
        ({"delimiter": "::"}, "options.delimiter", "is one character"),
        ({"delimiter": '"'}, "options.delimiter", "is one character"),
        ({"delimiter": "é"}, "options.delimiter", "is one character"),
        ({"encoding": "klingon"}, "options.encoding", "is an encoding's name"),
        ({"encoding": "base64"}, "options.encoding", "is an encoding's name"),
        ({"encoding": "punycode"}, "options.encoding", "is an encoding that files"),
        ({"encoding": "unicode_escape"}, "options.encoding", "is an encoding that files"),
        ({"encoding": "\0"}, "options.encoding", "is text of 1 to 512"),
        ({"timezone": "Berlin"}, "options.timezone", "is a time zone such as"),
        ({"timezone": "../etc/passwd"}, "options.timezone", "is a time zone such as"),
        ({"date_format": "DD/MM"}, "options.date_format", "a year, a month and a day, each once"),
        ({"date_format": "QQ/MM/YYYY"}, "options.date_format", "stands for nothing"),
        ({"date_format": "%d/%m/%Q"}, "options.date_format", "stands for nothing"),
        ({"date_format": "(" * 500}, "options.date_format", "a year, a month and a day"),
        ({"split": {"Mail": ""}}, "options.split.Mail", "the text between its values"),
        ({"split": {"Mail": 7}}, "options.split.Mail", "the text between its values"),
        ({"empty": "maybe"}, "options.empty", "is one of nothing, delete"),
    ],
    ids=str,
)
def test_a_fault_says_where_it_is_and_what_would_be_right(schema: Schema, raw: object, field: str, says: str) -> None:
    with pytest.raises(BadOptions) as refused:
        read_options(raw, schema)
    (fault,) = refused.value.faults
    assert fault.field == field
    assert says in fault.message
    assert fault.message.endswith(".")


def test_all_faults_are_told_at_once(schema: Schema) -> None:
    with pytest.raises(BadOptions) as refused:
        read_options({"action": 1, "empty": 2, "colour": 3}, schema)
    assert [fault.field for fault in refused.value.faults] == ["options.action", "options.empty", "options.colour"]
