"""A file to begin with: a header of every attribute and two example rows (CONTRACT 6)."""

import csv
import io

from contactfold.domain.schema import Attribute, Schema

_BY_KEY = {
    "first_name": ("Ann", "Bob"),
    "last_name": ("Smith", "Jones"),
    "city": ("Boston", "Chicago"),
    "labels": ("newsletter", "partner"),
    "company": ("Office Mart", "Paper Works"),
    "title": ("Buyer", "Engineer"),
    "country": ("US", "US"),
    "language": ("en", "en"),
    "external_customer_id": ("C-1001", "C-1002"),
}
_BY_TYPE = {
    "integer": ("1001", "1002"),
    "decimal": ("10.5", "20.25"),
    "boolean": ("true", "false"),
    "date": ("1990-05-17", "1985-11-02"),
    "datetime": ("2026-01-31T09:30:00Z", "2026-02-01T16:45:00Z"),
    "email": ("ann@example.com", "bob@example.com"),
    "phone": ("+14155550123", "+14155550124"),
    "url": ("https://example.com/ann", "https://example.com/bob"),
}
_HANDLES = ("ann.smith", "bob.jones")
_TEXTS = ("one value", "another value")


def make_template(schema: Schema) -> bytes:
    """The template as CSV in UTF-8, with CRLF: the keys of the attributes, and two contacts who are not each other."""
    out = io.StringIO()
    write = csv.writer(out).writerow
    write([attribute.key for attribute in schema.attributes])
    for place in (0, 1):
        write([_example(attribute, place) for attribute in schema.attributes])
    return out.getvalue().encode()


def _example(attribute: Attribute, place: int) -> str:
    if attribute.type == "choice":
        alternatives = list(dict.fromkeys(attribute.choices.values()))
        return alternatives[place % len(alternatives)]
    if attribute.type in _BY_TYPE:
        return _BY_TYPE[attribute.type][place]
    return _BY_KEY.get(attribute.key, _HANDLES if attribute.identifies else _TEXTS)[place]
