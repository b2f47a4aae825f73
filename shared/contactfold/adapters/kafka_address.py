"""Where the Kafka cluster is and how to be let in: `kafka://host:9092[,host...][/prefix]` and its security settings."""

import re
import ssl
from dataclasses import dataclass, field
from typing import Any

from contactfold.adapters.topics import PREFIX
from contactfold.domain.errors import Misconfigured

PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL = "PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"
PROTOCOLS = (PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL)
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
DEFAULT_PORT = 9092

_SERVER = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:\[\]@/]+)(?::(?P<port>\d{1,5}))?")
_PREFIX = re.compile(r"[A-Za-z0-9._-]{1,200}")
_HIGHEST_PORT = 65535


@dataclass(frozen=True)
class KafkaAddress:
    """A Kafka cluster: its bootstrap servers (`host:port`), the prefix of our topics, and who we are there."""

    servers: tuple[str, ...]
    prefix: str = PREFIX
    security_protocol: str = PLAINTEXT
    sasl_mechanism: str = "PLAIN"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None

    @classmethod
    def parse(
        cls,
        url: str,
        *,
        security_protocol: str | None = None,
        sasl_mechanism: str | None = None,
        username: str | None = None,
        password: str | None = None,
        ca_file: str | None = None,
    ) -> "KafkaAddress":
        """The address of CONTACTFOLD_LOG and CONTACTFOLD_KAFKA_*, None where unset. Raises `Misconfigured`."""
        servers, prefix, faults = _read_url(url)
        protocol = (security_protocol or PLAINTEXT).upper()
        mechanism = (sasl_mechanism or "PLAIN").upper()
        address = cls(servers, prefix, protocol, mechanism, username or None, password or None, ca_file or None)
        faults += address._faults()
        if faults:
            raise Misconfigured(faults)
        return address

    def client_options(self) -> dict[str, Any]:
        """What every client of the cluster is made with. Raises `Misconfigured` for a CA file that is none."""
        options: dict[str, Any] = {
            "bootstrap_servers": list(self.servers),
            "security_protocol": self.security_protocol,
            "client_id": "contactfold",
        }
        if self.security_protocol in (SSL, SASL_SSL):
            options["ssl_context"] = self._ssl_context()
        if self._wants_password:
            options["sasl_mechanism"] = self.sasl_mechanism
            options["sasl_plain_username"] = self.username
            options["sasl_plain_password"] = self.password
        return options

    @property
    def _wants_password(self) -> bool:
        return self.security_protocol in (SASL_PLAINTEXT, SASL_SSL)

    def _ssl_context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise Misconfigured([_bad_ca_file(self.ca_file, error)]) from None

    def _faults(self) -> list[str]:
        faults = []
        if self.security_protocol not in PROTOCOLS:
            known = ", ".join(PROTOCOLS)
            faults.append(
                f"CONTACTFOLD_KAFKA_SECURITY_PROTOCOL is {self.security_protocol!r}, but must be one of {known}."
            )
        elif self._wants_password and not (self.username and self.password):
            faults.append(
                f"CONTACTFOLD_KAFKA_SECURITY_PROTOCOL is {self.security_protocol}, which needs both "
                "CONTACTFOLD_KAFKA_USERNAME and CONTACTFOLD_KAFKA_PASSWORD."
            )
        elif not self._wants_password and (self.username or self.password):
            faults.append(
                "CONTACTFOLD_KAFKA_USERNAME or CONTACTFOLD_KAFKA_PASSWORD is set, but "
                f"CONTACTFOLD_KAFKA_SECURITY_PROTOCOL is {self.security_protocol}, "
                f"which would not use it: set it to {SASL_SSL}."
            )
        if self.sasl_mechanism not in MECHANISMS:
            known = ", ".join(MECHANISMS)
            faults.append(f"CONTACTFOLD_KAFKA_SASL_MECHANISM is {self.sasl_mechanism!r}, but must be one of {known}.")
        if self.ca_file is not None:
            try:
                ssl.create_default_context(cafile=self.ca_file)
            except (OSError, ssl.SSLError) as error:
                faults.append(_bad_ca_file(self.ca_file, error))
        return faults


def _bad_ca_file(path: str | None, error: Exception) -> str:
    why = "does not exist" if isinstance(error, FileNotFoundError) else "is no file of certificates in PEM"
    return f"CONTACTFOLD_KAFKA_CA_FILE is {path!r}, which {why}."


def _read_url(url: str) -> tuple[tuple[str, ...], str, list[str]]:
    """The servers, the prefix and the faults of a url. The url is not repeated where it may hold a password."""
    scheme, _, rest = url.partition("://")
    if scheme != "kafka":
        return (), PREFIX, ["CONTACTFOLD_LOG must be `embedded` or look like `kafka://host:9092[,host...][/prefix]`."]
    hosts, slash, prefix = rest.partition("/")
    if "@" in hosts:
        return (
            (),
            PREFIX,
            ["CONTACTFOLD_LOG must hold no user or password: use CONTACTFOLD_KAFKA_USERNAME and _PASSWORD."],
        )
    faults = []
    servers = []
    for host in hosts.split(","):
        match = _SERVER.fullmatch(host.strip())
        port = int(match["port"] or DEFAULT_PORT) if match else 0
        if match is None or not 0 < port <= _HIGHEST_PORT:
            faults.append(f"CONTACTFOLD_LOG has {host!r} where a server like `host:9092` should be.")
        else:
            servers.append(f"{match['host']}:{port}")
    if slash and prefix and not _PREFIX.fullmatch(prefix):
        faults.append(f"CONTACTFOLD_LOG has the prefix {prefix!r}: topics take letters, digits, '.', '_' and '-' only.")
    return tuple(servers), prefix or PREFIX, faults
