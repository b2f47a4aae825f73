"""Rows of one import that say different things of one organisation (SEMANTICS 3: the latest wins, each is marked)."""

from collections.abc import Mapping

import msgspec

from contactfold.domain.outcome import Reason

MOST_FIELDS = 500_000
"""Fields of organisations that are remembered; past them the oldest are forgotten, so that memory stays bounded."""

_SEVERAL = 0


class Accounts:
    """What the rows of one import said of organisations so far, as hashes."""

    def __init__(self) -> None:
        self._said: dict[int, int] = {}

    def note(self, organization: Mapping[str, object]) -> Reason | None:
        """Take note of what a row says; a reason where it differs from what any earlier row said of the account."""
        account = _compare(organization["account_id"])
        differing = [name for name, value in organization.items() if self._differs(account, name, _compare(value))]
        if not differing:
            return None
        named = ", ".join(differing)
        message = f"An earlier row says otherwise of this organisation ({named}); the latest row counts."
        return Reason("organization_differs", message, "organization")

    def _differs(self, account: str | bytes, name: str, value: str | bytes) -> bool:
        if name == "account_id":
            return False
        key, said = hash((account, name)), hash(value) | 1
        before = self._said.setdefault(key, said)
        if before != said:
            self._said[key] = _SEVERAL
            return True
        if len(self._said) > MOST_FIELDS:
            del self._said[next(iter(self._said))]
        return False


def _compare(value: object) -> str | bytes:
    """What two values of a field are compared by: JSON may say a number, or a list, where a cell says text."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else msgspec.json.encode(value)
