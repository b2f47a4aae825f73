"""What a record's durability rests on where Kafka has several brokers: topics of ours ask for two that have it."""

from collections.abc import Iterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from contactfold.adapters.kafka_address import KafkaAddress
from contactfold.adapters.kafka_log import KafkaLog
from contactfold.domain.errors import Unavailable
from contactfold.ports import Lane
from servers import found
from servers.event_logs import GROUP, Applied, KafkaRig, numbered, read
from servers.kafka import KafkaBroker

SETTINGS = ("min.insync.replicas", "retention.ms", "max.message.bytes")


@pytest.fixture(scope="module")
def three_brokers() -> Iterator[list[KafkaBroker]]:
    """A cluster of three that makes three replicas where nobody says how many."""

    def make() -> list[KafkaBroker]:
        first = KafkaBroker(properties="default.replication.factor=3\n")
        return [first, *(KafkaBroker(joins=first, node=node) for node in (2, 3))]

    brokers = found.need("three native Kafka brokers", make)
    try:
        yield [broker.start() for broker in brokers]
    finally:
        for broker in brokers[::-1]:
            broker.remove()


async def settings_of(address: str, topic: str) -> list[str]:
    """What a topic is set to, of `SETTINGS`."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        asked = ConfigResource(ConfigResourceType.TOPIC, topic, configs=dict.fromkeys(SETTINGS, ""))
        (answer,) = await admin.describe_configs([asked])
    finally:
        await admin.close()
    told = {entry[0]: entry[1] for entry in answer.resources[0][4]}
    return [told[name] for name in SETTINGS]


async def test_topics_of_three_replicas_ask_for_two_in_sync_and_keep_their_other_settings(
    three_brokers: list[KafkaBroker], topic_prefix: str
) -> None:
    address = three_brokers[0].address
    log = KafkaRig(f"kafka://{address}/{topic_prefix}").log()
    await log.open()
    for topic in ("events", "imports"):
        assert await settings_of(address, f"{topic_prefix}.{topic}") == ["2", "-1", str(2 * 1024 * 1024)]
    await log.close()


async def test_a_topic_that_an_operator_made_is_left_as_it_is(
    three_brokers: list[KafkaBroker], topic_prefix: str
) -> None:
    address = three_brokers[0].address
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    await admin.create_topics([NewTopic(f"{topic_prefix}.events", 1, 3, topic_configs={"retention.ms": "86400000"})])
    await admin.close()
    log = KafkaRig(f"kafka://{address}/{topic_prefix}").log()
    await log.open()
    assert (await settings_of(address, f"{topic_prefix}.events"))[:2] == ["1", "86400000"]
    await log.close()


async def test_topics_of_one_replica_ask_for_one(kafka: str, kafka_url: str) -> None:
    log = KafkaRig(kafka_url).log()
    await log.open()
    assert (await settings_of(kafka, f"{KafkaAddress.parse(kafka_url).prefix}.events"))[0] == "1"
    await log.close()


async def test_a_record_is_acknowledged_by_two_of_three_brokers_and_never_by_one(
    three_brokers: list[KafkaBroker], topic_prefix: str
) -> None:
    servers = ",".join(broker.address for broker in three_brokers)
    log = KafkaLog(KafkaAddress.parse(f"kafka://{servers}/{topic_prefix}"), partitions=2, deadline=8.0)
    await log.open()
    await log.append(Lane.LIVE, numbered(4))
    three_brokers[1].kill()
    await log.append(Lane.LIVE, numbered(4, start=4))
    three_brokers[2].kill()
    with pytest.raises(Unavailable):
        await log.append(Lane.LIVE, numbered(4, start=8))
    for broker in three_brokers[1:]:
        broker.start()
    reader = await log.reader(GROUP, Applied())
    came: set[int] = set()
    while not set(range(8)) <= came:
        came |= {int(record.value) for record in await read(reader, 1)}
    await log.close()
