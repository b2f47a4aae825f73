"""The options of an import: what a user says about a file (CONTRACT 6).

They come as JSON, from a form or from a command, and are kept with the import. They are checked whole, before a file
is looked at; what only a file can tell (whether it has a column of that name) is a `Plan`'s to find.
"""

import codecs
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields

from contactfold.domain.errors import ContactfoldError
from contactfold.domain.event import ACTIONS, APPEND, LONGEST_NAME, MERGE, ON_MANY
from contactfold.domain.outcome import Reason
from contactfold.domain.schema import Schema
from contactfold.faults import suggest
from contactfold.tables.cells import compile_format
from contactfold.tables.mapping import find_target
from contactfold.zones import find_zone

NOTHING = "nothing"
DELETE = "delete"
EMPTY = (NOTHING, DELETE)
"""What an empty cell says."""

SOURCE = "import"
"""The source of rows where the options name none."""

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|"}
"""Delimiters by the names that people type where they cannot type the character."""

_OF_PROGRAMS = {"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "utf-7"}
_SHOWN = 100


class BadOptions(ContactfoldError):
    """Options that cannot be used; `faults` has a reason for each, `field` its place: `options.mapping.Emial`."""

    def __init__(self, faults: list[Reason]) -> None:
        super().__init__(" ".join(fault.message for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Options:
    """What is said about a file. None is "not said": the file says it itself, or the default holds.

    `match_on` are keys of attributes. `mapping` has, by column, an attribute's key, `organization.<field>`, or None
    for a column that is left out. `date_format` is written `DD/MM/YYYY HH:mm` or `%d/%m/%Y %H:%M`. `split` has a
    separator by column.
    """

    action: str = APPEND
    match_on: tuple[str, ...] | None = None
    on_many: str = MERGE
    mapping: dict[str, str | None] = field(default_factory=dict)
    source: str = SOURCE
    delimiter: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    timezone: str | None = None
    date_format: str | None = None
    split: dict[str, str] = field(default_factory=dict)
    empty: str = NOTHING


class _Wrong(ValueError):
    """What is wrong with one option, as a sentence without its subject; `place` is where within the option."""

    def __init__(self, sentence: str, place: str = "") -> None:
        super().__init__(sentence)
        self.place = place


def read_options(raw: object, schema: Schema) -> Options:
    """Options as JSON has them (None: no options), checked whole. Raises `BadOptions` with every fault.

    An option that is `null` is not said.
    """
    if raw is None:
        return Options()
    if not isinstance(raw, Mapping):
        raise BadOptions([Reason("invalid_option", "`options` is a JSON object.", "options")])
    faults: list[Reason] = []
    read: dict[str, object] = {}
    for name, value in raw.items():
        reader = _READERS.get(name)
        if reader is None:
            shown = str(name)[:_SHOWN]
            message = f"There is no option {shown!r}{suggest(shown, _READERS)}; they are {', '.join(_READERS)}."
            faults.append(Reason("unknown_option", message, f"options.{shown}"))
        elif value is not None:
            try:
                read[name] = reader(value, schema)
            except _Wrong as wrong:
                place = f"{name}.{wrong.place}" if wrong.place else name
                faults.append(Reason("invalid_option", f"The option `{name}` {wrong}.", f"options.{place}"))
    if faults:
        raise BadOptions(faults)
    return Options(**read)  # type: ignore[arg-type]


def options_object(options: Options) -> dict[str, object]:
    """Options as JSON shows and keeps them; `read_options` takes it back."""
    told: dict[str, object] = {one.name: getattr(options, one.name) for one in fields(options)}
    told["match_on"] = None if options.match_on is None else list(options.match_on)
    return told


def _choice(allowed: tuple[str, ...]) -> Callable[[object, Schema], str]:
    def read(raw: object, _schema: Schema) -> str:
        word = raw.strip().lower() if isinstance(raw, str) else ""
        if word not in allowed:
            raise _Wrong(f"is one of {', '.join(allowed)}")
        return word

    return read


def _text(raw: object) -> str:
    if not isinstance(raw, str) or not raw.strip() or "\0" in raw or len(raw) > LONGEST_NAME:
        raise _Wrong(f"is text of 1 to {LONGEST_NAME} characters")
    return raw.strip()


def _name(raw: object, _schema: Schema) -> str:
    return _text(raw)


def _match_on(raw: object, schema: Schema) -> tuple[str, ...]:
    names = raw if isinstance(raw, list | tuple) else [raw]
    found = [schema.find(name) if isinstance(name, str) else None for name in names]
    keys = tuple(dict.fromkeys(one.key for one in found if one is not None and one.identifies))
    if not found or any(one is None or not one.identifies for one in found):
        raise _Wrong(f"is a list of one or more keys or channels: {', '.join(one.key for one in schema.identifying)}")
    return keys


def _mapping(raw: object, schema: Schema) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for column, name in _object(raw).items():
        shown = column[:_SHOWN]
        if name is None or name == "":
            found[column] = None
            continue
        target = find_target(name, schema) if isinstance(name, str) else None
        if target is None:
            known = [attribute.key for attribute in schema.attributes]
            meant = suggest(name, known) if isinstance(name, str) else ""
            sentence = (
                f"maps the column {shown!r} to no such attribute{meant}; it takes an attribute's key, "
                "`organization.<field>`, or null to leave the column out"
            )
            raise _Wrong(sentence, shown)
        found[column] = target
    return found


def _object(raw: object) -> dict[str, object]:
    if not isinstance(raw, dict) or not all(isinstance(column, str) for column in raw):
        raise _Wrong("is a JSON object by the names of columns")
    return raw


def _split(raw: object, _schema: Schema) -> dict[str, str]:
    found: dict[str, str] = {}
    for column, separator in _object(raw).items():
        if separator is None:
            continue
        if not isinstance(separator, str) or not separator or len(separator) > _SHOWN:
            raise _Wrong("has for each column the text between its values, such as ;", column[:_SHOWN])
        found[column] = separator
    return found


def _delimiter(raw: object, _schema: Schema) -> str:
    given = DELIMITERS.get(raw.strip().lower(), raw) if isinstance(raw, str) else ""
    if len(given) != 1 or given in '"\r\n\0' or given.isalnum():
        raise _Wrong(f"is one character, such as , or ; or |, or one of {', '.join(DELIMITERS)}")
    return given


def _encoding(raw: object, _schema: Schema) -> str:
    name = _text(raw)
    try:
        found = codecs.lookup(name)
        "a".encode(name)  # what is no encoding of text (`base64`) refuses this
    except (LookupError, ValueError, TypeError):
        raise _Wrong("is an encoding's name, such as utf-8, cp1252 or utf-16") from None
    if found.name.replace("_", "-") in _OF_PROGRAMS:
        raise _Wrong("is an encoding that files of contacts have, such as utf-8, cp1252 or utf-16")
    return found.name


def _timezone(raw: object, _schema: Schema) -> str:
    name = _text(raw)
    try:
        find_zone(name)
    except ValueError:
        raise _Wrong("is a time zone such as Europe/Berlin, UTC or +02:00") from None
    return name


def _date_format(raw: object, _schema: Schema) -> str:
    text = _text(raw)
    try:
        compile_format(text)
    except ValueError as wrong:
        raise _Wrong(str(wrong)) from None
    return text


_READERS: dict[str, Callable[[object, Schema], object]] = {
    "action": _choice(ACTIONS),
    "match_on": _match_on,
    "on_many": _choice(ON_MANY),
    "mapping": _mapping,
    "source": _name,
    "delimiter": _delimiter,
    "encoding": _encoding,
    "sheet": _name,
    "timezone": _timezone,
    "date_format": _date_format,
    "split": _split,
    "empty": _choice(EMPTY),
}
