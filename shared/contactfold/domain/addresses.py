"""Normal forms of e-mail addresses and phone numbers: two libraries judge them, once for each text.

Both libraries take longer for one value than everything else does for an event. What nearly everybody writes has a
quick way, and it takes only what it is certain of: for every text that it takes, the library says the same. Where
it is in doubt it asks the library.
"""

import re
from functools import lru_cache

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES, DOT_ATOM_TEXT, EMAIL_MAX_LENGTH

_PHONE_SEPARATORS = re.compile(r"[\s().\-/\u2010-\u2015\u00a0]+")
_PHONE_AS_IS = re.compile(r"\+[0-9]{7,15}")
_INTERNATIONAL = re.compile(r"\+[1-9][0-9]{6,14}")
_MAILBOXES = frozenset(CASE_INSENSITIVE_MAILBOX_NAMES)
"""Local parts that the library writes in lower case."""
_CODES = (1, 2, 3)
"""How many digits a country's calling code has. None is the beginning of another."""


@lru_cache(maxsize=1 << 16)
def email_of(text: str) -> str | None:
    """The normal form of an e-mail address, or None for what is none. `text` is stripped, in NFC and not too long."""
    local, _, domain = text.rpartition("@")
    if len(text) <= EMAIL_MAX_LENGTH and DOT_ATOM_TEXT.match(local) and local.lower() not in _MAILBOXES:
        known = _domain_of(domain)
        if known is not None:
            return f"{local}@{known}"
    return _judge_email(text)


@lru_cache(maxsize=1 << 12)
def _domain_of(domain: str) -> str | None:
    """The normal form of a domain, None for one that is none or not plain ASCII: many addresses share it."""
    if not domain.isascii() or "xn--" in domain.lower():
        return None
    found = _judge_email(f"a@{domain}")
    return None if found is None else found.removeprefix("a@")


def _judge_email(text: str) -> str | None:
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError:
        return None


@lru_cache(maxsize=1 << 16)
def phone_of(text: str, country: str | None, strict: bool) -> str | None:
    """The normal form of a number that reaches one person, or None. `country` is what national numbers are of.

    `strict` takes only numbers that can be in use; otherwise one that is possible will do, or that is written so.
    """
    if not strict and _is_plain(text):
        return text
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        number = None
    if number is not None:
        if number.extension:
            return None  # a desk behind a switchboard: the number reaches an office, not a person
        possible = phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE
        if possible and (not strict or phonenumbers.is_valid_number(number)):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    bare = strip_phone(text)
    return bare if not strict and _PHONE_AS_IS.fullmatch(bare) else None


def strip_phone(text: str) -> str:
    """A number without what people put between its digits."""
    return _PHONE_SEPARATORS.sub("", text)


def _is_plain(text: str) -> bool:
    """Whether a number stays as it is: digits behind a known country's code, without a prefix that is to be dropped.

    Whether so many digits are possible does not matter: where they are not, the number is taken as it is, too.
    """
    if _INTERNATIONAL.fullmatch(text) is None:
        return False
    for size in _CODES:
        prefix = _prefix_of(text[1 : 1 + size])
        if prefix is not None:
            return prefix.match(text[1 + size :]) is None
    return False


@lru_cache(maxsize=1 << 11)
def _prefix_of(code: str) -> re.Pattern[str] | None:
    """How those numbers begin that the library shortens, behind a country's calling code; None where it is none's."""
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code))
    known = regions and phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(int(code), regions[0])
    return re.compile(known.national_prefix_for_parsing or "(?!)") if known else None
