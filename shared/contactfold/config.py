"""The configuration: finding `contactfold.yaml`, filling in `${VAR}`, and checking it whole (CONTRACT 2).

`load_config` either gives a `Config` that can be used as it is, or raises `Misconfigured` with every
fault of the file, each a sentence that begins with its place. Addresses and secrets of the environment
are `Settings`.
"""

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from contactfold.domain.errors import Misconfigured
from contactfold.domain.normalise import understand_values
from contactfold.domain.schema import Attribute, Schema, default_schema, find_faults
from contactfold.environment import Settings, load_settings
from contactfold.expressions import find_literal
from contactfold.faults import Place, describe_error, suggest, write_place
from contactfold.locations import Location
from contactfold.page_sources import find_page_faults
from contactfold.schedule_settings import Schedule, find_schedule_faults
from contactfold.section import Section
from contactfold.sections import (
    SEGMENT,
    Alternative,
    AttributeSettings,
    Config,
    Limits,
    SchemaSettings,
    Source,
)

__all__ = [
    "Config",
    "Limits",
    "Misconfigured",
    "Schedule",
    "Settings",
    "Source",
    "check_config",
    "find_file",
    "load_config",
    "load_settings",
]

_MOST_VALUES = 100_000
"""Values and settings a file may have, aliases counted each time."""

_FROM = (("schedules",), ("from",))
"""Where, beside the name of a schedule, passwords stand."""

DEFAULT_FILE = Path("contactfold.yaml")

_VARIABLE = re.compile(r"\$\{([^}\n]*)\}")
# YAML would read the brace of `[${SECRET}]` as its own, so variables are hidden from it behind two characters that
# no text uses, and filled in only after the file is decoded: what a variable holds can never be taken for YAML.
_HIDDEN = re.compile("\ue000([^\ue001\n]*)\ue001")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class _Loader(yaml.SafeLoader):
    """YAML that refuses a key given twice, where the usual loader would silently take the last."""


def _construct_mapping(loader: _Loader, node: yaml.MappingNode) -> dict[object, object]:
    loader.flatten_mapping(node)
    found: dict[object, object] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if isinstance(key, list | dict):
            raise yaml.MarkedYAMLError(problem="a list or a mapping cannot be a key", problem_mark=key_node.start_mark)
        if key in found:
            raise yaml.MarkedYAMLError(problem=f"the key {key} is given twice", problem_mark=key_node.start_mark)
        found[key] = loader.construct_object(value_node, deep=True)
    return found


def _construct_text(loader: _Loader, node: yaml.ScalarNode) -> str:
    text: str = loader.construct_scalar(node)
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise yaml.MarkedYAMLError(problem="a half of a surrogate pair is no text", problem_mark=node.start_mark)
    return _HIDDEN.sub(r"${\1}", text)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _construct_mapping)
_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_SCALAR_TAG, _construct_text)


def load_config(path: Path | None = None) -> Config:
    """The configuration of `path`, else of CONTACTFOLD_CONFIG, else of ./contactfold.yaml, else the defaults.

    Raises `Misconfigured` with every fault.
    """
    file = find_file(path)
    return Config() if file is None else check_config(read_file(file))


def find_file(path: Path | None) -> Path | None:
    """The file to read: `path`, else what CONTACTFOLD_CONFIG names, else ./contactfold.yaml if it is there."""
    if path is not None:
        return path
    named = os.environ.get("CONTACTFOLD_CONFIG")
    if named:
        return Path(named)
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None


