"""What of a schema carries meaning, and which changes of it a directory survives.

The law needs one `step`: a directory holds what one schema made of its events. A change that leaves
everything folded so far as it is may be made at once; after any other, old and new contacts would follow
different rules, and the directory would be one that no order of events gives.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from contactfold.domain.schema import NORMALISERS, Attribute, Schema


@dataclass(frozen=True)
class AttributeMeaning:
    """What of an attribute the fold depends on. `choices` maps each spelling to its alternative."""

    key: str
    type: str
    is_key: bool
    channel: bool
    multi: bool
    anonymous: bool
    max_values: int
    choices: dict[str, str]
    junk: tuple[str, ...]

    @property
    def identifies(self) -> bool:
        """Whether its values are identifiers."""
        return self.is_key or self.channel


@dataclass(frozen=True)
class Meaning:
    """What of a schema the fold depends on, as plain data that a directory can keep."""

    normalisers: int
    default_country: str | None
    strict_phones: bool
    attributes: tuple[AttributeMeaning, ...]


def tell_meaning(schema: Schema) -> Meaning:
    """The meaning of a schema: what is for people alone (names, aliases, masking, ...) is not in it."""
    told = tuple(map(_tell_attribute, schema.attributes))
    return Meaning(NORMALISERS, schema.default_country, schema.strict_phones, told)


def _tell_attribute(attribute: Attribute) -> AttributeMeaning:
    return AttributeMeaning(
        key=attribute.key,
        type=attribute.type,
        is_key=attribute.is_key,
        channel=attribute.channel is not None,
        multi=attribute.multi,
        anonymous=attribute.anonymous,
        max_values=attribute.max_values,
        choices=attribute.choices,
        junk=tuple(sorted(attribute.junk)),
    )


def find_changes(stored: Meaning, schema: Schema) -> list[str]:
    """One sentence for each difference that a directory folded with `stored` cannot take; none where it goes on."""
    return [*_list_changes(stored, tell_meaning(schema))]


def _list_changes(before: Meaning, after: Meaning) -> Iterator[str]:
    yield from _changes_of_rules(before, after)
    known = {one.key for one in before.attributes}
    present = {one.key: one for one in after.attributes}
    for one in before.attributes:
        if one.key in present:
            yield from _changes_of_attribute(one, present[one.key])
        else:
            yield f"The attribute {one.key} is gone."
    for one in after.attributes:
        if one.key not in known and one.identifies:
            yield f"The new attribute {one.key} is {_role(one)}."
    yield from _changes_of_order(before, after)


def _changes_of_rules(before: Meaning, after: Meaning) -> Iterator[str]:
    if before.normalisers != after.normalisers:
        yield (
            f"This version of contactfold writes normal forms by rules of number {after.normalisers}, "
            f"not {before.normalisers}."
        )
    if not any(one.type == "phone" for one in before.attributes):
        return
    if before.default_country != after.default_country:
        yield f"default_country was {before.default_country or 'none'} and is now {after.default_country or 'none'}."
    if before.strict_phones != after.strict_phones:
        yield f"phone_validation was {_validation(before)} and is now {_validation(after)}."


def _changes_of_attribute(before: AttributeMeaning, after: AttributeMeaning) -> Iterator[str]:
    name = f"The attribute {before.key}"
    if before.type != after.type:
        yield f"{name} was of type {before.type} and is now of type {after.type}."
    if _role(before) != _role(after):
        yield f"{name} was {_role(before)} and is now {_role(after)}."
    if before.multi != after.multi:
        yield f"{name} had {_count(before)} and has now {_count(after)}."
    if before.channel and after.channel and before.anonymous != after.anonymous:
        yield f"{name} was {_naming(before)} and is now {_naming(after)}."
    if before.type == after.type == "choice":
        yield from _changes_of_choices(before, after)
    if not before.identifies or not after.identifies:
        return
    if before.multi and after.multi and before.max_values != after.max_values:
        yield f"{name} had a max_values of {before.max_values} and has now one of {after.max_values}."
    if set(before.junk) != set(after.junk):
        yield f"The junk of {before.key} was {_list(before.junk)} and is now {_list(after.junk)}."


def _changes_of_choices(before: AttributeMeaning, after: AttributeMeaning) -> Iterator[str]:
    alternatives = set(after.choices.values())
    for gone in sorted(set(before.choices.values()) - alternatives):
        yield f"The alternative {gone} of {before.key} is gone."
    for spelling, meant in sorted(before.choices.items()):
        means = after.choices.get(spelling)
        if meant not in alternatives or means == meant:
            continue
        now = "is gone" if means is None else f"now means {means}"
        yield f"The spelling {spelling} of {before.key} meant {meant} and {now}."


def _changes_of_order(before: Meaning, after: Meaning) -> Iterator[str]:
    """Where an event fits several contacts, the first identifier decides: so their order carries meaning."""
    old = [one.key for one in before.attributes if one.identifies]
    new = [one.key for one in after.attributes if one.identifies]
    stayed = [key for key in old if key in new]
    standing = [key for key in new if key in old]
    if stayed != standing:
        yield f"The order of identifiers was {', '.join(stayed)} and is now {', '.join(standing)}."


def _role(one: AttributeMeaning) -> str:
    if one.is_key:
        return "a key and a channel" if one.channel else "a key"
    return "a channel" if one.channel else "no identifier"


def _count(one: AttributeMeaning) -> str:
    return "several values" if one.multi else "one value"


def _naming(one: AttributeMeaning) -> str:
    return "anonymous" if one.anonymous else "not anonymous"


def _validation(one: Meaning) -> str:
    return "strict" if one.strict_phones else "possible"


def _list(words: tuple[str, ...]) -> str:
    return ", ".join(sorted(words)) or "empty"
