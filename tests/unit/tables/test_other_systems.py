"""The files that other systems export (made-up people): what each column is found to be, and what becomes of rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from contactfold.domain.event import Statement
from contactfold.domain.schema import Schema
from contactfold.tables.mapping import map_columns
from contactfold.tables.options import Options
from contactfold.tables.proposing import Proposal, propose
from contactfold.tables.reading import Table
from contactfold.tables.rows import Plan, understand_row


@dataclass(frozen=True)
class Export:
    """A sample: the columns that are something, by what they are; what its first row says; and codes by faulty row."""

    columns: dict[str, list[str]]
    first: Mapping[str, object]
    failed: dict[int, list[str]] = field(default_factory=dict)
    rows: int = 2
    notes: tuple[str, ...] = ()


ANN = {"first_name": ("Ann",), "last_name": ("Smith",), "email": ("ann@example.com",)}

EXPORTS = {
    "google_contacts_2023.csv": Export(
        {
            "first_name": ["Given Name"],
            "last_name": ["Family Name"],
            "email": ["E-mail 1 - Value", "E-mail 2 - Value"],
            "phone_number": ["Phone 1 - Value", "Phone 2 - Value"],
            "labels": ["Group Membership"],
            "title": ["Organization 1 - Title"],
            "company": ["Organization 1 - Name"],
            "city": ["Address 1 - City"],
            "country": ["Address 1 - Country"],
            "date_of_birth": ["Birthday"],
            "language": ["Language"],
        },
        {
            "first_name": ("Ann",),
            "last_name": ("Smith",),
            "email": ("ann@example.com", "ann@work.example", "a.smith@work.example"),
            "phone_number": ("+14155550123",),
            "labels": ("* myContacts", "Customers"),
            "title": ("Buyer",),
            "company": ("Office Mart",),
            "city": ("Boston",),
            "country": ("US",),
            "date_of_birth": ("1990-05-17",),
        },
    ),
    "outlook_web.csv": Export(
        {
            "first_name": ["First Name"],
            "last_name": ["Last Name"],
            "email": ["E-mail Address", "E-mail 2 Address", "E-mail 3 Address"],
            "phone_number": [
                "Home Phone",
                "Home Phone 2",
                "Business Phone",
                "Business Phone 2",
                "Mobile Phone",
                "Car Phone",
                "Other Phone",
                "Primary Phone",
            ],
            "title": ["Job Title"],
            "company": ["Company"],
            "city": ["Business City"],
            "country": ["Business Country/Region"],
            "date_of_birth": ["Birthday"],
        },
        {
            "first_name": ("Änne",),
            "last_name": ("Smith",),
            "email": ("anne@example.com",),
            "phone_number": ("+14155550124",),
            "title": ("Buyer",),
            "company": ("Office Mart",),
            "city": ("Boston",),
            "country": ("United States",),
            "date_of_birth": ("1990-05-17",),
        },
        failed={2: ["invalid_phone"]},  # a number with an extension is an office's
    ),
    "outlook_cp1252.csv": Export(
        {
            "title": ["Title"],
            "first_name": ["First Name"],
            "last_name": ["Last Name"],
            "company": ["Company"],
            "city": ["Business City"],
            "country": ["Business Country/Region"],
            "phone_number": ["Mobile Phone"],
            "date_of_birth": ["Birthday"],
            "labels": ["Categories"],
            "email": ["E-mail Address"],
        },
        {
            "title": ("Frau",),
            "first_name": ("Jürgen",),
            "last_name": ("Müller",),
            "company": ("Bäckerei Groß",),
            "city": ("Köln",),
            "country": ("Deutschland",),
            "phone_number": ("+491701234567",),
            "date_of_birth": ("1990-05-17",),
            "labels": ("Kunden",),
            "email": ("juergen@example.com",),
        },
    ),
    "shopify_customers.csv": Export(
        {
            "external_customer_id": ["Customer ID"],
            "first_name": ["First Name"],
            "last_name": ["Last Name"],
            "email": ["Email"],
            "company": ["Default Address Company"],
            "city": ["Default Address City"],
            "country": ["Default Address Country Code"],
            "phone_number": ["Default Address Phone", "Phone"],
            "labels": ["Tags"],
        },
        ANN
        | {
            "external_customer_id": ("7012345678901",),
            "company": ("Office Mart",),
            "city": ("Boston",),
            "country": ("US",),
            "phone_number": ("+14155550124", "+14155550123"),
            "labels": ("vip", "newsletter"),
        },
    ),
    # `Account <Field>` is the organisation's; without an account it is nobody's, and so told as ignored.
    "stripe_customers.csv": Export(
        {"email": ["Email"], "organization.balance": ["Account Balance"]}, {"email": ("ann@example.com",)}
    ),
    "klaviyo.csv": Export(
        {
            "email": ["Email"],
            "first_name": ["First Name"],
            "last_name": ["Last Name"],
            "company": ["Organization"],
            "title": ["Title"],
            "phone_number": ["Phone Number"],
            "city": ["City"],
            "country": ["Country"],
            "language": ["Locale"],
        },
        ANN
        | {
            "company": ("Office Mart",),
            "title": ("Buyer",),
            "phone_number": ("+14155550123",),
            "city": ("Boston",),
            "country": ("United States",),
            "language": ("en-US",),
        },
    ),
    "icloud.csv": Export(
        {
            "first_name": ["First name"],
            "last_name": ["Last name"],
            "email": ["E-mail address (home)", "E-mail address (work)"],
            "phone_number": ["Phone (mobile)", "Phone (work)"],
            "company": ["Company"],
            "title": ["Job title"],
            "city": ["City (home)"],
            "country": ["Country (home)"],
            "date_of_birth": ["Birthday"],
        },
        ANN
        | {
            "email": ("ann@example.com", "ann@work.example"),
            "phone_number": ("+14155550123",),
            "company": ("Office Mart",),
            "title": ("Buyer",),
            "city": ("Boston",),
            "country": ("United States",),
            "date_of_birth": ("1990-05-17",),
        },
    ),
    "linkedin_connections.csv": Export(
        {
            "first_name": ["First Name"],
            "last_name": ["Last Name"],
            "email": ["Email Address"],
            "company": ["Company"],
            "title": ["Position"],
        },
        ANN | {"company": ("Office Mart",), "title": ("Buyer",)},
        failed={6: ["no_identifier"]},
        notes=("title_rows",),
    ),
    "excel_german_customers.csv": Export(
        {
            "external_customer_id": ["Kundennummer"],
            "first_name": ["Vorname"],
            "last_name": ["Nachname"],
            "company": ["Firma"],
            "email": ["E-Mail"],
            "phone_number": ["Telefon", "Mobil"],
            "city": ["Ort"],
            "country": ["Land"],
            "date_of_birth": ["Geburtsdatum"],
        },
        {
            "external_customer_id": ("10001",),
            "first_name": ("Jördis",),
            "last_name": ("Müller",),
            "company": ("Bäckerei Groß",),
            "email": ("joerdis@example.com",),
            "phone_number": ("+492211234567", "+491701234567"),
            "city": ("Dresden",),
            "country": ("Deutschland",),
            "date_of_birth": ("1990-05-17",),
        },
        failed={4: ["no_identifier"]},  # a row of sums
        rows=3,
    ),
    "database.tsv": Export(
        {
            "external_customer_id": ["customer_no"],
            "first_name": ["first_name"],
            "last_name": ["last_name"],
            "email": ["email"],
            "phone_number": ["phone"],
            "city": ["city"],
            "date_of_birth": ["birth_date"],
            "labels": ["tags"],
        },
        ANN
        | {
            "external_customer_id": ("1001",),
            "phone_number": ("+14155550123",),
            "city": ("Boston",),
            "date_of_birth": ("1990-05-17",),
            "labels": ("vip", "newsletter"),
        },
    ),
}


def read(path: Path, schema: Schema) -> tuple[Proposal, dict[int, Statement]]:
    """What is proposed for a file, and the statement of each of its rows as proposed."""
    proposal = propose(path, Options(), schema)
    with Table.open(path, proposal.options) as table:
        plan = Plan(table.columns, proposal.options, schema)
        return proposal, {row.number: understand_row(plan.event(row, "i", 0), schema) for row in table.rows()}


@pytest.mark.parametrize("name", EXPORTS)
def test_the_columns_and_rows_of_an_export_are_understood(schema: Schema, samples: Path, name: str) -> None:
    export = EXPORTS[name]
    proposal, rows = read(samples / name, schema)
    found: dict[str, list[str]] = {}
    for one in proposal.columns:
        if one.attribute is not None:
            found.setdefault(one.attribute, []).append(one.column)
    assert found == export.columns
    named = {column for columns in export.columns.values() for column in columns}
    assert {one.column for one in proposal.columns} - named == set(proposal.left_out), "what is left out is named"
    assert len(rows) == export.rows
    assert {
        number: [fault.code for fault in statement.faults] for number, statement in rows.items() if statement.faults
    } == export.failed
    assert dict(next(iter(rows.values())).values) == export.first
    assert tuple(note.code for note in proposal.notes) == export.notes


def test_a_birthday_without_its_year_says_nothing(schema: Schema, samples: Path) -> None:
    """Google writes ` --11-02`; no date can hold it, and its contact is no worse for that."""
    _, rows = read(samples / "google_contacts_2023.csv", schema)
    assert "date_of_birth" not in rows[3].values
    assert rows[3].values["email"] == ("bob@example.com",)


def test_columns_of_other_systems_that_are_no_samples_here(schema: Schema) -> None:
    columns = {
        "Phone - mobile": "phone_number",
        "Email address - work": "email",
        "Person - Email - Work": "email",
        "Person - Phone - Mobile": "phone_number",
        "Billing Email": "email",
        "SMS": "phone_number",
        "Account Name": "organization.name",
        "Telefon geschäftlich": "phone_number",
        "Telefon privat 2": "phone_number",
        "Mobiltelefon": "phone_number",
        "E-Mail 2: Adresse": "email",
        "Adresse de messagerie": "email",
        "Tél. mobile": "phone_number",
        "Ort geschäftlich": "city",
        "Land/Region geschäftlich": "country",
        "Kategorien": "labels",
        "Telefon Firma": None,
        "Fax privat": None,
        "Straße privat": None,
        "Person Account: Email": None,
        "Phone (home fax)": None,
        "Work Fax": None,
        "Email Opt Out": None,
        "Has Opted Out Of Email": None,
        "Email Bounced Reason": None,
        "Do Not Call": None,
        "Last Activity": None,
        "Lead Source": None,
        "First Active": None,
        "Created By": None,
        "Owner Email": None,
        "Contact Owner": None,
        "Parent Company": None,
    }
    found = {one.column: one.attribute for one in map_columns(list(columns), {}, schema)}
    assert found == columns
