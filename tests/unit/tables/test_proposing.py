"""What a preview proposes: read from the file where it says so, left to the user where it does not."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from contactfold.domain.schema import Attribute, Schema
from contactfold.tables.options import Options, options_object, read_options
from contactfold.tables.proposing import Proposal, propose
from contactfold.tables.reading import Table
from contactfold.tables.rows import Plan, understand_row

Write = Callable[[str | bytes], Path]


def column(name: str, *cells: str) -> str:
    lines = (f"user{place}@example.com\t{cell}\n" for place, cell in enumerate(cells))
    return f"email\t{name}\n" + "".join(lines)


def notes(proposal: Proposal) -> list[tuple[str, str]]:
    return [(note.code, note.field) for note in proposal.notes]


def test_everything_found_is_in_the_options_and_a_plan_takes_them(schema: Schema, samples: Path) -> None:
    proposal = propose(samples / "excel_german.csv", Options(), schema)
    assert (proposal.options.delimiter, proposal.options.encoding) == (";", "cp1252")
    assert proposal.options.mapping == {
        "Vorname": "first_name",
        "Nachname": "last_name",
        "E-Mail-Adresse": "email",
        "Telefon": "phone_number",
        "Ort": "city",
        "Geburtsdatum": "date_of_birth",
    }
    assert proposal.options.date_format == "DD.MM.YYYY"
    assert (proposal.left_out, proposal.faults, proposal.notes) == ([], [], [])
    assert read_options(options_object(proposal.options), schema) == proposal.options


def test_a_proposal_of_its_own_options_is_the_same(schema: Schema, samples: Path) -> None:
    for file in sorted(samples.glob("*.csv")):
        once = propose(file, Options(), schema)
        again = propose(file, once.options, schema)
        assert again.options == once.options
        assert again.columns == once.columns


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        (["17/05/1990", "03/04/1985"], "DD/MM/YYYY"),
        (["05/17/1990", "03/04/1985"], "MM/DD/YYYY"),
        (["5/17/90", "3/4/85"], "MM/DD/YY"),
        (["17.05.1990 09:30", "03.04.1985 21:30"], "DD.MM.YYYY HH:mm"),
        (["05/17/1990 9:30 AM", "03/04/1985 9:30 PM"], "MM/DD/YYYY hh:mm AM"),
        (["1990-05-17", "1985-04-03 00:00:00"], None),
        (["17 May 1990", "0/0/00", "May 3, 1985"], None),
        ([], None),
    ],
)
def test_the_form_that_all_days_of_a_column_have_is_proposed(
    schema: Schema, written: Write, cells: list[str], wanted: str | None
) -> None:
    path = written(column("Birthday", *cells))
    proposal = propose(path, Options(), schema)
    assert (proposal.options.date_format, proposal.notes) == (wanted, [])
    with Table.open(path, proposal.options) as table:
        plan = Plan(table.columns, proposal.options, schema)
        assert all(plan.event(row, "i", 0).faults == [] for row in table.rows())


def test_a_day_and_a_month_that_nobody_can_tell_apart_are_left_to_the_user(schema: Schema, written: Write) -> None:
    path = written(column("Birthday", "03/04/1990", "05/06/1985"))
    proposal = propose(path, Options(), schema)
    assert proposal.options.date_format is None
    assert notes(proposal) == [("ambiguous_date", "Birthday")]
    assert "DD/MM/YYYY or MM/DD/YYYY" in proposal.notes[0].message
    decided = propose(path, Options(date_format="DD/MM/YYYY"), schema)
    assert (decided.options.date_format, decided.notes) == ("DD/MM/YYYY", [])


def test_one_column_tells_for_another_and_two_that_disagree_are_said_so(written: Write) -> None:
    dates = (Attribute("born", "Born", "date"), Attribute("since", "Since", "date"))
    schema = Schema((Attribute("email", "Email", "email", channel="email"), *dates))
    agreeing = propose(written("email,born,since\na@b.co,03/04/1990,17/05/2020\n"), Options(), schema)
    assert (agreeing.options.date_format, agreeing.notes) == ("DD/MM/YYYY", [])
    path = written("email,born,since\na@b.co,05/17/1990,17/05/2020\n")
    assert notes(propose(path, Options(), schema)) == [("ambiguous_date", "born"), ("ambiguous_date", "since")]


def test_a_birthday_without_its_year_is_left_out_and_named(schema: Schema, samples: Path) -> None:
    proposal = propose(samples / "mailchimp.csv", Options(), schema)
    assert proposal.options.mapping["Birthday"] is None
    assert "Birthday" in proposal.left_out
    assert notes(proposal) == [("unreadable_dates", "Birthday")]
    assert proposal.given.mapping["Birthday"] is None, "nor does every row fail where nobody looked at a proposal"
    mapped = propose(samples / "mailchimp.csv", Options(mapping={"Birthday": "date_of_birth"}), schema)
    assert mapped.options.mapping["Birthday"] == "date_of_birth"


@pytest.mark.parametrize(
    ("cells", "wanted", "noted"),
    [
        (["17/05/1990", "03/04/1985", "unknown", "n.a."], "DD/MM/YYYY", []),
        (["03/04/1990", "05/06/1985", "unknown"], None, ["ambiguous_date"]),
        (["17/05/1990", "03/04/1985", "May 3, 1985"], None, []),
    ],
)
def test_a_cell_that_is_no_day_hides_nothing_of_the_others(
    schema: Schema, written: Write, cells: list[str], wanted: str | None, noted: list[str]
) -> None:
    """`May 3, 1985` is a day, though of no form: a form for the others would refuse it."""
    proposal = propose(written(column("Birthday", *cells)), Options(), schema)
    assert (proposal.options.date_format, [note.code for note in proposal.notes]) == (wanted, noted)
    assert proposal.options.mapping["Birthday"] == "date_of_birth"


@pytest.mark.parametrize(
    ("cells", "kept"),
    [
        (["1990-01-02", "1990-01-02", "nope"], True),
        (["1990-01-02", "nope"], True),
        (["1990-01-02", "05/17", "05/18"], False),
    ],
)
def test_a_column_of_days_is_kept_where_half_of_its_rows_have_one(
    schema: Schema, written: Write, cells: list[str], kept: bool
) -> None:
    proposal = propose(written(column("Birthday", *cells)), Options(), schema)
    assert (proposal.options.mapping["Birthday"] is not None) is kept
    assert notes(proposal) == ([] if kept else [("unreadable_dates", "Birthday")])


def test_times_without_a_zone_ask_for_one(written: Write) -> None:
    schema = Schema((Attribute("email", "Email", "email", channel="email"), Attribute("since", "Since", "datetime")))
    assert notes(propose(written(column("since", "2026-01-01 09:30")), Options(), schema)) == [("no_timezone", "since")]
    assert notes(propose(written(column("since", "2026-01-01T09:30Z", "1782898200")), Options(), schema)) == []
    named = Options(timezone="Europe/Berlin")
    assert notes(propose(written(column("since", "2026-01-01 09:30")), named, schema)) == []


@pytest.mark.parametrize(
    ("name", "cells", "separator"),
    [
        ("E-mail 2", ["a@b.co; b@b.co", "c@b.co"], ";"),
        ("E-mail 2", ["a@b.co ::: b@b.co"], " ::: "),
        ("E-mail 2", ["a@b.co, b@b.co", ""], ","),
        ("E-mail 2", ["a@b.co b@b.co"], " "),
        ("E-mail 2", ["Smith, Ann <a@b.co>", "b@b.co"], None),
        ("E-mail 2", ["a@b.co", "nobody; nothing"], None),
        ("Phone", ["+1 415 555 0123 / +1 415 555 0124", "+1 415 555 0125"], "/"),
        ("Phone", ["+1 415 555 0123", "(415) 555-0124"], None),
        ("Phone", ["415-555-0123; ext. 5"], None),
        ("Labels", ["gold; north", "silver", "gold; south"], ";"),
        ("Labels", ["* myContacts ::: * friends"], " ::: "),
        ("Tags", ['"""gold"",""a, b"""'], ","),
        ("Labels", ["gold, north", *map(str, range(10))], None),
        ("City", ["Boston; Salem"], None),
    ],
)
def test_cells_that_hold_several_values_have_their_separator_proposed(
    schema: Schema, written: Write, name: str, cells: list[str], separator: str | None
) -> None:
    proposal = propose(written(column(name, *cells)), Options(), schema)
    assert proposal.options.split.get(name) == separator


def test_what_the_options_say_already_stands(schema: Schema, written: Write) -> None:
    path = written(column("Labels", "a;b", "c;d"))
    options = Options(split={"Labels": "|"}, mapping={"Labels": "city"}, encoding="cp1252", source="crm")
    proposal = propose(path, options, schema)
    assert proposal.options.split == {"Labels": "|"}
    assert proposal.options.mapping == {"email": "email", "Labels": "city"}
    assert (proposal.options.encoding, proposal.options.source) == ("cp1252", "crm")


def test_what_was_given_is_told_apart_from_what_is_proposed(schema: Schema, written: Write) -> None:
    """A cell holds one value unless somebody says otherwise; to read the file at all needs nobody's word."""
    path = written('E-Mail;Labels;Birthday\na@b.co;"x|y";17/05/1990\n')
    proposal = propose(path, Options(empty="delete"), schema)
    mapping: dict[str, str | None] = {"E-Mail": "email", "Labels": "labels", "Birthday": "date_of_birth"}
    assert proposal.given == Options(empty="delete", delimiter=";", encoding="utf-8", mapping=mapping)
    assert (proposal.options.split, proposal.options.date_format) == ({"Labels": "|"}, "DD/MM/YYYY")


