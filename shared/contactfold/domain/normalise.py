"""Normal forms: from what a payload holds to values that compare (SEMANTICS 1 and 2).

Every normaliser is a pure function of the text and the schema's settings, idempotent, and cached where
it is slow (`contactfold.domain.addresses`). Messages name the kind that was expected, never the value: they travel
further than the payload does.

Nearly every field is one good text, and taken quickly (`contactfold.domain.taking`). All others are looked at closely.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from urllib.parse import urlsplit

from contactfold.domain.addresses import email_of, phone_of, strip_phone
from contactfold.domain.errors import ContactfoldError
from contactfold.domain.event import LONGEST_NAME, Scalar
from contactfold.domain.outcome import Reason
from contactfold.domain.schema import Attribute, Schema, compared_by, name_identifier
from contactfold.domain.stamp import format_time, parse_time
from contactfold.domain.taking import Field, fields_of

MOST_NAMED = 1_000
"""Identifiers that one event names at most. What an event costs grows with their square, and no person has as many."""
MOST_VALUES = 10_000
"""Values of another attribute that one event has at most."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TRUE = frozenset({"true", "yes", "1"})
_FALSE = frozenset({"false", "no", "0"})
_DECIMAL_DIGITS = 40


class Refused(ContactfoldError):
    """A value that has no normal form; `code` is one of SEMANTICS 1, the text one sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def clean_text(raw: str) -> str:
    """Text stripped and in NFC. Raises `Refused` for a NUL, which no store keeps apart from an end of text."""
    if "\0" in raw:
        raise Refused("control_character", "A value holds a control character (NUL); leave it out.")
    text = raw.strip()
    return text if text.isascii() else unicodedata.normalize("NFC", text).strip()


def _bounded(text: str) -> str:
    """Text short enough to be an identifier; longer ones would fill the caches, and take long to be refused."""
    if len(text) > LONGEST_NAME:
        raise Refused("too_long", f"An identifier has at most {LONGEST_NAME} characters.")
    return text


def _text_of(raw: object) -> str:
    if isinstance(raw, str):
        return clean_text(raw)
    if isinstance(raw, int) and not isinstance(raw, bool):
        if not -(1 << 63) <= raw < 1 << 64:
            raise Refused("invalid_number", "An integer past 64 bits would be rounded on its way; send it as text.")
        return str(raw)
    raise Refused("invalid_string", f"Text was expected, not {_kind_of(raw)}.")


def _kind_of(raw: object) -> str:
    kinds: list[tuple[type, str]] = [(bool, "a boolean"), (float, "a fraction"), (int, "an integer")]
    kinds += [(list, "a list"), (dict, "an object"), (str, "text")]
    return next((kind for type_, kind in kinds if isinstance(raw, type_)), "that")


def _normal_email(raw: object, _attribute: Attribute, _schema: Schema) -> Scalar:
    found = email_of(_bounded(clean_text(raw))) if isinstance(raw, str) else None
    if found is None:
        raise Refused("invalid_email", "This is not an e-mail address; one reads like ann@example.com.")
    return found


def _normal_phone(raw: object, _attribute: Attribute, schema: Schema) -> Scalar:
    found = phone_of(_bounded(_text_of(raw)), schema.default_country, schema.strict_phones)
    if found is None:
        hint = (
            "" if schema.default_country else "; without a default country it must begin with + and the country's code"
        )
        raise Refused("invalid_phone", f"This is not a phone number that reaches one person{hint}.")
    return found


def _normal_text(raw: object, _attribute: Attribute, _schema: Schema) -> Scalar:
    return _text_of(raw)


def _normal_integer(raw: object, _attribute: Attribute, _schema: Schema) -> Scalar:
    number: int | None = None
    if isinstance(raw, int) and not isinstance(raw, bool):
        number = raw
    elif isinstance(raw, str) and _INTEGER.fullmatch(clean_text(raw)):
        number = int(raw)
    if number is None or not -(1 << 63) <= number < 1 << 63:
        raise Refused("invalid_number", "A whole number of at most 64 bits was expected.")
    return number


def _normal_decimal(raw: object, _attribute: Attribute, _schema: Schema) -> Scalar:
    try:
        if isinstance(raw, bool) or not isinstance(raw, (int, float, str)):
            raise InvalidOperation
        number = Decimal(clean_text(raw) if isinstance(raw, str) else repr(raw))
        if (
            not number.is_finite()
            or abs(number.adjusted()) > _DECIMAL_DIGITS
            or len(number.as_tuple().digits) > _DECIMAL_DIGITS
        ):
            raise InvalidOperation
    except InvalidOperation:
        raise Refused("invalid_number", f"A decimal number of at most {_DECIMAL_DIGITS} digits was expected.") from None
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def _normal_boolean(raw: object, _attribute: Attribute, _schema: Schema) -> Scalar:
    if isinstance(raw, bool):
        return raw
    word = clean_text(raw).casefold() if isinstance(raw, str) else str(raw) if isinstance(raw, int) else ""
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise Refused("invalid_boolean", "true or false was expected.")


def _normal_date(raw: object, _attribute: Attribute, _schema: Schema) -> Scalar:
    text = clean_text(raw) if isinstance(raw, str) else ""
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise Refused("invalid_date", "A date was expected, written like 2026-11-21.")


def _normal_datetime(raw: object, _attribute: Attribute, _schema: Schema) -> Scalar:
    moment = parse_time(clean_text(raw)) if isinstance(raw, str) else None
    if moment is None:
        raise Refused("invalid_time", "A time with a zone was expected, written like 2026-11-21T20:21:22Z.")
    return format_time(moment)


def _normal_url(raw: object, _attribute: Attribute, _schema: Schema) -> Scalar:
    text = clean_text(raw) if isinstance(raw, str) else ""
    try:
        parts = urlsplit(text)
        if parts.scheme in ("http", "https") and parts.hostname and not re.search(r"\s", text):
            return parts._replace(scheme=parts.scheme, netloc=_normal_netloc(parts.netloc)).geturl()
    except ValueError:
        pass
    raise Refused("invalid_url", "A web address was expected, beginning with http:// or https://.")


def _normal_netloc(netloc: str) -> str:
    user, at, host = netloc.rpartition("@")
    return f"{user}{at}{host.lower()}"


def _normal_choice(raw: object, attribute: Attribute, _schema: Schema) -> Scalar:
    word = clean_text(raw) if isinstance(raw, str) else str(raw) if isinstance(raw, (int, float)) else ""
    found = attribute.choices.get(word.casefold())
    if found is None:
        allowed = ", ".join(dict.fromkeys(attribute.choices.values()))
        raise Refused("not_an_alternative", f"This is not one of the alternatives: {allowed}.")
    return found


_NORMALISERS: dict[str, Callable[[object, Attribute, Schema], Scalar]] = {
    "string": _normal_text,
    "text": _normal_text,
    "integer": _normal_integer,
    "decimal": _normal_decimal,
    "boolean": _normal_boolean,
    "date": _normal_date,
    "datetime": _normal_datetime,
    "email": _normal_email,
    "phone": _normal_phone,
    "url": _normal_url,
    "choice": _normal_choice,
}


def normal_value(attribute: Attribute, raw: object, schema: Schema) -> Scalar:
    """The normal form of one value that is neither null nor empty. Raises `Refused`."""
    value = _NORMALISERS[attribute.type](raw, attribute, schema)
    if attribute.identifies and len(name_identifier(attribute, value)) > LONGEST_NAME:
        raise Refused("too_long", f"An identifier has at most {LONGEST_NAME} characters.")
    return value


def is_junk(attribute: Attribute, raw: object) -> bool:
    """Whether a value of an identifying attribute says nothing: a placeholder, zeros, one digit repeated."""
    if isinstance(raw, bool) or not isinstance(raw, (str, int)):
        return False
    text = raw.strip() if isinstance(raw, str) else str(raw)
    if text.casefold() in attribute.junk:
        return True
    if not attribute.junk:
        return False
    if attribute.is_key and text and not text.strip("0"):
        return True
    if attribute.type == "phone":
        digits = strip_phone(text).lstrip("+")
        return digits.isdecimal() and len(set(digits)) == 1
    return False


@dataclass(slots=True)
class Understanding:
    """What a payload's values say: normal values by attribute key, and what was wrong, ignored or junk."""

    values: dict[str, tuple[Scalar, ...]] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    faults: list[Reason] = field(default_factory=list)
    remarks: list[Reason] = field(default_factory=list)
    named: int = 0
    """Values of identifying attributes that were sent, whatever they are."""


