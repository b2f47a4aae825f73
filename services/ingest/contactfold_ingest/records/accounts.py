"""What a record says of an organisation: its fields `Account ID`, `Account Name` and `Account <Field>` (CONTRACT 5, 6).

They are compared as names of attributes are, so `account_name` and `AccountName` are `Account Name`. The organisation's
field is the rest of the name in lower case with `_` between its words: `Account Billing City` is `billing_city`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from contactfold.domain.outcome import Reason
from contactfold.domain.schema import fold_name
from contactfold_ingest.records.record import write_path

ACCOUNT_ID = "account_id"
_NAME = "name"

# `Accountant` is no field of an account: after the word there is a separator, or a capital letter.
# Separators are taken once and for all (`++`): looking back at each would take the square of a name's length.
_ACCOUNT = re.compile(r"(?:(?i:account)[\s_-]++|[Aa]ccount(?=[A-Z]))(.+)", re.DOTALL)
_WORDS = re.compile(r"[\s_-]+|(?<=[a-z0-9])(?=[A-Z])")
_WRITTEN_TOGETHER = {"accountid": ACCOUNT_ID, "accountname": _NAME}


def find_account_field(name: str) -> str | None:
    """The field of an organisation that a record's field is about, or None where it is about none."""
    known = _WRITTEN_TOGETHER.get(fold_name(name))
    if known is not None:
        return known
    match = _ACCOUNT.fullmatch(name.strip())
    if match is None:
        return None
    written = "_".join(word for word in _WORDS.split(match[1]) if word).lower()
    return ACCOUNT_ID if written == "account_id" else written


@dataclass(slots=True)
class Account:
    """An organisation as a record tells it. `sent` has the name of each field as it was sent."""

    fields: dict[str, object] = field(default_factory=dict)
    sent: dict[str, str] = field(default_factory=dict)
    faults: list[Reason] = field(default_factory=list)


def read_account(item: Mapping[str, object], names: Iterable[str], *, keep_empty: bool) -> Account:
    """The organisation that these of a record's fields are about.

    A name without an id is its own id. Empty fields say nothing unless they are kept, to delete.
    """
    account = Account()
    for name in names:
        known = find_account_field(name)
        assert known is not None
        if known in account.sent:
            message = f"Two fields are about {known.replace('_', ' ')} of the organisation; send one of them."
            account.faults.append(Reason("duplicate_field", message, write_path((name,))))
            continue
        account.sent[known] = write_path((name,))
        value = _only(item[name])
        if keep_empty or value != "":
            account.fields[known] = value
    if account.fields.get(ACCOUNT_ID, "") == "":
        account.fields.pop(ACCOUNT_ID, None)
        if account.fields.get(_NAME, "") != "":
            account.fields[ACCOUNT_ID] = account.fields[_NAME]
    return account


def _only(value: object) -> object:
    """The value, stripped; the element of a list of one."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value.strip() if isinstance(value, str) else value
