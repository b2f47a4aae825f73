"""Real Kafka brokers for tests and benchmarks.

`start_kafka` finds one in this order: `CONTACTFOLD_TEST_KAFKA` (a bootstrap address), Docker, or the real
broker run natively from the jars that `tests/servers/kafka/pom.xml` names. Tests that kill a broker, or need
one with TLS and passwords, start a `KafkaBroker` of their own.
"""

import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from servers.found import Missing, docker_answers, used
from servers.processes import ServerProcess, free_ports

_POM = Path(__file__).parent / "kafka" / "pom.xml"
_CACHE = Path(__file__).parents[2] / ".cache"
_BRING = "apt-get install openjdk-17-jre-headless maven"

_COMMON = """\
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
broker.session.timeout.ms=1000
broker.heartbeat.interval.ms=200
auto.create.topics.enable=false
log.cleaner.dedupe.buffer.size=2097152
"""


_METADATA_REQUEST = bytes.fromhex("0000000e 0003 0001 00000001 ffff 00000000")
"""Length, Metadata, version 1, correlation id, no client id, no topics."""


@dataclass(frozen=True)
class Credentials:
    """What a client needs for the SASL_SSL listener of a secured broker."""

    address: str
    ca_file: Path
    mechanism: str = "SCRAM-SHA-512"
    username: str = "contactfold"
    password: str = "correct horse"


def _libraries() -> Path:
    """The directory of the broker's jars, fetched once by Maven into the project's cache."""
    if shutil.which("java") is None:
        raise Missing(f"Java is not installed; `{_BRING}` brings it")
    _CACHE.mkdir(exist_ok=True)
    ready = _CACHE / "kafka-4.1.1"
    with (_CACHE / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if ready.is_dir():
            return ready
        if shutil.which("mvn") is None:
            raise Missing(f"Maven is not installed; `{_BRING}` brings it")
        part = _CACHE / "kafka-4.1.1.part"
        fetched = subprocess.run(
            ["mvn", "-q", "-B", "-f", str(_POM), "dependency:copy-dependencies", f"-DoutputDirectory={part}"],
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if fetched.returncode != 0:
            raise Missing(f"`mvn dependency:copy-dependencies` on {_POM.name} failed: {fetched.stdout[-500:]}")
        part.rename(ready)
        return ready


class KafkaBroker:
    """One native broker (KRaft) on ports of its own; it keeps ports and data over `kill` and `start`.

    The first of a cluster is its controller too; others join it, each as another node.
    """

    def __init__(
        self, *, secured: bool = False, properties: str = "", joins: "KafkaBroker | None" = None, node: int = 1
    ) -> None:
        self._classpath = f"{_libraries()}/*"
        self._secured = secured
        self._directory = Path(tempfile.mkdtemp(prefix="contactfold-kafka-"))
        self._port, self._controller_port, self._sasl_port = free_ports(3)
        self._joins, self._node = joins, node
        self._process: ServerProcess | None = None
        self._write_properties(properties)

    @property
    def address(self) -> str:
        """The bootstrap address of the listener that asks for nothing."""
        return f"127.0.0.1:{self._port}"

    @property
    def credentials(self) -> Credentials:
        """How to reach the SASL_SSL listener. Only for a secured broker."""
        if not self._secured:
            raise ValueError("This broker has no SASL_SSL listener: make it with secured=True.")
        return Credentials(address=f"localhost:{self._sasl_port}", ca_file=self._directory / "ca.pem")

    @property
    def pid(self) -> int | None:
        """The process id while the broker runs."""
        return self._process.pid if self._process is not None else None

    def start(self) -> "KafkaBroker":
        """Start, on the same port and data as before, and return once the broker answers."""
        if self._process is None:
            self._format()
            memory = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
            command = ["java", *memory, "-cp", self._classpath, "kafka.Kafka", str(self._properties)]
            self._process = ServerProcess(command, self._directory / "broker.log")
        self._process.start(self._answers)
        return self

    def stop(self) -> None:
        """End the broker in good order; `start` brings it back with its data."""
        self._running().stop()

    def kill(self) -> None:
        """End the broker as a power cut would; `start` brings it back with its data."""
        self._running().kill()

    def heal(self) -> None:
        """Make the broker run again, whatever was done to it."""
        process = self._running()
        process.resume()
        if process.pid is None:
            self.start()
        process.wait_for(self._answers)

    def restart(self) -> None:
        """Kill the broker and start it again."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Let the broker hang with its connections open."""
        self._running().pause()

    def resume(self) -> None:
        """End a `pause`."""
        self._running().resume()

    def remove(self) -> None:
        """End the broker and forget its data."""
        if self._process is not None:
            self._process.resume()
            self._process.kill()
        shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def _properties(self) -> Path:
        return self._directory / "server.properties"

    def _running(self) -> ServerProcess:
        if self._process is None:
            raise RuntimeError("This broker was never started.")
        return self._process

    def _write_properties(self, extra: str) -> None:
        listeners = [f"PLAINTEXT://127.0.0.1:{self._port}"]
        if self._secured:
            listeners.append(f"SASL_SSL://localhost:{self._sasl_port}")
            extra += self._security()
        controller = [f"CONTROLLER://127.0.0.1:{self._controller_port}"]
        if self._joins is not None:
            controller = []
            extra += f"process.roles=broker\nnode.id={self._node}\n"
        self._properties.write_text(
            f"{_COMMON}log.dirs={self._directory / 'data'}\n"
            f"listeners={','.join(listeners + controller)}\n"
            f"advertised.listeners={','.join(listeners)}\n"
            f"controller.quorum.voters=1@127.0.0.1:{(self._joins or self)._controller_port}\n"
            "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL\n" + extra
        )

    def _security(self) -> str:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self._directory / "ca.pem"))
        certificate = authority.issue_cert("localhost")
        store = self._directory / "server.pem"
        # Java reads keys in PKCS 8 alone, trustme writes them the older way.
        key = load_pem_private_key(certificate.private_key_pem.bytes(), password=None)
        readable = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        store.write_bytes(readable + b"".join(each.bytes() for each in certificate.cert_chain_pems))
        return (
            f"ssl.keystore.type=PEM\nssl.keystore.location={store}\nsasl.enabled.mechanisms=SCRAM-SHA-512\n"
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config="
            "org.apache.kafka.common.security.scram.ScramLoginModule required;\n"
        )

    def _format(self) -> None:
        command = ["java", "-cp", self._classpath, "kafka.tools.StorageTool", "format"]
        command += ["-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", str(self._properties)]
        if self._secured:
            known = self.credentials
            command += ["--add-scram", f"{known.mechanism}=[name={known.username},password={known.password}]"]
        formatted = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if formatted.returncode != 0:
            raise RuntimeError(f"The broker's storage could not be formatted: {formatted.stdout}{formatted.stderr}")

    def _answers(self) -> bool:
        """Whether the broker knows itself as part of the cluster: it answers a while before it does."""
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1) as connection:
                connection.sendall(_METADATA_REQUEST)
                answer = connection.recv(12)
                return len(answer) == 12 and int.from_bytes(answer[8:]) > 0
        except OSError:
            return False


