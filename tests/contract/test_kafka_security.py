"""Kafka as managed clusters want it: TLS with a certificate authority of theirs, a user and a password."""

import dataclasses
import re
from pathlib import Path

import pytest
import trustme

from contactfold.adapters.kafka_address import KafkaAddress
from contactfold.adapters.kafka_log import KafkaLog
from contactfold.domain.errors import Unavailable
from contactfold.ports import Lane
from servers.event_logs import GROUP, Applied, numbered, read
from servers.kafka import KafkaBroker


@pytest.fixture
def address(secured_broker: KafkaBroker, topic_prefix: str) -> KafkaAddress:
    """The address of a broker that wants TLS and a password, with both right."""
    known = secured_broker.credentials
    return KafkaAddress.parse(
        f"kafka://{known.address}/{topic_prefix}",
        security_protocol="SASL_SSL",
        sasl_mechanism=known.mechanism,
        username=known.username,
        password=known.password,
        ca_file=str(known.ca_file),
    )


async def refusal(address: KafkaAddress) -> str:
    """The sentence `open` refuses with."""
    log = KafkaLog(address)
    with pytest.raises(Unavailable) as caught:
        await log.open()
    await log.close()
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "Traceback" not in sentence
    return sentence


async def test_records_travel_over_tls_with_a_password(address: KafkaAddress) -> None:
    log = KafkaLog(address, partitions=2)
    await log.open()
    await log.append(Lane.LIVE, numbered(20))
    await log.probe()
    reader = await log.reader(GROUP, Applied())
    assert len(await read(reader, 20)) == 20
    assert len(await log.ends()) == 4
    await log.close()


async def test_a_wrong_password_is_told_in_one_sentence_that_does_not_repeat_it(address: KafkaAddress) -> None:
    sentence = await refusal(dataclasses.replace(address, password="battery staple"))
    assert "refuses the user name or password of CONTACTFOLD_KAFKA_USERNAME and _PASSWORD" in sentence
    assert "battery" not in sentence


async def test_an_authority_nobody_vouches_for_is_told_in_one_sentence(address: KafkaAddress, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(str(stranger))
    sentence = await refusal(dataclasses.replace(address, ca_file=str(stranger)))
    assert re.search(r"certificate .* is not trusted; CONTACTFOLD_KAFKA_CA_FILE", sentence)


async def test_a_mechanism_the_broker_does_not_take_is_told_in_one_sentence(address: KafkaAddress) -> None:
    sentence = await refusal(dataclasses.replace(address, sasl_mechanism="PLAIN"))
    assert "CONTACTFOLD_KAFKA_SASL_MECHANISM PLAIN" in sentence


async def test_a_listener_that_wants_a_password_does_not_take_a_client_without(address: KafkaAddress) -> None:
    await refusal(KafkaAddress.parse(f"kafka://{address.servers[0]}", security_protocol="SSL", ca_file=address.ca_file))


async def test_tls_towards_a_listener_without_it_is_told_in_one_sentence(
    secured_broker: KafkaBroker, address: KafkaAddress
) -> None:
    sentence = await refusal(dataclasses.replace(address, servers=(secured_broker.address,)))
    assert "CONTACTFOLD_KAFKA_SECURITY_PROTOCOL" in sentence or "no Kafka broker answers" in sentence
