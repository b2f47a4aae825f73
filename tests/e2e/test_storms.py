"""The law under attack, with real processes on real servers: what is left is what the events alone make.

`make storms` does the same for longer, and everything at once.
"""

import os
from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit

import pytest

from e2e.loads import Load, make_events
from e2e.pipeline import Pipeline
from e2e.rulings import make_rulings
from e2e.storms import Attack, Storm, come_and_go, kill, put_to_sleep, restart_broker, restart_mongod
from servers.kafka import KafkaBroker
from servers.mongo import MongoServer

SEED = int(os.environ.get("CONTACTFOLD_TEST_SEED", "20261122"))
ROUNDS = int(os.environ.get("CONTACTFOLD_TEST_STORMS") or 0)
"""How often `make storms` lets everything happen; 0 where it is not asked for."""

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def pipeline(own_broker: KafkaBroker, module_mongo: MongoServer, topic_prefix: str) -> Pipeline:
    """A pipeline on servers that this test may stop, with four partitions a topic."""
    database = urlunsplit(urlsplit(module_mongo.url)._replace(path=f"/{topic_prefix}"))
    made = Pipeline(f"kafka://{own_broker.address}/{topic_prefix}", str(database))
    made.make_topics(4)
    return made


def weather(pipeline: Pipeline, attacks: Sequence[Attack], *, load: Load, per_second: int, seed: int = SEED) -> None:
    """Attack three processors, one attack after the other, while events come."""
    print(f"seed {seed} (CONTACTFOLD_TEST_SEED)")  # noqa: T201 -- pytest shows it where the test fails
    events = make_events(seed, load)
    with Storm(pipeline, [*events, *make_rulings(seed, load, events, load.count // 100)], seed) as storm:
        storm.start(3)
        with storm.writer.writing(per_second=per_second):
            for attack in attacks:
                storm.has_moved(storm.chance.randint(100, 400))
                attack(storm)
            storm.has_moved(100)
        storm.check()


def test_processors_that_are_killed_or_sleep_while_others_take_their_place_change_nothing(pipeline: Pipeline) -> None:
    """A sleeper wakes with a batch in hand that others have applied long since."""
    weather(pipeline, [kill, put_to_sleep, kill, kill], load=Load(count=2_500, people=200), per_second=200)


def test_servers_that_are_killed_and_start_again_change_nothing(
    pipeline: Pipeline, own_broker: KafkaBroker, module_mongo: MongoServer
) -> None:
    attacks = [restart_broker(own_broker), restart_mongod(module_mongo)]
    weather(pipeline, attacks, load=Load(count=2_000, people=150), per_second=200)


def test_processors_that_come_and_go_every_second_or_two_change_nothing(pipeline: Pipeline) -> None:
    weather(pipeline, [come_and_go], load=Load(count=3_000, people=250), per_second=200)


@pytest.mark.skipif(not ROUNDS, reason="make storms does this")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("turn", range(ROUNDS))
def test_everything_at_once_changes_nothing(
    pipeline: Pipeline, own_broker: KafkaBroker, module_mongo: MongoServer, turn: int
) -> None:
    seed = SEED + turn
    attacks = [kill, put_to_sleep, come_and_go, restart_broker(own_broker), restart_mongod(module_mongo)] * 3
    Storm(pipeline, [], seed).chance.shuffle(attacks)
    weather(pipeline, attacks, load=Load(count=20_000, people=1_000), per_second=250, seed=seed)
