"""What the commands for directives do: preview, ask, write to the log, and wait until all of it is settled.

A command only writes to the log; whichever processor runs decides the directive, as it does every record.
"""

import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import typer

from contactfold.config import Config, Misconfigured, Settings
from contactfold.directing import understand_directive
from contactfold.domain.directives import Directive
from contactfold.domain.event import ERASE, RETRACT
from contactfold.domain.outcome import REJECTED, Reason
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import format_event_id
from contactfold.exits import Exit
from contactfold.lifetime import machine_clock, run_loop
from contactfold.ports import Lane
from contactfold.wire import outcome_object, write_directive
from contactfold_cli.composition import opened_directory, opened_log, print_json
from contactfold_cli.directive_preview import describe, print_preview
from contactfold_cli.directive_waiting import Decided, wait_for_directive
from contactfold_processor.previewing import Preview, preview

SOURCE = "cli"
"""The source of a directive that a command writes."""

_QUESTION = "Do this?"
_QUESTIONS = {ERASE: "Erase this for good?"}


@dataclass(frozen=True, slots=True)
class Choice:
    """How to go about it: see the commands' options."""

    json: bool = False
    yes: bool = False
    dry_run: bool = False
    limit: int = 5
    deadline: float = 30.0


def run_directive(config: Config, settings: Settings, said: Mapping[str, Any], choice: Choice) -> int:
    """Preview what `said` (a directive in the wire format) would change, ask, and do it; returns the exit code."""
    schema, own_id = config.contact_schema, secrets.token_hex(16)
    directive = understand(said, schema, own_id)
    _check(directive, config, choice)
    foreseen: list[Preview] = []

    async def foresee() -> int:
        async with opened_directory(settings, schema) as directory:
            key = None if settings.erasure_key is None else settings.erasure_key.get_secret_value().encode()
            foreseen.append(await preview(directory, schema, config.limits, directive, key))
        return Exit.DONE

    run_loop(foresee())
    if not choice.json:
        print_preview(foreseen[0], directive, schema, limit=choice.limit)
    if choice.dry_run:
        return _tell(directive, None, foreseen[0], schema, choice)
    if not choice.yes and not typer.confirm(_QUESTIONS.get(directive.kind, _QUESTION), err=True):
        print("Nothing was written.", file=sys.stderr)
        return Exit.NO
    # It happens now: what was said while somebody thought it over is older, and an erasure reaches it.
    directive = understand(said, schema, own_id)
    return run_loop(_write(settings, directive, foreseen[0], schema, choice))


def understand(said: Mapping[str, Any], schema: Schema, own_id: str) -> Directive:
    """The directive that a command means, as of now. Raises `Misconfigured` with a sentence for every fault."""
    if said["type"] == RETRACT and ("events" in said) == ("import" in said):
        raise Misconfigured(["Name the events to retract, or an import with --import ID, and not both."])
    now = machine_clock()
    faults: list[Reason] = []
    directive = understand_directive(dict(said), schema, faults, source=SOURCE, own_id=own_id, received_at=now)
    if faults:
        raise Misconfigured([_sentence(fault, said) for fault in faults])
    return directive


def _sentence(fault: Reason, said: Mapping[str, Any]) -> str:
    """A fault with the argument that it is about."""
    given = said.get(fault.field)
    if isinstance(given, list):
        given = None if fault.position is None else given[fault.position]
    return fault.message if given is None else f"{given!r}: {fault.message}"


def _check(directive: Directive, config: Config, choice: Choice) -> None:
    """Raise `Misconfigured` where the log would not take it, or nobody is there to be asked."""
    largest = config.limits.record_bytes
    if len(write_directive(directive, config.contact_schema).value) > largest:
        raise Misconfigured([f"This is more than one record may hold ({largest} bytes); name less at a time."])
    if not (choice.yes or choice.dry_run) and (choice.json or not sys.stdin.isatty()):
        raise Misconfigured(["Nobody can be asked here: add --yes to do it, or --dry-run to see what would change."])


async def _write(settings: Settings, directive: Directive, foreseen: Preview, schema: Schema, choice: Choice) -> int:
    async with opened_log(settings) as log, opened_directory(settings, schema) as directory:
        await log.append(Lane.LIVE, [write_directive(directive, schema)])
        decided = await wait_for_directive(log, directory, schema, directive, choice.deadline, quiet=choice.json)
    return _tell(directive, decided, foreseen, schema, choice)


def _tell(directive: Directive, decided: Decided | None, foreseen: Preview, schema: Schema, choice: Choice) -> int:
    """Say what became of it; without a decision nothing was written. Returns the exit code."""
    event_id = format_event_id(directive.event_id)
    outcome = decided.outcome if decided is not None else None
    if choice.json:
        print_json(
            {
                "event_id": None if decided is None else event_id,
                "outcome": None if outcome is None else outcome_object(outcome),
                "settled": decided is not None and decided.settled,
                "waiting": None if decided is None else decided.waiting,
                "preview": describe(foreseen, schema, limit=choice.limit),
            }
        )
    elif decided is not None:
        _print(directive, event_id, decided)
    if decided is None or decided.settled:
        return Exit.DONE if outcome is None or outcome.status != REJECTED else Exit.NO
    if decided.waiting is None:
        return Exit.NO
    return Exit.AWAY if choice.deadline else Exit.DONE


def _print(directive: Directive, event_id: str, decided: Decided) -> None:
    if decided.outcome is None:
        end = "could not be applied; `contactfold dead list` says why." if decided.waiting is None else "is on the log."
        print(f"Event {event_id} {end}")
    else:
        reasons = "".join(f" {reason.message}" for reason in decided.outcome.reasons)
        print(f"Event {event_id} is applied: {decided.outcome.status}.{reasons}")
    if decided.waiting is not None:
        print(f"It is not all done: {decided.waiting}", file=sys.stderr)
    if directive.kind != ERASE and decided.outcome is not None:
        print(f"To take it back: contactfold retract {event_id}")
