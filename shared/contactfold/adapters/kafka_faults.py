"""What goes wrong with a Kafka cluster, told in one sentence each."""

import asyncio
import ssl

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)

from contactfold.adapters.kafka_address import KafkaAddress
from contactfold.domain.errors import Unavailable

PART = "event log"

_AUTHORIZATION = (ClusterAuthorizationFailedError, GroupAuthorizationFailedError, TopicAuthorizationFailedError)


def late(address: KafkaAddress, seconds: float) -> Unavailable:
    """Kafka said nothing in time."""
    return Unavailable(PART, f"Kafka at {_at(address)} did not answer within {seconds:g} s.")


def explained(error: BaseException, address: KafkaAddress) -> Unavailable:
    """What an error of the client means."""
    return Unavailable(PART, _sentence(error, address))


async def why_no_start(address: KafkaAddress, error: BaseException, *, patience: float) -> Unavailable:
    """Why no client can start. The client's own error never tells a wrong password from a dead server, so ask again."""
    options = address.client_options()
    host, _, port = address.servers[0].rpartition(":")
    try:
        async with asyncio.timeout(patience):
            connection = await create_conn(
                host.strip("[]"),
                int(port),
                client_id=options["client_id"],
                request_timeout_ms=int(patience * 1000),
                ssl_context=options.get("ssl_context"),
                security_protocol=address.security_protocol,
                sasl_mechanism=options.get("sasl_mechanism"),
                sasl_plain_username=address.username,
                sasl_plain_password=address.password,
            )
    except TimeoutError:
        return late(address, patience)
    except (OSError, KafkaError) as found:
        return explained(found, address)
    connection.close()
    return explained(error, address)


def _sentence(error: BaseException, address: KafkaAddress) -> str:  # noqa: PLR0911 - one return a fault reads best
    at = _at(address)
    if isinstance(error, (AuthenticationFailedError, SaslAuthenticationFailed)):
        return f"Kafka at {at} refuses the user name or password of CONTACTFOLD_KAFKA_USERNAME and _PASSWORD."
    if isinstance(error, UnsupportedSaslMechanismError):
        return f"Kafka at {at} does not take CONTACTFOLD_KAFKA_SASL_MECHANISM {address.sasl_mechanism}."
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of Kafka at {at} is not trusted; CONTACTFOLD_KAFKA_CA_FILE must name its authority."
    if isinstance(error, ssl.SSLError):
        return f"Kafka at {at} does not speak TLS there; check CONTACTFOLD_KAFKA_SECURITY_PROTOCOL."
    if isinstance(error, _AUTHORIZATION):
        return (
            f"Kafka at {at} does not allow {address.username or 'us'} to use the topics or groups of {address.prefix}."
        )
    if isinstance(error, (OSError, TimeoutError)) or getattr(error, "retriable", False):
        return f"no Kafka broker answers at {at}."
    return f"Kafka at {at} answers {type(error).__name__}."


def _at(address: KafkaAddress) -> str:
    return ", ".join(address.servers)
