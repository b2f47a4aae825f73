"""`python -m mutations [WORDS...]`: take what keeps the law out, one thing at a time, and see a test fail each time.

With words, only mutations whose name contains all of them. The exit code is 1 where one was not noticed.
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from mutations.catalogue import MUTATIONS
from mutations.trying import Copy


def main(words: list[str]) -> int:
    """Try every mutation, and tell of each."""
    chosen = [one for group in MUTATIONS.values() for one in group if all(word in one.name for word in words)]
    missed: list[str] = []
    with TemporaryDirectory(prefix="contactfold-mutations-") as home:
        copy = Copy(Path(home))
        for number, mutation in enumerate(chosen, 1):
            begun = time.monotonic()
            trial = copy.try_one(mutation)
            took = f"{time.monotonic() - begun:.0f} s"
            print(f"{number}/{len(chosen)} {'noticed' if trial.caught else 'MISSED'} ({took}): {mutation.name}")  # noqa: T201
            if not trial.caught:
                missed.append(mutation.name)
                print(f"  {mutation.file}\n  {trial.told}")  # noqa: T201
            sys.stdout.flush()
    print(f"{len(chosen) - len(missed)} of {len(chosen)} mutations were noticed.")  # noqa: T201
    return 1 if missed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