def understand_values(payload: Mapping[str, object], schema: Schema) -> Understanding:
    """Bring a payload's values into normal form. Every fault is reported, not the first alone."""
    out = Understanding()
    values, fields = out.values, fields_of(schema)
    # Where each name is an attribute's key, no two of them name the same.
    named: dict[str, str] | None = None if payload.keys() <= fields.keys() else {}
    for name, raw in payload.items():
        field_ = fields[name] if named is None else _find_field(name, schema, named, out)
        if field_ is None or raw is None:
            continue
        attribute, key, identifies, take = field_
        # Nearly every field is one good text, alone or in a list.
        one = raw[0] if type(raw) is list and len(raw) == 1 else raw
        value = take(one.strip()) if type(one) is str and take is not None else None
        if value is None or out.named >= MOST_NAMED:
            _understand_field(attribute, name, raw, schema, out)
            continue
        values[key] = (value,)
        if identifies:
            out.named += 1
    return out


def _find_field(name: str, schema: Schema, named: dict[str, str], out: Understanding) -> Field | None:
    """What a name of a payload names; None where nobody knows it, or another of the payload names the same."""
    attribute = schema.find(name)
    if attribute is None:
        out.ignored.append(name[:LONGEST_NAME])
        return None
    other = named.setdefault(attribute.key, name)
    if other != name:
        message = f"Two keys name the attribute {attribute.key}: {other} and {name}; send one of them."
        out.faults.append(Reason("duplicate_field", message, name))
        return None
    return fields_of(schema)[attribute.key]


