"""What a record says of an organisation: its fields `Account ID`, `Account Name` and `Account <Field>` (CONTRACT 5)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from contactfold.accounts import ACCOUNT_ID, NAME, find_account_field
from contactfold.domain.outcome import Reason
from contactfold_ingest.records.record import write_path

__all__ = ["ACCOUNT_ID", "Account", "find_account_field", "read_account"]


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
        if account.fields.get(NAME, "") != "":
            account.fields[ACCOUNT_ID] = account.fields[NAME]
    return account


def _only(value: object) -> object:
    """The value, stripped; the element of a list of one."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value.strip() if isinstance(value, str) else value
