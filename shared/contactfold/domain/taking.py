"""Taking values: the normal form of one good text, quickly, by what is made once for each attribute of a schema.

Whatever is not as nearly all values are is left to `contactfold.domain.normalise`, which gives the same normal form to
every text that is taken here, and alone says what is wrong with one.
"""

import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from contactfold.domain.addresses import email_of, phone_of
from contactfold.domain.event import LONGEST_NAME
from contactfold.domain.schema import Attribute, Schema

Take: TypeAlias = Callable[[str], str | None]
"""The normal form of stripped text, or None where somebody must look closer, as at text that is empty."""


class Field(NamedTuple):
    """What an attribute's values are taken by; `take` is None where each is looked at closely."""

    attribute: Attribute
    key: str
    identifies: bool
    take: Take | None


@lru_cache(maxsize=8)
def fields_of(schema: Schema) -> dict[str, Field]:
    """Each attribute of a schema by its key."""
    return {a.key: Field(a, a.key, a.identifies, _make_take(a, schema)) for a in schema.attributes}


def _make_take(attribute: Attribute, schema: Schema) -> Take | None:
    """For text, e-mail addresses and phone numbers; values of all other types are looked at closely."""
    match attribute.type:
        case "email":
            return _take_emails(attribute)
        case "phone":
            return _take_phones(attribute, schema.default_country, strict=schema.strict_phones)
        case "string" | "text":
            return _take_names(attribute) if attribute.identifies else _take_text
    return None


def _take_text(text: str) -> str | None:
    if not text or "\0" in text:
        return None
    return text if text.isascii() else unicodedata.normalize("NFC", text).strip() or None


def _take_names(attribute: Attribute) -> Take:
    junk, longest = _bounds(attribute)

    def take(text: str) -> str | None:
        # A key of nothing but zeros is junk, too.
        if not text or text[0] == "0" or len(text) > longest or not text.isascii() or "\0" in text:
            return None
        return text if text.casefold() not in junk else None

    return take


def _take_emails(attribute: Attribute) -> Take:
    junk, longest = _bounds(attribute)

    def take(text: str) -> str | None:
        return email_of(text) if len(text) <= longest and text.isascii() and text.casefold() not in junk else None

    return take


def _take_phones(attribute: Attribute, country: str | None, *, strict: bool) -> Take:
    junk, longest = _bounds(attribute)

    def take(text: str) -> str | None:
        # One digit repeated is junk, too: not where another stands before those that are as the last.
        last = text[-1:]
        if len(text) > longest or not text.isascii() or not last.isdecimal() or not text.rstrip(last)[-1:].isdecimal():
            return None
        return phone_of(text, country, strict) if text.casefold() not in junk else None

    return take


def _bounds(attribute: Attribute) -> tuple[frozenset[str], int]:
    """What is junk of an attribute, and how long text may be for its identifier not to be too long."""
    return frozenset(attribute.junk), LONGEST_NAME - len(attribute.key) - 1
