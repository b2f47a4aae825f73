"""Sources that pages use: those with `allowed_origins` (CONTRACT 2).

A page has no secrets, so anybody may say what a page would. What such a source takes therefore fills what is empty and
joins visitors alone (`update`, `on_many: anonymous`), whichever door it comes through. And all pages together name
people by one attribute, whatever the source: could they name two, one would be filled where it is empty, with somebody
else's value, and the next honest event would take the two people for one.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from contactfold.domain.event import ANONYMOUS, UPDATE
from contactfold.domain.schema import Attribute, Schema

ACTING = {"action": UPDATE, "on_many": ANONYMOUS}
"""How such a source acts."""


def act_as_pages_do(raw: object) -> object:
    """The settings of a source, with those in place that one for pages has whatever it says."""
    return {**raw, **ACTING} if isinstance(raw, dict) and raw.get("allowed_origins") else raw


def find_person_attribute(values: Mapping[str, str] | None, schema: Schema) -> Attribute | None:
    """What a source's pages name a person by: the identifying attribute among its `values`, visitors' marks aside.

    Without `values` the schema's first channel, else its first key. None where they can name nobody.
    """
    if values is not None:
        return next(_list_naming(values, schema), None)
    named = [attribute for attribute in schema.identifying if not attribute.anonymous]
    return next((one for one in named if one.channel is not None), named[0] if named else None)


def find_page_faults(sources: Mapping[str, Any], schema: Schema | None) -> Iterator[str]:
    """What is wrong with the sources for pages."""
    paging = {name: source for name, source in sources.items() if source.allowed_origins}
    if schema is None:
        return
    if schema.visitors is None:
        need = "declare one such as {key: web, channel: web, multi: true, anonymous: true}"
        for name in paging:
            yield f"sources.{name}.allowed_origins: the schema has no channel for the visitors of pages; {need}"
    yield from _find_several(paging, schema)


def _find_several(paging: Mapping[str, Any], schema: Schema) -> Iterator[str]:
    """Where pages could name a person by a second attribute."""
    first: tuple[str, str] | None = None
    for name, source in paging.items():
        if source.values is None:
            person = find_person_attribute(None, schema)
            named = [] if person is None else [("allowed_origins", person.key)]
        else:
            named = [(f"values.{one.key}", one.key) for one in _list_naming(source.values, schema)]
        for place, key in named:
            first = first or (name, key)
            if key == first[1]:
                continue
            whose = "this source" if first[0] == name else first[0]
            told = f"pages of {whose} name people by {first[1]}; by {key} too, a forged one could make two people one"
            do = "give it `values`" if source.values is None else "leave one out"
            yield f"sources.{name}.{place}: {told}; {do}"


def _list_naming(values: Mapping[str, str], schema: Schema) -> Iterator[Attribute]:
    found = (schema.by_key[key] for key in values if key in schema.by_key)
    return (attribute for attribute in found if attribute.identifies and not attribute.anonymous)
