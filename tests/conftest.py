"""Servers for every test: started once a run on free ports, with fresh topics and databases for each test.

`kafka` is a bootstrap address, `kafka_url` what CONTACTFOLD_LOG takes with a prefix of this test's own;
`mongo` is a MongoDB url without a database, `mongo_url` one with a database of this test's own.
"""

import gc
import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from servers import found
from servers.kafka import KafkaBroker, fresh_prefix, start_kafka

_OWN = "a native Kafka broker (to kill, or with TLS)"
_IN_MEMORY = Path("/dev/shm")
_ROOM = 8 << 30
"""Bytes: several times what a whole run keeps at once."""


def pytest_configure() -> None:
    """Keep the files of tests and their servers in memory where there is room and TMPDIR names no other place.

    What is killed here are processes, and the files of those outlive them there as well; nobody cuts the power. On a
    disk the run would mostly wait for it: MongoDB alone syncs dozens of files for each test's own database.
    """
    if "TMPDIR" in os.environ or not os.access(_IN_MEMORY, os.W_OK):
        return
    there = os.statvfs(_IN_MEMORY)
    if there.f_bavail * there.f_frsize >= _ROOM and not there.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = tempfile.tempdir = str(_IN_MEMORY)


def pytest_collection_finish() -> None:
    """Keep the collector of garbage from looking at all the tests again and again: none of them goes away."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """The bootstrap address of a real Kafka broker that every test shares. It is never killed."""
    server = found.need("Kafka", start_kafka)
    yield server.address
    server.stop()


@pytest.fixture
def topic_prefix() -> str:
    """A prefix of topics that no other test has."""
    return fresh_prefix()


@pytest.fixture
def kafka_url(kafka: str, topic_prefix: str) -> str:
    """The log's url: the shared broker with topics of this test's own."""
    return f"kafka://{kafka}/{topic_prefix}"


@pytest.fixture(scope="module")
def module_broker() -> Iterator[KafkaBroker]:
    """A native broker of this module's own, started once."""
    broker = found.need(_OWN, KafkaBroker)
    try:
        yield broker.start()
    finally:
        broker.remove()


@pytest.fixture
def own_broker(module_broker: KafkaBroker) -> Iterator[KafkaBroker]:
    """A native broker that this test may kill, pause and start: it runs when the test begins."""
    yield module_broker
    module_broker.heal()


@pytest.fixture(scope="module")
def secured_broker() -> Iterator[KafkaBroker]:
    """A native broker with a SASL_SSL listener (`credentials`)."""
    broker = found.need(_OWN, lambda: KafkaBroker(secured=True))
    try:
        yield broker.start()
    finally:
        broker.remove()


@pytest.fixture(scope="session")
def mongo() -> Iterator[str]:
    """The url of a real MongoDB replica set that every test shares, without a database. It is never killed."""
    from servers.mongo import NoMongo, start_mongo

    server = found.need("MongoDB", start_mongo, missing=NoMongo)
    found.used["MongoDB"] = server.url
    yield server.url
    server.close()


@pytest.fixture
def mongo_url(mongo: str) -> str:
    """The directory's url: the shared server with a database of this test's own."""
    return str(urlunsplit(urlsplit(mongo)._replace(path=f"/t{uuid.uuid4().hex[:12]}")))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where tests run in several processes, each tells the one that writes the last lines."""
    told = getattr(session.config, "workeroutput", None)
    if told is not None:
        told["servers"] = (found.used, found.left_out)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Hear from such a process what it used and what it did without."""
    used, left_out = node.workeroutput.get("servers", ({}, {})) if hasattr(node, "workeroutput") else ({}, {})
    found.used.update(used)
    found.left_out.update(left_out)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Say in the last lines what this run left out: a run without a real server must not look complete."""
    yield
    for name, where in found.used.items():
        terminalreporter.write_line(f"{name}: {where}")
    for name, reason in found.left_out.items():
        terminalreporter.write_line(f"LEFT OUT: every test that needs {name}: {reason}", yellow=True, bold=True)
