"""Which field of an organisation a name is about: `Account ID`, `Account Name`, `Account <Field>` (CONTRACT 5 and 6).

They are compared as names of attributes are, so `account_name` and `AccountName` are `Account Name`. The organisation's
field is the rest of the name in lower case with `_` between its words: `Account Billing City` is `billing_city`.
"""

import re

from contactfold.domain.schema import fold_name

ACCOUNT_ID = "account_id"
NAME = "name"

# `Accountant` is no field of an account: after the word there is a separator, or a capital letter.
# Separators are taken once and for all (`++`): looking back at each would take the square of a name's length.
_ACCOUNT = re.compile(r"(?:(?i:account)[\s_-]++|[Aa]ccount(?=[A-Z]))(.+)", re.DOTALL)
_WORDS = re.compile(r"[\s_-]+|(?<=[a-z0-9])(?=[A-Z])")
_WRITTEN_TOGETHER = {"accountid": ACCOUNT_ID, "accountname": NAME}


def find_account_field(name: str) -> str | None:
    """The field of an organisation that a name is about, or None where it is about none."""
    known = _WRITTEN_TOGETHER.get(fold_name(name))
    if known is not None:
        return known
    match = _ACCOUNT.fullmatch(name.strip())
    if match is None:
        return None
    written = "_".join(word for word in _WORDS.split(match[1]) if word).lower()
    return ACCOUNT_ID if written == "account_id" else written