def _understand_field(attribute: Attribute, name: str, raw: object, schema: Schema, out: Understanding) -> None:
    entries = raw if isinstance(raw, list) else [raw]
    if not entries or (isinstance(raw, str) and not raw.strip()):
        out.values[attribute.key] = ()
        return
    told = [(place, one) for place, one in enumerate(entries) if one is not None]
    filled = [(place, one) for place, one in told if not (isinstance(one, str) and not one.strip())]
    if not filled:
        if told:
            out.values[attribute.key] = ()
        return
    if (message := _find_too_many(attribute, len(filled), out)) is not None:
        out.faults.append(Reason("too_many_values", message, name))
        return
    found: dict[Scalar, Scalar] = {}
    for place, one in filled:
        position = place if isinstance(raw, list) else None
        if attribute.identifies and is_junk(attribute, one):
            message = "A placeholder that says nothing was left out."
            out.remarks.append(Reason("junk", message, name, position))
            continue
        try:
            value = normal_value(attribute, one, schema)
        except Refused as refused:
            out.faults.append(Reason(refused.code, str(refused), name, position))
        else:
            found.setdefault(compared_by(attribute, value), value)
    if found:
        out.values[attribute.key] = tuple(found.values())


def _find_too_many(attribute: Attribute, count: int, out: Understanding) -> str | None:
    """Why a field has more values than are taken, told before any of them is looked at."""
    if count > 1 and not attribute.multi:
        return f"{attribute.key} holds one value, and {count} were sent."
    if not attribute.identifies:
        too_many = count > MOST_VALUES
        return f"An event has at most {MOST_VALUES} values of {attribute.key}; say less in one." if too_many else None
    out.named += count
    if out.named <= max(MOST_NAMED, attribute.max_values):
        return None
    return f"An event names at most {MOST_NAMED} identifiers; send the people it is about one by one."


def normal_identifier(text: str, schema: Schema) -> str:
    """The identifier that `attribute:value` writes, normalised like a value of a payload. Raises `Refused`."""
    name, colon, raw = text.partition(":")
    attribute = schema.find(name) if colon else None
    if attribute is None or not attribute.identifies:
        known = ", ".join(a.key for a in schema.identifying)
        message = f"An identifier is written attribute:value, like email:ann@example.com; the attributes are {known}."
        raise Refused("invalid_identifier", message)
    if not raw.strip():
        raise Refused("invalid_identifier", f"The identifier of {attribute.key} has no value.")
    if is_junk(attribute, raw):
        raise Refused("junk", "This value is a placeholder and identifies nobody.")
    return name_identifier(attribute, normal_value(attribute, raw, schema))
