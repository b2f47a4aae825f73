"""What `contactfold schema` does."""

from pathlib import Path

from contactfold.config import Config, Misconfigured, Settings, find_file
from contactfold.domain.schema import Attribute
from contactfold.exits import Exit
from contactfold.schema_object import attribute_object, schema_object
from contactfold_cli.composition import load, print_json
from contactfold_cli.hook_trying import run_try
from contactfold_cli.tables import print_table


def run_check(path: Path | None, *, source: str | None = None, sample: Path | None = None, json: bool) -> int:
    """Say that the configuration can be used, or, with a source and a sample, what the one makes of the other.

    Raises `Misconfigured` where it cannot be used.
    """
    if (source is None) != (sample is None):
        raise Misconfigured(["`--source` and `--sample` go together: the one says what the other is tried with."])
    try:
        config, settings = load(path, json=json)
    except Misconfigured as error:
        if json:
            print_json({"ok": False, "faults": error.faults})
        raise
    if source is not None and sample is not None:
        return run_try(config, settings, name=source, sample=sample, json=json)
    file = find_file(path)
    attributes, sources = len(config.contact_schema.attributes), list(config.sources)
    if json:
        print_json({"ok": True, "file": str(file) if file else None, "attributes": attributes, "sources": sources})
    else:
        where = str(file) if file else "There is no configuration file; the default configuration"
        told = f"{len(sources)} source{'' if len(sources) == 1 else 's'}"
        print(f"{where} is in order: {attributes} attributes, {told}.")
    return Exit.DONE


def run_show(config: Config, _: Settings, *, json: bool) -> int:
    """Show every attribute in the schema's order."""
    if json:
        print_json(schema_object(config.contact_schema))
    else:
        print_table([_summarise(attribute) for attribute in config.contact_schema.attributes])
    return Exit.DONE


def _summarise(attribute: Attribute) -> dict[str, object]:
    described = attribute_object(attribute)
    return {key: described[key] for key in ("key", "name", "type", "is_key", "channel", "multi", "pii", "aliases")}
