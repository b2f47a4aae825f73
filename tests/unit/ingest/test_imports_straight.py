"""The straight way of a row: whatever stands in its cells, its record is the one of the long way, byte for byte."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contactfold.domain.schema import Attribute, Schema
from contactfold.ports import NewRecord
from contactfold.tables.options import Options, read_options
from contactfold.tables.reading import Row
from contactfold.tables.rows import Plan, understand_row
from contactfold.wire import write_event
from contactfold_ingest.imports.straight import Straight

SCHEMA = Schema(
    (
        Attribute("customer", "Customer", is_key=True),
        Attribute("number", "Number", "integer", is_key=True),
        Attribute("first_name", "First name"),
        Attribute("email", "Email", "email", channel="email", multi=True, max_values=3),
        Attribute("phone", "Phone", "phone", channel="sms", multi=True),
        Attribute("web", "Web", channel="web", multi=True, anonymous=True),
        Attribute("labels", "Labels", multi=True),
        Attribute("born", "Born", "date"),
        Attribute("seen", "Seen", "datetime"),
        Attribute("paid", "Paid", "decimal"),
        Attribute("agrees", "Agrees", "boolean"),
        Attribute("page", "Page", "url"),
        Attribute("size", "Size", "choice", choices={"s": "S", "large": "L"}),
    ),
    default_country="US",
)
COLUMNS = (
    *("customer", "number", "first_name", "email", "E-mail 2", "Phone 1 - Value", "Phone 1 - Type", "web", "labels"),
    *("born", "seen", "paid", "agrees", "page", "size", "a column of nobody's"),
)
MAPPING = {"E-mail 2": "email", "Phone 1 - Value": "phone"}
IMPORT, BEGAN, LARGEST = "01ARZ3NDEKTSV4RRFFQ69G5FAV", 1_767_225_599_999_990, 2_000

CELLS = st.sampled_from(
    [
        *("", " ", "Ann", " Ann ", "a\u0308", "'=1", '="007"', "\\N", "-", "n/a", "0", "000", "none", "\0", 'say "%d"'),
        *("ann@example.com", "ANN@Example.COM", "<ann@example.com>", "postmaster@example.com", "ann@", "\u00e4@b.de"),
        *("+14155550123", "(415) 555-0123", "tel:+1 415 555 0124", "1111111111", "1.5E+10", "Work Fax", "Mobile"),
        *("vip;trial", ";", "vip;vip", "2026-11-21", "21/11/2026", "0000-00-00", "2026-11-21 20:21:22", "1767225600"),
        *(
            "7",
            "+7",
            "7.50",
            "-0",
            "yes",
            "TRUE",
            "maybe",
            "s",
            "LARGE",
            "https://Example.com/a b",
            "HTTP://EXAMPLE.com/x",
        ),
        *("x" * 200, "x" * 600, ";".join(f"{n}@example.com" for n in range(12)), "\U0001f600"),
    ]
)
GOOD = {
    "customer": ("c-1", " c-2 ", "\u00fc7", "'=c3"),
    "number": ("7", "+8"),
    "first_name": ("Ann", " Ann ", "a\u0308", 'say "%d"', "\U0001f600", "x" * 200),
    "email": ("ann@example.com", "ANN@Example.COM", "Ann <ann@example.com>", "postmaster@example.com", "a@b.de;c@b.de"),
    "E-mail 2": ("bob@example.com", "ann@example.com"),
    "Phone 1 - Value": ("+14155550123", "(415) 555-0123", "tel:+1 415 555 0124"),
    "Phone 1 - Type": ("Mobile", "Work Fax"),
    "labels": ("vip", "vip;trial", "vip;vip", ";"),
    "born": ("2026-11-21", "0000-00-00"),
    "seen": ("2026-11-21T20:21:22Z", "1767225600"),
    "paid": ("7.50", "-0"),
    "agrees": ("yes", "TRUE"),
    "page": ("https://Example.com/a", "HTTP://EXAMPLE.com/x"),
    "size": ("s", "LARGE"),
}
ORDINARY = st.tuples(*(st.sampled_from(("", *GOOD.get(column, ("whatever",)))) for column in COLUMNS))
ODD = st.dictionaries(st.integers(0, len(COLUMNS) - 1), CELLS | st.text(max_size=6), max_size=2)
ROWS = st.lists(
    st.builds(lambda cells, odd: [odd.get(place, cell) for place, cell in enumerate(cells)], ORDINARY, ODD), max_size=12
)
OPTIONS = st.sampled_from(
    [
        {},
        {"empty": "delete", "source": '50%d "off"', "action": "update", "timezone": "Europe/Berlin"},
        {
            "split": {"labels": ";", "email": ";"},
            "match_on": ["email"],
            "on_many": "reject",
            "date_format": "DD/MM/YYYY",
        },
        {"action": "replace", "split": {"E-mail 2": ";"}, "empty": "delete"},
    ]
)


def write_both_ways(
    rows: Sequence[Sequence[str]], options: Options, schema: Schema = SCHEMA, columns: Sequence[str] = COLUMNS
) -> list[tuple[NewRecord | None, NewRecord | None]]:
    """Each row's record by the straight way, where it has one, and by the long way, where it is good."""
    plan = Plan(columns, options, schema)
    straight = Straight(plan, schema, IMPORT, BEGAN, LARGEST)
    found = []
    for number, cells in enumerate(rows, 2):
        row = Row(number, list(cells))
        one = straight.write(row)
        planned = plan.event(row, IMPORT, BEGAN)
        statement = understand_row(planned, schema)
        other = None if statement.faults else write_event(statement, schema, sent=planned.payload)
        found.append((one, other))
    return found


