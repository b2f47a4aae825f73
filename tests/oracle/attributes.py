"""The small contact schema the oracle's histories speak of: one attribute of every kind that `step` tells apart.

The order matters (identifiers are ordered by it): a key first and another key late, the anonymous channel
before a channel of known people, so that a visitor can be the first candidate.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Attribute:
    """An attribute as the oracle needs it. Only channels have a limit; `names` are other ways to write the key."""

    key: str
    type: str = "string"
    is_key: bool = False
    channel: bool = False
    multi: bool = False
    limit: int | None = None
    anonymous: bool = False
    names: tuple[str, ...] = ()

    @property
    def identifies(self) -> bool:
        """Whether its values are identifiers."""
        return self.is_key or self.channel


ATTRIBUTES = (
    Attribute("customer_id", is_key=True, names=("Customer Number",)),
    Attribute("email", "email", channel=True, multi=True, limit=3, names=("mail",)),
    Attribute("web", channel=True, multi=True, limit=2, anonymous=True),
    Attribute("phone", "phone", channel=True, multi=True, limit=2),
    Attribute("telegram", channel=True),
    Attribute("member_id", is_key=True),
    Attribute("first_name"),
    Attribute("labels", multi=True),
)
BY_KEY = {attribute.key: attribute for attribute in ATTRIBUTES}

LINKS = Attribute("@organizations", multi=True)
"""A contact's links to organisations behave as a field with many values."""
