"""`python -m oracle.law --seconds N [--seed S]`: play random histories through the real core until time is up.

Every seed makes one history, the same on every machine; the first one that breaks a property is shrunk and
printed with its seed, and the exit code is 1.
"""

import argparse
import sys
import time

from oracle.choosing import SeededChooser
from oracle.histories import MODES, Mode, make_arrival, make_events
from oracle.properties import (
    check_the_law,
    check_the_law_with_interruption,
    check_the_law_with_processors,
    check_the_outcomes,
)
from oracle.shrinking import Broken, Case, Check, hold

SIZES = (4, 6, 10, 16, 30, 60)
WIDE = (15, 25, 40)


def make_case(seed: int) -> Case:
    """The history of a seed with its order of arrival."""
    choose = SeededChooser(seed)
    mode = choose.one_of(MODES)
    if choose.chance(30):
        mode = Mode(
            "wide",
            plain=choose.chance(50),
            pool=choose.one_of(WIDE),
            per_event=choose.one_of((2, 3)),
            keys=choose.one_of((10, 80)),
        )
    events = make_events(choose, mode, choose.one_of(SIZES))
    return events, make_arrival(choose, events)


def find_property(seed: int) -> Check:
    """The property a seed tries: the law, alone or with other processors at work, or the outcomes in order."""
    turn = seed % 4
    if turn == 0:
        return lambda case: check_the_outcomes(case[0])
    if turn == 2:
        at = seed // 4 % 10
        return lambda case: check_the_law_with_interruption(*case, at=at)
    if turn == 1:
        pauses = [SeededChooser(f"{seed}/{place}").number(0, 5) for place in range(29)]
        return lambda case: check_the_law_with_processors(*case, pauses=pauses)
    return lambda case: check_the_law(*case)


def main() -> int:
    """Play histories for some seconds, at least one."""
    parser = argparse.ArgumentParser(prog="python -m oracle.law", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to play")
    parser.add_argument("--seed", type=int, default=None, help="the first seed; the time of day where left out")
    arguments = parser.parse_args()
    seed = first = int(time.time()) if arguments.seed is None else arguments.seed
    until = time.monotonic() + arguments.seconds
    while True:
        try:
            hold(find_property(seed), make_case(seed))
        except Broken as broken:
            print(f"seed {seed} breaks the law; again: python -m oracle.law --seed {seed} --seconds 0{broken}")  # noqa: T201
            return 1
        seed += 1
        if time.monotonic() >= until:
            print(f"{seed - first} histories from seed {first}: the law holds")  # noqa: T201
            return 0


if __name__ == "__main__":
    sys.exit(main())
