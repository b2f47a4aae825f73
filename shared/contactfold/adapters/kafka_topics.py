"""The topics of the event log: made where they are missing, and asked how large a record they take."""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    InvalidConfigurationError,
    KafkaError,
    NoError,
    PolicyViolationError,
    TopicAlreadyExistsError,
    for_code,
)

PARTITIONS = 8
LARGEST_BATCH = 2 * 1024 * 1024
"""What our topics take: an event of a full mebibyte with all that travels beside it."""

SAFE_REPLICAS = 3
"""Replicas from which on a topic of ours takes a record only once two of them have it: one may be lost then."""

_KAFKAS_DEFAULT = 1_048_588
_LARGEST = "max.message.bytes"
_IN_SYNC = "min.insync.replicas"
_PAUSE = 0.05
_TRIES = 100


async def prepared(admin: AIOKafkaAdminClient, topics: Sequence[str], *, partitions: int) -> int:
    """Make the topics that are missing, and tell the largest record; waits for a cluster that is still coming up."""
    while True:
        try:
            await _make_missing(admin, topics, partitions=partitions)
            return await _largest_record(admin, topics)
        except KafkaError as error:
            if not error.retriable:
                raise
        await asyncio.sleep(_PAUSE)


async def _make_missing(admin: AIOKafkaAdminClient, topics: Sequence[str], *, partitions: int) -> None:
    """Make the topics that are missing, replicated as the cluster does by default, and wait until they have leaders."""
    missing = [topic for topic in topics if topic not in await admin.list_topics()]
    # Kept for ever unless an operator decides otherwise: an empty directory builds itself anew from the log.
    settings = {_LARGEST: str(LARGEST_BATCH), "retention.ms": "-1"}
    made: dict[str, dict[str, str]] = {}
    for topic in missing:
        try:
            taken, ours = settings, await _make(admin, topic, partitions, settings)
        except (PolicyViolationError, InvalidConfigurationError):
            taken, ours = {}, await _make(admin, topic, partitions, {})
        if ours:
            made[topic] = taken
    described = await admin.describe_topics(missing) if missing else []
    while not all(_has_leaders(each) for each in described):
        await asyncio.sleep(_PAUSE)
        described = await admin.describe_topics(missing)
    for each in described:
        if each["topic"] in made and min(len(one["replicas"]) for one in each["partitions"]) >= SAFE_REPLICAS:
            await _want_two_in_sync(admin, each["topic"], made[each["topic"]])


async def _make(admin: AIOKafkaAdminClient, topic: str, partitions: int, settings: dict[str, str]) -> bool:
    """Make a topic; False where somebody else has made it meanwhile."""
    new = NewTopic(topic, partitions, -1, replica_assignments={}, topic_configs=settings)
    answer = await admin.create_topics([new])
    fault = for_code(answer.topic_errors[0][1])
    if fault not in (NoError, TopicAlreadyExistsError):
        raise fault(topic)
    return fault is NoError


async def _want_two_in_sync(admin: AIOKafkaAdminClient, topic: str, settings: dict[str, str]) -> None:
    """Ask for two in-sync replicas where the cluster asks for fewer. A cluster that refuses keeps its own rule.

    This can be known only now, for the cluster chose how many replicas there are. Changing one setting replaces all.
    """
    wanted = ConfigResource(ConfigResourceType.TOPIC, topic, configs=settings | {_IN_SYNC: "2"})
    for _ in range(_TRIES):
        try:
            if min(await _read_numbers(admin, [topic], _IN_SYNC), default=2) >= 2:
                return
            for answer in await admin.alter_configs([wanted]):
                _raise_faults(answer)
        except ValueError:
            return
        except KafkaError as error:
            if not error.retriable:
                return
        # Brokers hear of a change one after the other: it is done once the one that is asked has heard.
        await asyncio.sleep(_PAUSE)


def _raise_faults(answer: Any) -> None:
    for code, *_ in answer.resources:
        if for_code(code) is not NoError:
            raise for_code(code)


def _has_leaders(described: dict[str, Any]) -> bool:
    partitions = described["partitions"]
    return described["error_code"] == 0 and bool(partitions) and all(each["leader"] >= 0 for each in partitions)


async def _largest_record(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> int:
    """Bytes a batch may have in every one of the topics; Kafka's default where we may not ask."""
    try:
        return min(await _read_numbers(admin, topics, _LARGEST), default=_KAFKAS_DEFAULT)
    except KafkaError:
        return _KAFKAS_DEFAULT


async def _read_numbers(admin: AIOKafkaAdminClient, topics: Sequence[str], setting: str) -> list[int]:
    """A setting of each topic, of those that we may ask for."""
    wanted = [ConfigResource(ConfigResourceType.TOPIC, topic, configs={setting: ""}) for topic in topics]
    return [
        int(entry[1])
        for answer in await admin.describe_configs(wanted)
        for _, _, _, _, entries in answer.resources
        for entry in entries
        if entry[0] == setting
    ]