def test_a_file_without_what_its_rows_are_to_be_matched_on_says_so(schema: Schema, written: Write) -> None:
    path = written("email,city\na@b.co,Boston\n")
    alone = Options(match_on=("phone_number", "external_customer_id"))
    assert notes(propose(path, alone, schema)) == [("no_match_column", "options.match_on")]
    assert notes(propose(path, Options(match_on=("phone_number", "email")), schema)) == []


def test_faults_of_the_whole_file_are_told(schema: Schema, written: Write) -> None:
    proposal = propose(written("first_name,city\nAnn,Boston\n"), Options(), schema)
    assert [fault.code for fault in proposal.faults] == ["no_identifier"]


EXPORTS = {
    "mailchimp.csv": {
        "email": ("ann@example.com",),
        "first_name": ("Ann",),
        "last_name": ("Smith",),
        "phone_number": ("+14155550123",),
        "labels": ("newsletter", "spring, 2025"),
    },
    "hubspot.csv": {
        "first_name": ("Ann",),
        "last_name": ("Smith",),
        "email": ("ann@example.com",),
        "phone_number": ("+14155550123", "+14155550124"),
        "title": ("Buyer",),
        "company": ("Office Mart",),
        "city": ("Boston",),
        "country": ("United States",),
        "language": ("en",),
    },
    "salesforce.csv": {
        "first_name": ("Ann",),
        "last_name": ("Smith",),
        "title": ("Buyer",),
        "city": ("Boston",),
        "country": ("USA",),
        "phone_number": ("+14155550123", "+14155550124"),
        "email": ("ann@example.com",),
        "date_of_birth": ("1990-05-17",),
    },
    "google_contacts.csv": {
        "first_name": ("Ann",),
        "last_name": ("Smith",),
        "company": ("Office Mart",),
        "title": ("Buyer",),
        "date_of_birth": ("1990-05-17",),
        "labels": ("* myContacts", "* friends"),
        "email": ("ann@example.com", "ann.smith@example.com", "ann@work.example"),
        "phone_number": ("+14155550123", "+14155550124"),
        "city": ("Boston",),
        "country": ("US",),
    },
    "outlook.csv": {
        "first_name": ("Ann",),
        "last_name": ("Smith",),
        "company": ("Office Mart",),
        "city": ("Boston",),
        "country": ("United States of America",),
        "phone_number": ("+14155550123", "+14155550124"),
        "date_of_birth": ("1990-05-17",),
        "labels": ("Friends", "Team"),
        "title": ("Buyer",),
        "email": ("ann@example.com", "ann.smith@example.com"),
        "language": ("en",),
    },
}


