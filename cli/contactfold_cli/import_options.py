"""The options of `contactfold import`: the same as of an upload, written as flags."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from contactfold.domain.errors import Misconfigured
from contactfold.domain.schema import Schema
from contactfold.tables.options import BadOptions, Options, read_options

_FLAGS = {
    "action": "--action",
    "match_on": "--match-on",
    "on_many": "--on-many",
    "mapping": "--map",
    "source": "--source",
    "delimiter": "--delimiter",
    "encoding": "--encoding",
    "sheet": "--sheet",
    "timezone": "--timezone",
    "date_format": "--date-format",
    "split": "--split",
    "empty": "--empty",
}
_NAMED = re.compile(rf"(?:\b[Tt]he option )?`({'|'.join(_FLAGS)})`")

_ESCAPES = {"\\n": "\n", "\\t": "\t"}
"""Separators that cannot be typed."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How to go about it: see the command's options."""

    json: bool = False
    yes: bool = False
    dry_run: bool = False
    failed: Path | None = None
    limit: int = 5
    deadline: float = 30.0


def read_flags(plain: Mapping[str, object], mapping: Iterable[str], split: Iterable[str], schema: Schema) -> Options:
    """The options that flags say: `plain` by name, and what was said of columns. Raises `Misconfigured`."""
    said = dict(plain)
    if isinstance(names := said["match_on"], list):
        said["match_on"] = [name.strip() for several in names for name in str(several).split(",")]
    faults: list[str] = []
    said["mapping"] = _pair("--map", mapping, "COL=ATTR", faults)
    split_by = _pair("--split", split, "COL=SEP", faults)
    said["split"] = {column: _ESCAPES.get(separator, separator) for column, separator in split_by.items()}
    try:
        options = read_options(said, schema)
    except BadOptions as bad:
        faults += [name_flags(fault.message) for fault in bad.faults]
    if faults:
        raise Misconfigured(faults)
    return options


def name_flags(sentence: str) -> str:
    """A sentence about options, as somebody who types commands knows them."""
    return _NAMED.sub(lambda found: _FLAGS[found[1]], sentence).replace("null to leave", "nothing to leave")


def _pair(flag: str, given: Iterable[str], form: str, faults: list[str]) -> dict[str, str]:
    """What stands before the last `=`, with what stands after it; a separator may be `=` itself."""
    found: dict[str, str] = {}
    for one in given:
        column, is_there, said = (one[:-2], "=", "=") if flag == "--split" and one[-2:] == "==" else one.rpartition("=")
        if not is_there or not column:
            faults.append(f"{flag} is written {form}, with the name of a column before the =.")
        elif column in found:
            faults.append(f"{flag} names one column twice; say once what it is.")
        else:
            found[column] = said
    return found
