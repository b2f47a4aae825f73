"""How a process ends: exit codes, and every error as one sentence on standard error (CONTRACT 1)."""

import os
import sys
import traceback
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path

from contactfold.domain.errors import ContactfoldError, Misconfigured, SchemaChanged, ServerUnfit, Unavailable

PATIENCE = 30.0
"""Seconds a command tries to reach a server before it gives up."""


class Exit(IntEnum):
    """What a process's exit code says."""

    DONE = 0
    NO = 1
    """The answer is no; or something broke that was not the user's doing."""
    MISCONFIGURED = 2
    AWAY = 3
    INTERRUPTED = 130


class PartDied(ContactfoldError):
    """A part of a process ended although nobody asked it to; the process must end too, and say so."""

    def __init__(self, part: str, why: str) -> None:
        super().__init__(f"The {part} ended unexpectedly: {why}")
        self.part = part


def run_to_exit(work: Callable[[], int]) -> int:
    """The exit code of `work`. Whatever it raises becomes a sentence and a code, never a traceback."""
    try:
        code = work()
        if sys.stdout is not None:  # as where somebody has closed it: `>&-`
            sys.stdout.flush()
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough. What is still buffered must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except Exception as error:  # noqa: BLE001  (the last place that can turn an error into a sentence)
        print(explain(error), file=sys.stderr)  # noqa: T201  (standard error is where a process says why it ends)
        return exit_code_of(error)
    return code


def exit_code_of(error: BaseException) -> Exit:
    """The exit code that an error means."""
    match error:
        case Misconfigured() | ServerUnfit() | SchemaChanged():
            return Exit.MISCONFIGURED
        case Unavailable():
            return Exit.AWAY
        case KeyboardInterrupt():
            return Exit.INTERRUPTED
        case _:
            return Exit.NO


def explain(error: BaseException) -> str:
    """The sentence for an error. One that nobody foresaw is named with its place, never with its data."""
    if isinstance(error, ContactfoldError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return (
        f"{locate(error)}. This is a fault in contactfold: please report it, with this line, where you got contactfold."
    )


def locate(error: BaseException) -> str:
    """What an unforeseen error is and where it was raised, without its message: that may hold personal data."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"Something unforeseen went wrong ({type(error).__name__}{where})"
