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

_KAFKAS_DEFAULT = 1_048_588
_PAUSE = 0.05


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
    settings = {"max.message.bytes": str(LARGEST_BATCH), "retention.ms": "-1"}
    for topic in missing:
        try:
            await _make(admin, topic, partitions, settings)
        except (PolicyViolationError, InvalidConfigurationError):
            await _make(admin, topic, partitions, {})
    while missing and not all(_has_leaders(each) for each in await admin.describe_topics(missing)):
        await asyncio.sleep(_PAUSE)


async def _make(admin: AIOKafkaAdminClient, topic: str, partitions: int, settings: dict[str, str]) -> None:
    new = NewTopic(topic, partitions, -1, replica_assignments={}, topic_configs=settings)
    answer = await admin.create_topics([new])
    for _, code, *_ in answer.topic_errors:
        fault = for_code(code)
        if fault not in (NoError, TopicAlreadyExistsError):
            raise fault(topic)


def _has_leaders(described: dict[str, Any]) -> bool:
    partitions = described["partitions"]
    return described["error_code"] == 0 and bool(partitions) and all(each["leader"] >= 0 for each in partitions)


async def _largest_record(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> int:
    """Bytes a batch may have in every one of the topics; Kafka's default where we may not ask."""
    wanted = [ConfigResource(ConfigResourceType.TOPIC, topic, configs={"max.message.bytes": ""}) for topic in topics]
    found = []
    try:
        for answer in await admin.describe_configs(wanted):
            for _, _, _, _, entries in answer.resources:
                found += [int(entry[1]) for entry in entries if entry[0] == "max.message.bytes"]
    except KafkaError:
        return _KAFKAS_DEFAULT
    return min(found, default=_KAFKAS_DEFAULT)
