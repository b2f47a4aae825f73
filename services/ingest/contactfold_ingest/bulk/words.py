"""Why a customer was not taken, in the words that bulk clients read (CONTRACT 5)."""

from collections.abc import Iterable

from contactfold.domain.outcome import Reason
from contactfold.domain.schema import Schema, fold_name

WORDS = {
    "ambiguous": "Ambiguous - more than one contact found",
    "control_character": "Invalid control character",
    "duplicate": "Ignored - duplicate found",
    "duplicate_field": "Duplicate field",
    "erased": "Ignored - erased",
    "invalid_boolean": "Invalid boolean format",
    "invalid_date": "Invalid date format",
    "invalid_email": "Invalid email format",
    "invalid_id": "Invalid id",
    "invalid_number": "Invalid number format",
    "invalid_phone": "Invalid phone number format",
    "invalid_string": "Invalid text format",
    "invalid_time": "Invalid time format",
    "invalid_url": "Invalid URL format",
    "missing_field": "Missing mandatory field",
    "no_identifier": "Missing identifier: a value of a key or channel is needed",
    "not_an_alternative": "Not one of the alternatives",
    "not_an_event": "Not a JSON object",
    "record_too_large": "Customer too large",
    "retracted": "Ignored - retracted",
    "too_long": "Too long",
    "too_many_values": "Too many values",
}
"""What each code of a reason reads here. A field follows where the words do not name it themselves."""

_OF_THE_WHOLE = frozenset({"no_identifier", "not_an_event", "record_too_large"})
"""Codes of reasons that are about no single field."""
REMARK = "junk"
"""The code of a reason that refuses nothing."""


def tell(customer: object, reasons: Iterable[Reason], schema: Schema) -> str:
    """All reasons why a customer was not taken, as one text; never a value of the customer."""
    told = (_tell_one(customer, reason, schema) for reason in reasons if reason.code != REMARK)
    return "; ".join(dict.fromkeys(told))


def _tell_one(customer: object, reason: Reason, schema: Schema) -> str:
    words = WORDS.get(reason.code)
    if words is None:
        return reason.message
    if reason.field and reason.code not in _OF_THE_WHOLE and fold_name(reason.field) not in fold_name(words):
        words = f"{words}: {reason.field}"
    sent = customer.get(reason.field) if isinstance(customer, dict) else None
    if reason.position is not None and isinstance(sent, list) and len(sent) > 1:
        words = f"{words} (value {reason.position + 1})"
    attribute = schema.find(reason.field)
    if attribute is not None and reason.code == "not_an_alternative":
        words = f"{words} ({', '.join(dict.fromkeys(attribute.choices.values()))})"
    return words
