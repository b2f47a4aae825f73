"""Which real servers this run of the tests found, and what it leaves out for want of one.

A server that cannot be had is never replaced by a pretence: the tests that need it are skipped with a
reason that names the command that brings it, the run repeats that in its last lines, and where `CI` is
set they fail.
"""

import os
import subprocess
from collections.abc import Callable
from functools import cache
from typing import TypeVar

import pytest

Server = TypeVar("Server")


class Missing(Exception):
    """A server cannot be had here. The text says why, and which command brings it."""


left_out: dict[str, str] = {}
"""Servers this run did without, by name, each with the reason."""

used: dict[str, str] = {}
"""Servers this run used, by name, each with where it came from."""


def need(name: str, start: Callable[[], Server], *, missing: type[Exception] = Missing) -> Server:
    """Start a server, or skip the test that asked for it where it is `missing`; under CI, fail it."""
    try:
        return start()
    except missing as reason:
        why = left_out[name] = str(reason)
    if must_be_complete():
        pytest.fail(f"{name} is missing, and CI leaves nothing out: {why}", pytrace=False)
    pytest.skip(f"{name} is missing: {why}")


def must_be_complete() -> bool:
    """Whether leaving tests out fails the run: where `CI` is set to anything but an empty text or `false`."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


@cache
def docker_answers() -> bool:
    """Whether a Docker daemon answers on this machine, asked once a run."""
    try:
        asked = subprocess.run(["docker", "info"], capture_output=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0