@settings(max_examples=400, deadline=None)
@given(ROWS, OPTIONS, st.booleans())
def test_the_straight_way_writes_what_the_long_way_writes(
    rows: list[list[str]], options: dict[str, object], mandatory: bool
) -> None:
    schema = SCHEMA
    if mandatory:
        attributes = (*SCHEMA.attributes[:2], Attribute("first_name", "First name", mandatory=True))
        schema = Schema((*attributes, *SCHEMA.attributes[3:]), default_country="US")
    for one, other in write_both_ways([*rows, *rows], read_options({"mapping": MAPPING, **options}, schema), schema):
        assert one is None or one == other


@pytest.mark.parametrize(
    "cells",
    [
        {"email": "ann@example.com", "first_name": " Ann "},
        {"email": "ANN@Example.COM", "labels": "vip;trial", "size": "LARGE", "born": "2026-11-21"},
        {
            "customer": "7",
            "E-mail 2": "ann@example.com",
            "email": "bob@example.com",
            "Phone 1 - Value": "(415) 555-0123",
        },
    ],
)
def test_an_ordinary_row_goes_the_straight_way(cells: dict[str, str]) -> None:
    row = [cells.get(column, "") for column in COLUMNS]
    options = read_options({"mapping": MAPPING, "split": {"labels": ";"}}, SCHEMA)
    for one, other in write_both_ways([row, row], options):
        assert one is not None
        assert one == other


@pytest.mark.parametrize(
    "cells",
    [{}, {"first_name": "Ann"}, {"email": "ann@"}, {"customer": "n/a"}, {"email": "a@b.de", "labels": "x" * 2000}],
)
def test_a_row_that_something_is_to_be_said_of_goes_the_long_way(cells: dict[str, str]) -> None:
    row = [cells.get(column, "") for column in COLUMNS]
    assert write_both_ways([row], read_options({"mapping": MAPPING}, SCHEMA))[0][0] is None


def test_rows_of_organisations_go_the_long_way() -> None:
    columns = ("email", "organization.account_id")
    rows = [("ann@example.com", "A-1"), ("bob@example.com", "")]
    assert [one for one, _ in write_both_ways(rows, Options(), SCHEMA, columns)] == [None, None]


def test_a_cell_is_remembered_for_a_while_only() -> None:
    rows = [[f"c-{n % 9_000}", *[""] * (len(COLUMNS) - 1)] for n in range(20_000)]
    assert all(one == other for one, other in write_both_ways(rows, Options()))
