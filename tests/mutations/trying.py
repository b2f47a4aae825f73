"""Trying a mutation: in a copy of the tree, with the tests of the copy on the code of the copy."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mutations.mutation import Mutation

ROOT = Path(__file__).parents[2]
_COPIED = ("shared", "services", "cli", "tests", "docs", "examples", "pyproject.toml", "README.md")
_IMPORTED = ("shared", "services/ingest", "services/processor", "services/console", "cli")
_PYTEST = (sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", "--hypothesis-seed=1", "--tb=line")
_FAILED = 1
_LONGEST = 900
"""Seconds for one mutation. Each test has a time limit of its own besides, and one that hangs has failed."""


@dataclass(frozen=True)
class Trial:
    """How a mutation ended: `caught` where its test failed; `told` are pytest's last lines."""

    caught: bool
    told: str


@dataclass(frozen=True)
class _Run:
    """One run of pytest: its exit code and its last lines, or those that name what failed."""

    code: int
    told: str


class Copy:
    """A copy of the tree in `home`, in which one thing at a time is changed."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._sound: set[tuple[str, ...]] = set()
        for name in _COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, home / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, home / name)
        # That a history fails is enough here; to make it smaller would take a while.
        shrinking = home / "tests" / "oracle" / "shrinking.py"
        shrinking.write_text(replace_once(shrinking.read_text(), "shrink(case, breaks)\n    raise", "case\n    raise"))

    def try_one(self, mutation: Mutation) -> Trial:
        """Change the copy, run the test that should notice, and change the copy back.

        Where that test fails on the code as it is, nothing is shown.
        """
        selection = [mutation.test, *(["-k", mutation.only] if mutation.only else [])]
        if tuple(selection) not in self._sound:
            untouched = self._test(selection)
            if untouched.code != 0:
                return Trial(caught=False, told=f"It fails without the mutation, too:\n{untouched.told}")
            self._sound.add(tuple(selection))
        file = self._home / mutation.file
        before = file.read_text()
        file.write_text(replace_once(before, mutation.old, mutation.new))
        try:
            run = self._test(selection)
            return Trial(caught=run.code == _FAILED and "FAILED " in run.told, told=run.told)
        finally:
            file.write_text(before)

    def _test(self, selection: Sequence[str]) -> _Run:
        paths = os.pathsep.join(str(self._home / name) for name in _IMPORTED)
        environment = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
        run = subprocess.run(
            [*_PYTEST, *selection],
            cwd=self._home,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_LONGEST,
            check=False,
        )
        lines = run.stdout.strip().splitlines()
        failed = [line for line in lines if line.startswith("FAILED ")]
        return _Run(run.returncode, "\n".join((failed or lines)[-3:]))


def replace_once(text: str, old: str, new: str) -> str:
    """The text with `old`, which must stand there exactly once, replaced."""
    if text.count(old) != 1:
        raise ValueError(f"This stands {text.count(old)} times where it should stand once: {old!r}.")
    return text.replace(old, new)
