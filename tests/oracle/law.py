"""`python -m oracle.law --seconds N [--seed S] [--on memory|sqlite|mongo]`: play random histories until time is up.

Every seed makes one history and tries one property of the real core on it; the first one that breaks a property
is shrunk and printed with its seed, and the exit code is 1. In memory a seed does the same on every machine; on
a real directory, processors that work at the same time do as they happen to.
"""

import argparse
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit, urlunsplit

from oracle.choosing import SeededChooser
from oracle.histories import make_arrival, make_events
from oracle.making import ERASED_MODES, MODES, RULED_MODES, Mode
from oracle.places import IN_MEMORY, MongoPlace, RealStage, SqlitePlace, Stage
from oracle.properties import (
    check_erasures_one_by_one,
    check_erasures_that_come_last,
    check_that_order_buries_nobody,
    check_the_law,
    check_the_law_with_a_limit,
    check_the_law_with_interruption,
    check_the_law_with_processors,
    check_the_outcomes,
)
from oracle.ruling import is_directive
from oracle.shrinking import Broken, Case, Check, hold
from servers.mongo import NoMongo, start_mongo

SIZES = (4, 6, 10, 16, 30, 60)
WIDE = (15, 25, 40)


def make_case(seed: int | str, only: Mode | None = None, sizes: Sequence[int] = SIZES) -> Case:
    """The history of a seed with its order of arrival, of any mode or of one only."""
    choose = SeededChooser(seed)
    mode = only or choose.one_of((*MODES, *RULED_MODES, *RULED_MODES, *ERASED_MODES))
    if only is None and choose.chance(30):
        mode = Mode(
            "wide",
            plain=choose.chance(50),
            pool=choose.one_of(WIDE),
            per_event=choose.one_of((2, 3)),
            keys=choose.one_of((10, 80)),
            rulings=choose.one_of((0, 0, 15, 40)),
            erasures=choose.one_of((0, 0, 0, 10)),
        )
    events = make_events(choose, mode, choose.one_of(sizes))
    return events, make_arrival(choose, events)


def find_property(seed: int, on: Stage = IN_MEMORY) -> Check:
    """The property a seed tries: the law, alone, with other processors at work, or with a small limit; the outcomes
    in order; or the reach of erasures. What says something of a history without directives only is skipped for others.
    """
    choose = SeededChooser(f"{seed}/property")
    pauses = [choose.number(0, 5) for _ in range(29)]
    limit, processors, at = choose.number(2, 6), choose.number(2, 3), choose.number(0, 9)
    properties: tuple[Check, ...] = (
        lambda case: check_the_law(*case, on=on),
        lambda case: check_the_law_with_processors(*case, pauses=pauses, processors=processors, on=on),
        lambda case: check_the_law_with_interruption(*case, at=at, on=on),
        lambda case: None if is_ruled(case) else check_the_law_with_a_limit(*case, limit=limit, on=on),
        lambda case: check_the_law_with_processors(*case, pauses=pauses, processors=processors, limit=limit, on=on),
        lambda case: check_the_law_with_interruption(*case, at=at, limit=limit, on=on),
        lambda case: None if is_ruled(case) else check_that_order_buries_nobody(*case, limit=limit, on=on),
        lambda case: check_the_outcomes(case[0], on=on),
        lambda case: check_erasures_one_by_one(*case, on=on) if is_ruled(case) else check_the_law(*case, on=on),
        lambda case: check_erasures_that_come_last(*case, on=on) if is_ruled(case) else check_the_law(*case, on=on),
    )
    return properties[seed % len(properties)]


def is_ruled(case: Case) -> bool:
    """Whether there are directives among the events."""
    return any(map(is_directive, case[0]))


@contextmanager
def open_stage(kind: str) -> Iterator[Stage]:
    """The stage that `--on` names: in memory, a SQLite file in a temporary directory, or a MongoDB as tests find it."""
    if kind == "sqlite":
        with TemporaryDirectory() as home, RealStage(SqlitePlace(Path(home) / "directory.db")) as stage:
            yield stage
    elif kind == "mongo":
        server = start_mongo()
        try:
            url = urlunsplit(urlsplit(server.url)._replace(path=f"/law{uuid.uuid4().hex[:12]}"))
            with RealStage(MongoPlace(url)) as stage:
                yield stage
        finally:
            server.close()
    else:
        yield IN_MEMORY


def main() -> int:
    """Play histories for some seconds, at least one."""
    parser = argparse.ArgumentParser(prog="python -m oracle.law", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to play")
    parser.add_argument("--seed", type=int, default=None, help="the first seed; the time of day where left out")
    parser.add_argument("--on", choices=("memory", "sqlite", "mongo"), default="memory", help="the directory")
    arguments = parser.parse_args()
    first = int(time.time()) if arguments.seed is None else arguments.seed
    try:
        with open_stage(arguments.on) as stage:
            return play(stage, arguments.on, first, arguments.seconds)
    except NoMongo as reason:
        print(f"MongoDB is missing: {reason}", file=sys.stderr)  # noqa: T201
        return 2


def play(on: Stage, kind: str, first: int, seconds: float) -> int:
    """Play from a seed until the time is up or a property breaks; the exit code."""
    seed, until = first, time.monotonic() + seconds
    while True:
        try:
            hold(find_property(seed, on), make_case(seed))
        except Broken as broken:
            again = f"python -m oracle.law --on {kind} --seed {seed} --seconds 0"
            print(f"seed {seed} breaks the law; again: {again}{broken}")  # noqa: T201
            return 1
        seed += 1
        if time.monotonic() >= until:
            met = f"{on.tally.conflicts} conflicts and {on.tally.deaths} deaths met"
            print(f"{seed - first} histories from seed {first} on {kind}, {met}: the law holds")  # noqa: T201
            return 0


if __name__ == "__main__":
    sys.exit(main())
