"""What the event log promises while Kafka's broker dies, hangs and comes back, and where its offsets have holes."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from contactfold.adapters.kafka_address import KafkaAddress
from contactfold.adapters.kafka_log import KafkaLog
from contactfold.domain.errors import Misconfigured, RecordsGone, Unavailable
from contactfold.ports import ANSWER_BYTES, Lane, LogRecord, NewRecord
from servers.event_logs import GROUP, PARTITIONS, Applied, KafkaRig, numbered, read, until
from servers.kafka import KafkaBroker

DEADLINE = 2.0
SLACK = 3.0
"""Seconds a busy machine may take on top of a deadline before we call it broken."""


@pytest.fixture
def fragile(own_broker: KafkaBroker, topic_prefix: str) -> KafkaRig:
    """Topics on a broker that this test may kill."""
    return KafkaRig(f"kafka://{own_broker.address}/{topic_prefix}")


@pytest.fixture
async def log(fragile: KafkaRig) -> AsyncIterator[KafkaLog]:
    """An open log on a broker that this test may kill."""
    log = fragile.log(deadline=DEADLINE)
    await log.open()
    yield log
    await log.close()


async def append_when_back(log: KafkaLog, start: int) -> None:
    """Append one record, as often as it takes; fails where the log never takes records again."""
    end = time.monotonic() + 30
    while True:
        try:
            await log.append(Lane.LIVE, numbered(1, start=start))
        except Unavailable:
            assert time.monotonic() < end, "the log never took records again"
        else:
            return


async def test_a_record_is_durable_when_append_returns_though_the_broker_is_killed(
    own_broker: KafkaBroker, log: KafkaLog
) -> None:
    await log.append(Lane.LIVE, numbered(200))
    own_broker.restart()
    reader = await log.reader(GROUP, Applied())
    assert sorted(int(each.value) for each in await read(reader, 200)) == list(range(200))


@pytest.mark.parametrize("harm", ["kill", "pause"])
async def test_append_ends_by_its_deadline_while_the_broker_is_away_and_works_again_by_itself(
    own_broker: KafkaBroker, log: KafkaLog, harm: str
) -> None:
    await log.append(Lane.LIVE, numbered(1))
    getattr(own_broker, harm)()
    for _ in range(2):
        begun = time.monotonic()
        with pytest.raises(Unavailable, match=r"Kafka"):
            await log.append(Lane.LIVE, numbered(1, start=1))
        assert time.monotonic() - begun < DEADLINE + SLACK
    await asyncio.to_thread(own_broker.heal)
    await append_when_back(log, 2)
    await log.probe()
    reader = await log.reader(GROUP, Applied())
    came: set[int] = set()
    while 2 not in came:
        came |= {int(each.value) for each in await read(reader, 1)}


async def test_many_callers_all_end_while_the_broker_is_away(own_broker: KafkaBroker, log: KafkaLog) -> None:
    await log.append(Lane.LIVE, numbered(1))
    own_broker.kill()
    begun = time.monotonic()
    ended = await asyncio.gather(
        *(log.append(Lane.LIVE, numbered(1, start=number)) for number in range(200)), return_exceptions=True
    )
    assert all(isinstance(each, Unavailable) for each in ended)
    assert time.monotonic() - begun < DEADLINE + SLACK


@pytest.mark.parametrize("harm", ["kill", "pause"])
async def test_probe_tells_that_the_broker_is_away(own_broker: KafkaBroker, log: KafkaLog, harm: str) -> None:
    await log.probe()
    getattr(own_broker, harm)()
    begun = time.monotonic()
    with pytest.raises(Unavailable, match="Kafka"):
        await log.probe()
    assert time.monotonic() - begun < DEADLINE + SLACK


@pytest.mark.parametrize("harm", ["kill", "pause"])
async def test_open_and_ends_tell_that_the_broker_is_away(
    own_broker: KafkaBroker, fragile: KafkaRig, log: KafkaLog, harm: str
) -> None:
    getattr(own_broker, harm)()
    begun = time.monotonic()
    with pytest.raises(Unavailable, match="Kafka"):
        await fragile.log(deadline=DEADLINE).open()
    with pytest.raises(Unavailable, match="Kafka"):
        await log.ends()
    assert time.monotonic() - begun < 2 * (DEADLINE + SLACK) + DEADLINE


@pytest.mark.parametrize("harm", ["kill", "pause"])
async def test_close_is_bounded_while_the_broker_is_away(own_broker: KafkaBroker, fragile: KafkaRig, harm: str) -> None:
    before = asyncio.all_tasks()
    log = fragile.log(deadline=DEADLINE)
    await log.open()
    await log.append(Lane.LIVE, numbered(5))
    reader = await log.reader(GROUP, Applied())
    await read(reader, 5)
    getattr(own_broker, harm)()
    with pytest.raises(Unavailable):
        await log.append(Lane.LIVE, numbered(1))
    begun = time.monotonic()
    await reader.close()
    await log.close()
    assert time.monotonic() - begun < 15
    await until(
        lambda: asyncio.all_tasks() <= before, f"no task is left behind: {asyncio.all_tasks() - before}", within=8
    )


async def test_a_reader_goes_on_when_the_broker_is_back(own_broker: KafkaBroker, log: KafkaLog) -> None:
    applied = Applied()
    await log.append(Lane.LIVE, numbered(10))
    reader = await log.reader(GROUP, applied)
    applied.apply(await read(reader, 10))
    await asyncio.to_thread(own_broker.restart)
    await append_when_back(log, 10)
    came: set[int] = set()
    end = time.monotonic() + 40
    while 10 not in came:
        assert time.monotonic() < end, "the reader never went on"
        try:
            records = await reader.fetch(Lane.LIVE, limit=10, wait=0.5)
        except Unavailable:
            continue
        came |= {int(each.value) for each in records}
        applied.apply(records)
    assert not came & set(range(10)), "what was applied is not read again"


async def test_a_topic_made_anew_under_a_reader_is_told_not_skipped(own_broker: KafkaBroker, log: KafkaLog) -> None:
    await log.append(Lane.LIVE, numbered(40, keys=1))
    applied = Applied()
    reader = await log.reader(GROUP, applied)
    applied.apply(await read(reader, 40))
    await reader.close()
    (partition,) = applied.positions
    topic = partition.rpartition("/")[0]
    admin = AIOKafkaAdminClient(bootstrap_servers=own_broker.address)
    await admin.start()
    await admin.delete_topics([topic])
    while topic in await admin.list_topics():
        await asyncio.sleep(0.05)
    await admin.close()
    again = KafkaRig(f"kafka://{own_broker.address}/{topic.removesuffix('.events')}").log()
    await again.open()
    await again.append(Lane.LIVE, numbered(3, keys=1))
    reader = await again.reader(GROUP, applied)
    with pytest.raises(RecordsGone) as caught:
        await read(reader, 1)
    assert (caught.value.partition, caught.value.position, caught.value.latest) == (partition, 40, 3)
    await again.close()


async def test_offsets_without_records_are_passed_and_no_record_is_skipped(kafka: str, kafka_url: str) -> None:
    log = KafkaRig(kafka_url).log()
    await log.open()
    topic = f"{KafkaAddress.parse(kafka_url).prefix}.events"
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=topic)
    await producer.start()
    for number in range(6):
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"%d" % number, key=b"k", partition=1)
        await (producer.commit_transaction() if number % 2 else producer.abort_transaction())
    await producer.stop()
    applied = Applied()
    reader = await log.reader(GROUP, applied)
    records = await read(reader, 3)
    assert [int(each.value) for each in records] == [1, 3, 5]
    applied.apply(records[:1])
    await reader.close()
    again = await log.reader(GROUP, applied)
    assert await read(again, 2) == records[1:]
    await log.close()


async def test_a_missing_topic_is_made_with_the_partitions_asked_for_and_one_that_exists_is_kept(
    kafka_url: str,
) -> None:
    address = KafkaAddress.parse(kafka_url)
    first, second = KafkaLog(address, partitions=3), KafkaLog(address, partitions=5)
    await first.open()
    await second.open()
    assert len(await second.ends()) == 2 * 3
    await first.close()
    await second.close()


async def test_a_record_without_a_key_or_a_value_of_another_writer_is_delivered(kafka: str, kafka_url: str) -> None:
    log = KafkaRig(kafka_url).log()
    await log.open()
    topic = f"{KafkaAddress.parse(kafka_url).prefix}.events"
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    await producer.send_and_wait(topic, b"x")
    await producer.send_and_wait(topic, None, key=b"k")
    await producer.stop()
    reader = await log.reader(GROUP, Applied())
    came = {(each.key, each.value) for each in await read(reader, 2)}
    assert came == {(None, b"x"), (b"k", b"")}
    await log.close()


async def test_compressed_records_fill_no_more_than_an_answer_once_they_are_unpacked(
    kafka: str, kafka_url: str
) -> None:
    log = KafkaRig(kafka_url).log()
    await log.open()
    topic = f"{KafkaAddress.parse(kafka_url).prefix}.events"
    producer = AIOKafkaProducer(bootstrap_servers=kafka, compression_type="gzip", max_batch_size=64_000_000)
    await producer.start()
    for partition in range(2):
        batch = producer.create_batch()
        for number in range(40):
            assert batch.append(key=b"k", value=b"%05d" % number + b"x" * 900_000, timestamp=None)
        await (await producer.send_batch(batch, topic, partition=partition))
    await producer.stop()
    reader = await log.reader(GROUP, Applied())
    offsets: dict[str, list[int]] = {}
    while sum(map(len, offsets.values())) < 80:
        records = await reader.fetch(Lane.LIVE, limit=250, wait=10)
        assert 0 < sum(len(record.value) for record in records) <= ANSWER_BYTES
        for record in records:
            assert int(record.value[:5]) == record.offset
            offsets.setdefault(record.partition, []).append(record.offset)
    assert all(came == list(range(40)) for came in offsets.values())
    await log.close()


async def test_what_waits_in_several_partitions_comes_in_the_order_of_its_timestamps(kafka_url: str) -> None:
    log = KafkaRig(kafka_url).log()
    await log.open()
    for part in range(60):
        await log.append(Lane.LIVE, numbered(100, start=100 * part))
        await asyncio.sleep(0.003)
    reader = await log.reader(GROUP, Applied())
    came: list[LogRecord] = []
    while len(came) < 6000:
        came += await reader.fetch(Lane.LIVE, limit=700, wait=5)
    times = [record.timestamp for record in came]
    assert times == sorted(times)
    assert len({record.partition for record in came[:700]}) == PARTITIONS
    await log.close()


async def test_what_comes_in_many_answers_of_the_broker_comes_in_the_order_of_timestamps(
    kafka_url: str,
) -> None:
    """Hardly any late: on a machine that is busy enough, a partition is given up waiting for."""
    log = KafkaRig(kafka_url).log()
    await log.open()
    for part in range(60):
        numbers = range(100 * part, 100 * part + 100)
        await log.append(Lane.LIVE, [NewRecord(b"key-%d" % (n % 16), b"%06d" % n + b"x" * 2000) for n in numbers])
        await asyncio.sleep(0.002)
    reader = await log.reader(GROUP, Applied())
    offsets_of: dict[str, list[int]] = {}
    latest = late = 0
    while sum(map(len, offsets_of.values())) < 6000:
        for record in await reader.fetch(Lane.LIVE, limit=500, wait=5):
            offsets_of.setdefault(record.partition, []).append(record.offset)
            late += record.timestamp < latest
            latest = max(latest, record.timestamp)
    assert all(offsets == list(range(len(offsets))) for offsets in offsets_of.values())
    assert late < 300
    await log.close()


async def test_asking_for_the_ends_again_makes_no_new_connection(
    kafka_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = KafkaRig(kafka_url).log()
    await log.open()
    await log.append(Lane.LIVE, numbered(1, keys=1))
    before = await log.ends()
    loop = asyncio.get_running_loop()
    connect = loop.create_connection
    made = []

    def connect_and_tell(*args: Any, **options: Any) -> Any:
        made.append(args)
        return connect(*args, **options)

    monkeypatch.setattr(loop, "create_connection", connect_and_tell)
    await log.append(Lane.LIVE, numbered(1, keys=1))
    after = await log.ends()
    assert [after[each][1] - before[each][1] for each in after if after[each] != before[each]] == [1]
    assert made == []
    await log.close()


async def test_ends_go_on_when_the_broker_is_back(own_broker: KafkaBroker, log: KafkaLog) -> None:
    await log.append(Lane.LIVE, numbered(3, keys=1))
    before = await log.ends()
    own_broker.kill()
    with pytest.raises(Unavailable, match="Kafka"):
        await log.ends()
    await asyncio.to_thread(own_broker.heal)
    end = time.monotonic() + 30
    while True:
        try:
            assert await log.ends() == before
        except Unavailable:
            assert time.monotonic() < end, "nobody ever told the ends again"
        else:
            return


@pytest.mark.parametrize(
    ("url", "servers", "prefix"),
    [
        ("kafka://one", ("one:9092",), "contactfold"),
        ("kafka://one:1,two:2/", ("one:1", "two:2"), "contactfold"),
        ("kafka://[::1]:19092/my.prefix", ("[::1]:19092",), "my.prefix"),
    ],
)
def test_an_address_names_servers_and_a_prefix(url: str, servers: tuple[str, ...], prefix: str) -> None:
    address = KafkaAddress.parse(url)
    assert (address.servers, address.prefix) == (servers, prefix)


@pytest.mark.parametrize(
    ("url", "settings", "sentence"),
    [
        ("http://one:9092", {}, "CONTACTFOLD_LOG must be"),
        ("kafka://", {}, "CONTACTFOLD_LOG has ''"),
        ("kafka://one:99999", {}, "CONTACTFOLD_LOG has 'one:99999'"),
        ("kafka://me:secret@one", {}, "must hold no user or password"),
        ("kafka://one/a b", {}, "prefix 'a b'"),
        ("kafka://one", {"security_protocol": "TLS"}, "must be one of PLAINTEXT, SSL"),
        ("kafka://one", {"security_protocol": "SASL_SSL", "username": "me"}, "needs both"),
        ("kafka://one", {"username": "me", "password": "p"}, "set it to SASL_SSL"),
        ("kafka://one", {"sasl_mechanism": "MAGIC"}, "must be one of PLAIN, SCRAM"),
        ("kafka://one", {"security_protocol": "SSL", "ca_file": "/nowhere.pem"}, "which does not exist"),
        ("kafka://one", {"security_protocol": "SSL", "ca_file": __file__}, "no file of certificates"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_in_one_sentence(
    url: str, settings: dict[str, str], sentence: str
) -> None:
    with pytest.raises(Misconfigured) as caught:
        KafkaAddress.parse(url, **settings)
    (fault,) = caught.value.faults
    assert sentence in fault
    assert "secret" not in fault


def test_an_address_never_shows_its_password() -> None:
    address = KafkaAddress.parse("kafka://one", security_protocol="SASL_SSL", username="me", password="hush")
    assert "hush" not in repr(address)


async def test_a_live_record_does_not_wait_for_rows_that_nobody_takes(log: KafkaLog) -> None:
    # The library would ask for nothing while it holds records of any partition, for 100 ms from when they came.
    reader = await log.reader(GROUP, Applied())
    await log.append(Lane.LIVE, numbered(8))
    await read(reader, 8)
    took: list[float] = []
    for _ in range(10):
        await log.append(Lane.BULK, numbered(64))
        assert await reader.fetch(Lane.BULK, limit=1, wait=5)
        await log.append(Lane.LIVE, numbered(1))
        began = time.monotonic()
        assert await reader.fetch(Lane.LIVE, limit=1, wait=5)
        took.append(time.monotonic() - began)
        await read(reader, 63, lane=Lane.BULK)
    assert min(took) < 0.06, "at its fastest, a live record was there as soon as it was written"
