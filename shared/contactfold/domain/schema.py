"""The contact schema: which attributes there are, what they hold, and which of them identify a person.

A `Schema` is immutable and hashable by its fingerprint; everything that turns a payload into normal
form, and everything `step` consults, is a function of it.
"""

import hashlib
import re
from dataclasses import dataclass, field
from functools import cached_property
from json import dumps

from contactfold.domain.event import Scalar

TYPES = ("string", "text", "integer", "decimal", "boolean", "date", "datetime", "email", "phone", "url", "choice")

JUNK = ("n/a", "none", "null", "unknown", "test", "-")
"""Values of identifiers that say nothing, in any case, unless an attribute has its own list (SEMANTICS 2)."""

NORMALISERS = 1
"""Raised whenever a normaliser gives another normal form: what older ones wrote is then normalised anew."""

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
_SEPARATORS = re.compile(r"[\s_-]+")


def fold_name(name: str) -> str:
    """What names of attributes are compared by: no case, spaces, `_` or `-`."""
    return _SEPARATORS.sub("", name).casefold()


@dataclass(frozen=True, slots=True)
class Attribute:
    """A field of the contact schema. `channel` names how the attribute reaches a person, None where it does not.

    `choices` maps every accepted spelling of a `choice`, case folded, to the declared alternative.
    """

    key: str
    name: str
    type: str = "string"
    is_key: bool = False
    channel: str | None = None
    multi: bool = False
    pii: bool = False
    max_values: int = 10
    anonymous: bool = False
    mandatory: bool = False
    choices: dict[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    junk: tuple[str, ...] = JUNK

    @property
    def identifies(self) -> bool:
        """Whether its values are identifiers."""
        return self.is_key or self.channel is not None


class Schema:
    """Attributes in their order, found by any of their names, with the settings their normal forms depend on."""

    def __init__(
        self, attributes: tuple[Attribute, ...], *, default_country: str | None = None, strict_phones: bool = False
    ) -> None:
        self.attributes = attributes
        self.default_country = default_country
        self.strict_phones = strict_phones
        self.by_key = {attribute.key: attribute for attribute in attributes}
        self.identifying = tuple(attribute for attribute in attributes if attribute.identifies)
        self.keys = tuple(attribute for attribute in attributes if attribute.is_key)
        self.places = {attribute.key: place for place, attribute in enumerate(self.identifying)}
        """Where each identifying attribute stands among them, by its key."""
        self.overwritten = frozenset(a.key for a in attributes if a.channel is not None and not a.multi)
        """The channels of one value: a later one takes the place of an earlier, and with it an identifier."""
        self._by_name = {fold_name(name): a for a in attributes for name in (a.key, a.name, *a.aliases)}

    @cached_property
    def visitors(self) -> Attribute | None:
        """The channel of web visitors' marks: `web`, else the first that could hold them; None where there is none."""
        fitting = [a for a in self.identifying if a.anonymous and a.multi and a.type == "string"]
        return next((a for a in fitting if a.key == "web"), fitting[0] if fitting else None)

    def find(self, name: str) -> Attribute | None:
        """The attribute that `name` names: its key, its name or an alias, compared as `fold_name` does."""
        return self.by_key.get(name) or self._by_name.get(fold_name(name))

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change whenever normal values could change, or what a step makes of them.

        Names and aliases are not in it: what was normalised is named by key. Nor are flags for readers.
        """
        told = [NORMALISERS, self.default_country, self.strict_phones, [_tell_meaning(a) for a in self.attributes]]
        return hashlib.blake2b(dumps(told, sort_keys=True).encode(), digest_size=8).hexdigest()

    def order(self, identifier: str) -> int:
        """Where an identifier's attribute stands in the schema."""
        return self.attributes.index(self.by_key[identifier.partition(":")[0]])


def compared_by(attribute: Attribute, value: Scalar) -> Scalar:
    """What two values of an attribute are compared by. Only e-mail addresses keep a spelling apart from it."""
    return value.casefold() if attribute.type == "email" and isinstance(value, str) else value


def name_identifier(attribute: Attribute, value: Scalar) -> str:
    """The identifier a value of a key or channel attribute is, as users write it: `email:ann@example.com`."""
    if attribute.type == "email":
        return f"{attribute.key}:{str(value).casefold()}"
    if isinstance(value, bool):
        return f"{attribute.key}:{'true' if value else 'false'}"
    return f"{attribute.key}:{value}"


def _tell_meaning(attribute: Attribute) -> list[object]:
    choices = sorted(attribute.choices.items())
    flags = [attribute.is_key, attribute.channel is not None, attribute.multi, attribute.anonymous]
    return [attribute.key, attribute.type, *flags, attribute.max_values, choices, attribute.junk]


def find_faults(attributes: tuple[Attribute, ...]) -> list[tuple[int, str, str]]:
    """What is wrong with a list of attributes: the attribute's place, the setting at fault, and a sentence each."""
    faults = [(place, *fault) for place, attribute in enumerate(attributes) for fault in _find_own_faults(attribute)]
    names: dict[str, str] = {}
    for place, attribute in enumerate(attributes):
        for name in {fold_name(n): n for n in (attribute.key, attribute.name, *attribute.aliases)}.values():
            other = names.setdefault(fold_name(name), attribute.key)
            if other != attribute.key:
                faults.append((place, "key", f"{name!r} names the attribute {other} too: names compare equal"))
    if len({a.key for a in attributes}) < len(attributes):
        faults.append((0, "key", "two attributes have the same key"))
    if not any(attribute.identifies for attribute in attributes):
        faults.append((0, "key", "no attribute is a key or a channel, so nobody could be recognised"))
    return faults


def _find_own_faults(attribute: Attribute) -> list[tuple[str, str]]:
    faults = []
    if not _KEY.fullmatch(attribute.key):
        faults.append(("key", f"{attribute.key!r} is no attribute key: use letters, digits, `_` and `-`"))
    if attribute.type not in TYPES:
        faults.append(("type", f"{attribute.type!r} is no type; choose one of {', '.join(TYPES)}"))
    if attribute.is_key and attribute.multi:
        faults.append(("multi", "a key has one value, so it cannot be multi"))
    if attribute.anonymous and attribute.channel is None:
        faults.append(("anonymous", "only a channel can be anonymous"))
    if attribute.max_values < 1:
        faults.append(("max_values", "at least one value must be allowed"))
    if (attribute.type == "choice") != bool(attribute.choices):
        faults.append(("values", "a choice needs its alternatives in `values`, and nothing else has them"))
    return faults


def default_schema(default_country: str | None = None) -> Schema:
    """The schema that is used where the configuration has none (CONTRACT 2)."""

    def channel(key: str, name: str, *, type: str = "string", anonymous: bool = False, limit: int = 10) -> Attribute:
        return Attribute(key, name, type, channel=key, multi=True, pii=True, anonymous=anonymous, max_values=limit)

    return Schema(
        (
            Attribute("external_customer_id", "External Customer ID", is_key=True, pii=True),
            Attribute("first_name", "First name", pii=True),
            Attribute("last_name", "Last name", pii=True),
            Attribute("email", "Email", "email", channel="email", multi=True, pii=True),
            Attribute("phone_number", "Phone number", "phone", channel="sms", multi=True, pii=True),
            Attribute("city", "City"),
            Attribute("labels", "Labels", multi=True),
            channel("facebook", "Facebook"),
            channel("whatsapp", "WhatsApp", type="phone"),
            channel("instagram", "Instagram"),
            channel("web", "Web", anonymous=True, limit=100),
            channel("voice", "Voice", type="phone"),
            channel("viber", "Viber"),
            channel("youtube", "YouTube"),
            channel("linkedin", "LinkedIn"),
            channel("twitter", "Twitter"),
            channel("telegram", "Telegram"),
            Attribute("company", "Company"),
            Attribute("title", "Title"),
            Attribute("country", "Country"),
            Attribute("language", "Language"),
            Attribute("date_of_birth", "Date of birth", "date", pii=True),
        ),
        default_country=default_country,
    )