def read_file(path: Path) -> object:
    """The file's content, decoded. Raises `Misconfigured` where it cannot be read or is no YAML."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise Misconfigured([f"{path}: there is no such file"]) from None
    except UnicodeDecodeError:
        raise Misconfigured([f"{path}: the file is not UTF-8"]) from None
    except OSError as error:
        raise Misconfigured([f"{path}: the file cannot be read: {error.strerror}"]) from None
    try:
        return yaml.load(_VARIABLE.sub("\ue000\\1\ue001", text), Loader=_Loader)  # noqa: S506  (a SafeLoader, see above)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise Misconfigured([f"{path}: this is no YAML{where}: {error.problem or error.context}"]) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Misconfigured([f"{path}: this is no YAML: {str(error).splitlines()[0]}"]) from None


def check_config(raw: object) -> Config:
    """The configuration that a decoded file says. Raises `Misconfigured` with every fault of it."""
    if raw is None:
        return Config()
    if not isinstance(raw, dict):
        raise Misconfigured(["the file must be a mapping of settings, such as `limits:` and `sources:`"])
    faults: list[str] = []
    unset: set[Place] = set()
    _bound_size(raw)
    filled = _fill_in(raw, (), unset, faults)
    schema = _check_schema(filled.get("schema"), faults)
    try:
        config = Config.model_validate(filled, context={"schema": schema})
    except ValidationError as error:
        found = error.errors(include_url=False)
        faults += [_describe(fault, schema) for fault in found if fault["loc"] not in unset]
        raise Misconfigured(_once(faults)) from None
    known = None if schema is None else config.contact_schema
    faults += [fault for name, source in config.sources.items() for fault in _check_source(name, source, filled, known)]
    faults += find_page_faults(config.sources, known)
    faults += find_schedule_faults(config.schedules, known)
    if faults:
        raise Misconfigured(_once(faults))
    return config


def _bound_size(raw: object) -> None:
    """Refuse a file whose aliases make more of it than anybody means, before it is walked through and copied."""
    waiting, seen = [raw], 0
    while waiting:
        value = waiting.pop()
        seen += 1
        if isinstance(value, (dict, list)):
            waiting += value.values() if isinstance(value, dict) else value
        if seen + len(waiting) > _MOST_VALUES:
            raise Misconfigured([f"the file says more than {_MOST_VALUES} values; its aliases may repeat each other"])


def _fill_in(value: Any, place: Place, unset: set[Place], faults: list[str]) -> Any:
    """`value` with every `${VAR}` in its texts replaced. An empty variable counts as unset: so does an empty secret.

    A text whose variable is not set stays as it is and its place joins `unset`, so that the rest can still be checked.
    """
    if isinstance(value, dict):
        return {key: _fill_in(one, (*place, key), unset, faults) for key, one in value.items()}
    if isinstance(value, list):
        return [_fill_in(one, (*place, index), unset, faults) for index, one in enumerate(value)]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        name = match[1]
        if found := os.environ.get(name):
            return found
        named = _VARIABLE_NAME.fullmatch(name)
        why = (
            f"the environment variable {name} is not set" if named else f"{match[0]} names no variable; write ${{NAME}}"
        )
        faults.append(f"{write_place(place)}: {why}")
        unset.add(place)
        return match[0]

    return _VARIABLE.sub(replace, value)


def _check_schema(raw: object, faults: list[str]) -> Schema | None:
    """The schema that sources are checked against, or None where it is at fault itself.

    Attributes that cannot be read are told with the rest of the file; those that can are checked here all the same.
    """
    if raw is None:
        return default_schema()
    declared = raw.get("attributes") if isinstance(raw, dict) else None
    if not isinstance(declared, list):
        return None
    readable: dict[int, Attribute] = {}
    for place, one in enumerate(declared):
        with suppress(ValidationError):
            readable[place] = AttributeSettings.model_validate(one).attribute()
    attributes, places = tuple(readable.values()), list(readable)
    found = find_faults(attributes)
    whole = len(attributes) == len(declared)
    if not whole and not any(attribute.identifies for attribute in attributes):
        found = found[:-1]  # the attribute that identifies may be the one that cannot be read
    for place, setting, sentence in found:
        where = ("schema", "attributes", places[place], setting) if places else ("schema", "attributes")
        faults.append(f"{write_place(where)}: {sentence}")
    return Schema(attributes) if whole and not found else None


def _check_source(name: str, source: Source, raw: dict[str, Any], schema: Schema | None) -> list[str]:
    """Faults of a source that no single setting shows."""
    faults = []
    place = f"sources.{name}"
    if source.organization is not None and "account_id" not in source.organization:
        faults.append(f"{place}.organization.account_id: must be given, for an organization goes by it")
    if source.keep and name != SEGMENT:
        faults.append(f"{place}.keep: says something of the source {SEGMENT} alone; leave it out")
    seen: dict[str, str] = {}
    for written in raw["sources"][name].get("values") or {}:
        attribute = schema.find(written) if schema else None
        if schema is None or attribute is None:
            continue
        if seen.setdefault(attribute.key, written) != written:
            faults.append(f"{place}.values.{written}: {seen[attribute.key]} names the same attribute")
        elif source.values is not None:
            constant = find_literal(source.values[attribute.key])
            found = understand_values({attribute.key: constant}, schema).faults
            faults += [f"{place}.values.{written}: the constant cannot be used: {fault.message}" for fault in found]
    return faults


def _describe(fault: ErrorDetails, schema: Schema | None) -> str:
    place = tuple(step for step in fault["loc"] if step != "[key]")
    last = str(place[-1]) if place else ""
    if fault["type"] == "extra_forbidden":
        told = f"no such setting{suggest(last, _known_settings(place[:-1]))}"
    elif fault["type"] == "unknown_attribute":
        named = str(fault["input"])
        known = [name for a in schema.attributes for name in (a.key, a.name, *a.aliases)] if schema else []
        told = f"no such attribute{suggest(named, [*known])}"
        if place[-1] != named:  # an entry of a list, whose place does not name it
            told = f"{named!r} is no attribute{suggest(named, known)}"
    else:
        told = describe_error(fault, secret="signing_secrets" in place or (place[:1], place[2:3]) == _FROM)
    return f"{write_place(place)}: {told}"


def _known_settings(place: Place) -> list[str]:
    """The settings that exist at a place of the file."""
    section: type[Section | Location]
    match place:
        case ("schema",):
            section = SchemaSettings
        case ("schema", "attributes", int()):
            section = AttributeSettings
        case ("schema", "attributes", int(), "values", int()):
            section = Alternative
        case ("sources", str()):
            section = Source
        case ("schedules", str()):
            section = Schedule
        case ("schedules", str(), "from"):
            section = Location
        case ("limits",):
            section = Limits
        case _:
            section = Config
    return [field.alias or name for name, field in section.model_fields.items()]


def _once(faults: list[str]) -> list[str]:
    return list(dict.fromkeys(faults))