@dataclass
class KafkaServer:
    """A broker somebody may share: its bootstrap address, and how to let go of it."""

    address: str
    broker: KafkaBroker | None = None
    container: object = None

    def stop(self) -> None:
        """Let go of it: a broker this run started ends."""
        if self.broker is not None:
            self.broker.remove()
        if self.container is not None:
            self.container.stop()  # type: ignore[attr-defined]


def start_kafka() -> KafkaServer:
    """The broker of this run. Raises `Missing` where there is none to be had."""
    given = os.environ.get("CONTACTFOLD_TEST_KAFKA", "")
    if given:
        used["Kafka"] = f"{given} (CONTACTFOLD_TEST_KAFKA)"
        return KafkaServer(given)
    if docker_answers():
        return _start_container()
    broker = KafkaBroker()
    started = time.monotonic()
    broker.start()
    used["Kafka"] = f"native broker 4.1.1 at {broker.address}, up in {time.monotonic() - started:.1f} s"
    return KafkaServer(broker.address, broker=broker)


def _start_container() -> KafkaServer:
    from testcontainers.community.kafka import KafkaContainer

    container = KafkaContainer().with_kraft().with_env("KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS", "500")
    try:
        container.start()
    except Exception as error:
        raise Missing(f"Docker answers but cannot start Kafka: {error}") from error
    used["Kafka"] = f"container {container.image}"
    return KafkaServer(container.get_bootstrap_server(), container=container)


def fresh_prefix() -> str:
    """A prefix of topics that no other test has."""
    return f"t{uuid.uuid4().hex[:12]}"
