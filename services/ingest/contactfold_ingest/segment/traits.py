"""Traits: what Segment's messages say of a person, as attributes of the schema.

A trait goes to the attribute whose key, name or alias it is, however it is spelled (`firstName`, `first_name`); else to
one that `_SPELLINGS` names for it. What of `address` and `company` has an attribute is taken out of them; nothing else
is looked into. A trait that is no attribute is left among the values under its own name: it is ignored and named in
the outcome as any unknown field is, and the log keeps it as it was sent, for a schema that knows it.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import tzinfo

from contactfold.domain.schema import Attribute, Schema, fold_name
from contactfold_ingest.mapping.times import write_day, write_moment

_SPELLINGS: dict[str, tuple[str, ...]] = {
    "phone": ("phone_number", "mobile"),
    "birthday": ("date_of_birth", "birth_date"),
    "name": ("full_name",),
    "title": ("job_title",),
    "avatar": ("avatar_url",),
    "website": ("website_url", "url"),
    "company": ("company_name",),
    "company.name": ("company", "company_name"),
    "company.industry": ("industry",),
    "address.street": ("street",),
    "address.city": ("city",),
    "address.state": ("state", "region"),
    "address.postalCode": ("postal_code", "zip_code", "zip", "postcode"),
    "address.country": ("country",),
}
"""Segment's reserved traits (spec, Identify) that attributes go by other names for, each with those names in order."""

_OBJECTS = ("address", "company")
"""The reserved traits that are objects."""

_IDS = ("userid", "anonymousid")
"""What mobile libraries repeat in their traits: the message says it itself."""


class Traits:
    """Traits as attributes of one schema."""

    def __init__(self, schema: Schema, zone: tzinfo) -> None:
        """`zone` is that of times which name none."""
        self._schema, self._zone = schema, zone
        self._spelled: dict[str, Attribute] = {}
        for trait, names in _SPELLINGS.items():
            found = next((one for one in map(schema.find, names) if one is not None), None)
            if found is not None:
                self._spelled[fold_name(trait)] = found

    def say_something(self, traits: Mapping[str, object]) -> bool:
        """Whether there is any trait beside the ids, `null` aside."""
        return any(raw is not None and not self._repeats_an_id(name) for name, raw in traits.items())

    def gather(self, said: Mapping[str, object], layers: Iterable[Mapping[str, object]]) -> dict[str, object]:
        """The values of an event: those `said` already, by attribute key, then each layer's that nobody said before.

        A value that comes too late is kept under `traits.<name>`, where it counts as an unknown field.
        """
        values = dict(said)
        for layer in layers:
            for name, raw in flatten(layer):
                if raw is None:
                    continue
                attribute = self._schema.find(name)
                if attribute is None:
                    folded = fold_name(name)  # once: there may be very many traits that nobody knows
                    if folded in _IDS:
                        continue
                    attribute = self._spelled.get(folded)
                if attribute is None:
                    values.setdefault(name, raw)
                    continue
                value = self._read(attribute, raw)
                if values.setdefault(attribute.key, value) != value:
                    values.setdefault(f"traits.{name}", raw)
        return values

    def _read(self, attribute: Attribute, raw: object) -> object:
        """A trait's value as the attribute takes it: days and times come in many spellings."""
        if attribute.type == "date":
            return write_day(raw)
        if attribute.type == "datetime":
            return write_moment(raw, self._zone)
        return raw

    def _repeats_an_id(self, name: str) -> bool:
        return fold_name(name) in _IDS and self._schema.find(name) is None


def flatten(traits: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Every trait with its name; of those that are objects by Segment's spec each part, as `address.city`.

    Parts come last, so that a trait `city` is heard before the city of an address.
    """
    parts: list[tuple[str, object]] = []
    for name, raw in traits.items():
        if isinstance(raw, dict) and fold_name(name) in _OBJECTS:
            parts += [(f"{name}.{inner}", value) for inner, value in raw.items()]
        else:
            yield name, raw
    yield from parts