@pytest.mark.parametrize("name", EXPORTS)
def test_the_exports_of_other_systems_are_understood_as_proposed(schema: Schema, samples: Path, name: str) -> None:
    proposal = propose(samples / name, Options(), schema)
    assert proposal.faults == []
    with Table.open(samples / name, proposal.options) as table:
        plan = Plan(table.columns, proposal.options, schema)
        ann, bob = (understand_row(plan.event(row, "i", 0), schema) for row in islice(table.rows(), 2))
    assert (ann.faults, bob.faults) == ((), ())
    assert {key: set(values) for key, values in ann.values.items()} == {
        key: set(values) for key, values in EXPORTS[name].items()
    }
    assert bob.values["email"] == ("bob@example.com",)


def test_a_salesforce_row_has_its_account(schema: Schema, samples: Path) -> None:
    proposal = propose(samples / "salesforce.csv", Options(), schema)
    with Table.open(samples / "salesforce.csv", proposal.options) as table:
        plan = Plan(table.columns, proposal.options, schema)
        planned = [plan.event(row, "i", 0) for row in table.rows()]
    account = {"account_id": "0011x00001AbCdE", "name": "Office Mart", "owner": "Olga Owner"}
    assert [one.payload["organization"] for one in planned] == [account, account]
    assert [one.remarks for one in planned] == [[], []]
