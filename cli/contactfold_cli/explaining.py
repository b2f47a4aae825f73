"""`contactfold explain`: why two things are one contact, as a chain that a person can read."""

import shutil
import sys
from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from contactfold.config import Config, Settings
from contactfold.exits import Exit
from contactfold.lifetime import run_loop
from contactfold.web.problems import Problem
from contactfold_cli.composition import opened_directory, print_json
from contactfold_cli.tables import clean
from contactfold_console.explaining import explain
from contactfold_console.reading import Reader

_NARROWEST = 40
"""Columns a terminal has at least, for what is wrapped to it."""


def run_explain(config: Config, settings: Settings, *, one: str, other: str | None, json: bool) -> int:
    """Explain two ends, or tell how the contact of one came to be; exit code 1 where they are not one contact."""
    return run_loop(_explain(config, settings, one, other, json=json))


async def _explain(config: Config, settings: Settings, one: str, other: str | None, *, json: bool) -> int:
    schema = config.contact_schema
    async with opened_directory(settings, schema) as directory:
        reader = Reader(directory, schema, unmasked=True, component_events=config.limits.component_events)
        try:
            told: dict[str, Any] = await explain(reader, None, A=one, B=other)
        except Problem as problem:
            print(problem.detail, file=sys.stderr)
            return Exit.MISCONFIGURED if problem.code == "invalid_identifier" else Exit.NO
    if json:
        print_json(told)
    else:
        width = max(shutil.get_terminal_size().columns, _NARROWEST) if sys.stdout.isatty() else None
        for line in draw(told, width):
            print(line)
    return Exit.DONE if told["joined"] else Exit.NO


def draw(told: dict[str, Any], width: int | None = None) -> Iterator[str]:
    """An explanation as lines: a chain from end to end, the story of one contact, or the reasons why there are two.

    Sentences are wrapped to `width` columns, and not at all without one.
    """
    if told["a"] is None:
        yield from _draw_story(told, width)
    elif told["joined"]:
        yield from _draw_chain(told, width)
    else:
        yield from _draw_apart(told, width)
    if told["incomplete"]:
        yield ""
        yield from _fold(told["incomplete"], "", "", width)


def _draw_chain(told: dict[str, Any], width: int | None) -> Iterator[str]:
    """What was asked about and what events share stand at the margin, and the events between them."""
    if not told["steps"]:
        yield f"They are one contact, {told['id']}."
        return
    if told["a"]["event_id"] is not None:
        yield _name_end(told["a"])
    for step in told["steps"]:
        yield from map(clean, step["before"])
        yield "   │"
        yield from _fold(f"{step['occurred_at']}  {step['message']}", "   ●  ", "   │  ", width)
        yield "   │"
    yield _name_end(told["b"])
    yield ""
    yield f"They are one contact, {told['id']}, since {told['since']}."


def _draw_story(told: dict[str, Any], width: int | None) -> Iterator[str]:
    yield f"contact {told['id']}"
    others = told["others"]
    for place, step in enumerate(told["steps"], 1):
        last = place == len(told["steps"]) and not others
        bar = "   " if last else "│  "
        sentence = f"{step['occurred_at']}  {step['message']}"
        yield from _fold(sentence, "└─ " if last else "├─ ", bar, width)
        for kept in step["kept_apart"]:
            apart = f"It did not join contact {kept['contact_id']}: {kept['message']}"
            yield from _fold(apart, f"{bar}   ", f"{bar}   ", width)
    if others:
        more = "One more event" if others == 1 else f"{others} more events"
        yield f"└─ {more} changed nothing of who is who."


def _draw_apart(told: dict[str, Any], width: int | None) -> Iterator[str]:
    yield "They are not one contact:" if told["a"] != told["b"] else "It is no contact's:"
    for end in [told["a"]] if told["a"] == told["b"] else [told["a"], told["b"]]:
        yield f"   {_name_end(end)}" + (f", of contact {end['contact_id']}" if end["contact_id"] else ", of nobody")
    yield ""
    for why in told["apart"]:
        yield from _fold(why["message"], " - ", "   ", width)


def _name_end(end: dict[str, Any]) -> str:
    return clean(end["identifier"]) if end["identifier"] is not None else f"event {end['event_id']}"


def _fold(sentence: str, first: str, following: str, width: int | None) -> list[str]:
    shown = clean(sentence)
    if width is None:
        return [first + shown]
    return wrap(shown, width, initial_indent=first, subsequent_indent=following, break_on_hyphens=False)
