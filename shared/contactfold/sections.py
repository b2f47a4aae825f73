"""What `contactfold.yaml` may say (CONTRACT 2), section by section, as immutable models.

Everything is checked once, at start: nothing later asks whether an expression compiles or an attribute
exists. `contactfold.config` reads the file, and is where the rest of the code imports these from.
"""

import re
from functools import cached_property
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError

from contactfold.domain.schema import JUNK, Attribute, Schema, default_schema
from contactfold.expressions import check_expression, write_constant
from contactfold.page_sources import act_as_pages_do
from contactfold.schedule_settings import Schedule, ScheduleName
from contactfold.section import Section
from contactfold.signing_secrets import check_signing_secret
from contactfold.zones import check_zone

SEGMENT = "segment"
"""The source of what comes through the doors for Segment's libraries."""

_SOURCE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_ORIGIN = re.compile(r"https?://(?:\[[0-9a-f:.]+\]|[^/?#@:*\s\[\]]+)(?::[0-9]{1,5})?", re.IGNORECASE)
_WORDS = re.compile(r"[_\s-]+|(?<=[a-z0-9])(?=[A-Z])")


# ------------------------------------------------------------------------------------- checks of one value


def _refuse_boolean(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticCustomError("count", "must be a whole number, not true or false")
    return value


_Count = Annotated[int, BeforeValidator(_refuse_boolean), Field(ge=1, le=1 << 40)]


def _resolve_attribute(name: str, info: ValidationInfo) -> str:
    """The key of the attribute that `name` names, where the schema is known (`load_config` puts it in the context)."""
    schema: Schema | None = (info.context or {}).get("schema")
    if schema is None:
        return name
    attribute = schema.find(name)
    if attribute is None:
        raise PydanticCustomError("unknown_attribute", "no such attribute")
    return attribute.key


def _resolve_identifier(name: str, info: ValidationInfo) -> str:
    key = _resolve_attribute(name, info)
    schema: Schema | None = (info.context or {}).get("schema")
    if schema is not None and not schema.by_key[key].identifies:
        raise PydanticCustomError(
            "no_identifier", "{key} is neither a key nor a channel, so it identifies nobody", {"key": key}
        )
    return key


def _check_some(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise PydanticCustomError("too_short", "must not be empty")
    return names


def _check_source_name(name: str) -> str:
    if not _SOURCE_NAME.fullmatch(name):
        raise PydanticCustomError("source_name", "a source's name is up to 64 letters, digits, `_`, `.` and `-`")
    return name


def _check_origin(text: str) -> str:
    if not _ORIGIN.fullmatch(text):
        raise PydanticCustomError(
            "origin", "{text} is no origin: write https://shop.example.com, without a path", {"text": repr(text)}
        )
    return text.lower()


def _check_country(text: str) -> str:
    from phonenumbers import SUPPORTED_REGIONS

    if text.upper() not in SUPPORTED_REGIONS:
        raise PydanticCustomError("country", "{text} is no two-letter country code such as US", {"text": repr(text)})
    return text.upper()


def _spell_out(value: object) -> object:
    """An alternative written as plain text stands for itself, with no other spellings."""
    if isinstance(value, str):
        return {"value": value}
    if not isinstance(value, dict | Alternative):
        raise PydanticCustomError("alternative", "must be text, or have a `value`; put it in quotes")
    return value


Expression = Annotated[str, AfterValidator(check_expression)]
ValueExpression = Annotated[str, BeforeValidator(write_constant), AfterValidator(check_expression)]
Zone = Annotated[str, AfterValidator(check_zone)]
AttributeName = Annotated[str, AfterValidator(_resolve_attribute)]
IdentifierName = Annotated[str, AfterValidator(_resolve_identifier)]
SourceName = Annotated[str, AfterValidator(_check_source_name)]
Origin = Annotated[str, AfterValidator(_check_origin)]
Country = Annotated[str, AfterValidator(_check_country)]
SigningSecret = Annotated[SecretStr, AfterValidator(check_signing_secret)]


# ---------------------------------------------------------------------------------------------- the schema


class Alternative(Section):
    """One alternative of a `choice`, with the other ways it is spelled."""

    value: str
    spellings: tuple[str, ...] = ()


class AttributeSettings(Section):
    """An attribute as the file declares it; `contactfold.domain.schema.Attribute` is what it becomes."""

    key: str
    name: str | None = None
    type: str = "string"
    is_key: bool = False
    channel: str | None = None
    multi: bool = False
    pii: bool = False
    max_values: int = 10
    anonymous: bool = False
    mandatory: bool = False
    values: tuple[Annotated[Alternative, BeforeValidator(_spell_out)], ...] = ()
    aliases: tuple[str, ...] = ()
    junk: tuple[str, ...] = JUNK

    def attribute(self) -> Attribute:
        """The attribute of the domain. A name left out is the key in words."""
        spoken = {spelling: a.value for a in self.values for spelling in (a.value, *a.spellings)}
        return Attribute(
            key=self.key,
            name=self.name or _in_words(self.key),
            type=self.type,
            is_key=self.is_key,
            channel=self.channel,
            multi=self.multi,
            pii=self.pii,
            max_values=self.max_values,
            anonymous=self.anonymous,
            mandatory=self.mandatory,
            choices={spelling.strip().casefold(): value for spelling, value in spoken.items()},
            aliases=self.aliases,
            junk=tuple(word.casefold() for word in self.junk),
        )


class SchemaSettings(Section):
    """The `schema` section: its attributes replace the default ones."""

    attributes: tuple[AttributeSettings, ...]

    def attributes_of_domain(self) -> tuple[Attribute, ...]:
        """The declared attributes in their order."""
        return tuple(declared.attribute() for declared in self.attributes)


def _in_words(key: str) -> str:
    words = [word for word in _WORDS.split(key) if word]
    return " ".join(word if word.isupper() else word.lower() for word in words).capitalize() if words else key


# ----------------------------------------------------------------------------------------- sources, limits


class Source(Section):
    """A named configuration of a front door: `POST /hooks/{name}`.

    `events`, `id`, `occurred_at`, the values of `values` and of `organization` are JMESPath, constants too.
    Attributes go by their keys, whatever name the file used. `values` is None where an item's own keys are the
    attributes' names. `timezone` is that of times which name none. `rate_limit` counts requests a minute and address.
    `keep` is for Segment's calls: those that say nothing about the person go to the log too.
    With `allowed_origins`, `action` and `on_many` are those of pages, whatever else was said.
    """

    _act_as_pages_do = model_validator(mode="before")(act_as_pages_do)

    events: Expression | None = None
    id: Expression | None = None
    occurred_at: Expression | None = None
    timezone: Zone | None = None
    values: dict[AttributeName, ValueExpression] | None = None
    match_on: Annotated[tuple[IdentifierName, ...], AfterValidator(_check_some)] | None = None
    action: Literal["append", "update", "replace", "ignore"] = "append"
    on_many: Literal["merge", "first", "reject", "anonymous"] = "merge"
    required: tuple[AttributeName, ...] = ()
    unknown_fields: Literal["ignore", "reject"] = "ignore"
    empty: Literal["delete", "nothing"] = "delete"
    signing_secrets: tuple[SigningSecret, ...] = ()
    allowed_origins: tuple[Origin, ...] = ()
    rate_limit: Annotated[int, Field(ge=1)] = 120
    organization: dict[str, ValueExpression] | None = None
    keep: bool = False


class Limits(Section):
    """Sizes in bytes, a component's size in pieces of evidence, and when the processor stops for dead letters.

    `requests_per_minute` is how often one API key may be used, 0 for no limit.
    """

    body_bytes: _Count = 1_048_576
    import_bytes: _Count = 1_073_741_824
    record_bytes: _Count = 1_048_576
    component_events: _Count = 10_000
    dead_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    dead_window: _Count = 200
    requests_per_minute: Annotated[int, BeforeValidator(_refuse_boolean), Field(ge=0, le=1 << 40)] = 0


class Config(Section):
    """All of `contactfold.yaml`. `contact_schema` is the schema that everything else is written against."""

    default_country: Country | None = None
    phone_validation: Literal["possible", "strict"] = "possible"
    schema_: SchemaSettings | None = Field(default=None, alias="schema")
    sources: dict[SourceName, Source] = Field(default_factory=dict)
    schedules: dict[ScheduleName, Schedule] = Field(default_factory=dict)
    limits: Limits = Field(default_factory=Limits)

    @cached_property
    def contact_schema(self) -> Schema:
        """The schema of the configuration, or the default one, with the settings its normal forms depend on."""
        declared = self.schema_
        attributes = default_schema().attributes if declared is None else declared.attributes_of_domain()
        return Schema(attributes, default_country=self.default_country, strict_phones=self.phone_validation == "strict")
