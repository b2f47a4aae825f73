"""The loopback rule: what an open door asks of a request instead of a key (CONTRACT 4).

`Host` must name this machine, because a page can point a name of its own at 127.0.0.1 (DNS rebinding); `Origin`
must be this very server where there is one, because a page of any other origin may send requests here.
"""

import re
from functools import lru_cache
from ipaddress import ip_address

from starlette.types import Scope

from contactfold.web.problems import Problem

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?")
_LONGEST = 300
"""Bytes of a header that are looked at: no name of this machine is longer."""
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


@lru_cache(maxsize=256)
def is_loopback_address(address: str) -> bool:
    """Whether an address or host name to bind to is this machine alone: `localhost`, `127.0.0.0/8`, `::1`."""
    if address == "localhost":
        return True
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def is_from_this_machine(scope: Scope) -> bool:
    """Whether the loopback rule lets a request in: what needs no key even where there are keys."""
    try:
        refuse_strangers(scope)
    except Problem:
        return False
    return True


def refuse_strangers(scope: Scope) -> None:
    """Raise `Problem` 403 for a request that is not from this machine to this machine."""
    hosts: list[bytes] = []
    origins: list[bytes] = []
    for name, value in scope["headers"]:
        if name == b"host":
            hosts.append(value)
        elif name == b"origin":
            origins.append(value)
    host = _read_authority(hosts[0][:_LONGEST], scope.get("scheme", "http")) if len(hosts) == 1 else None
    if host is None or not is_loopback_address(host[0]):
        raise Problem(
            403,
            "host_not_allowed",
            "Without an API key this door answers to the hosts localhost, 127.0.0.1 and [::1] only; "
            "use one of these, or make a key with `contactfold keys create`.",
        )
    if origins and not all(_is_own(origin, host) for origin in origins):
        raise Problem(
            403,
            "origin_not_allowed",
            "Without an API key this door answers to no page of another origin; "
            "make a key with `contactfold keys create` and send it.",
        )
    client = scope.get("client")
    if client is not None and not is_loopback_address(client[0]):
        raise Problem(
            403,
            "address_not_allowed",
            "Without an API key this door answers to this machine only; make a key with `contactfold keys create`.",
        )


@lru_cache(maxsize=256)
def _read_authority(raw: bytes, scheme: str) -> tuple[str, int] | None:
    """Host and port of a `Host` header, or None where it has another shape."""
    match = _HOST.fullmatch(raw.decode("latin-1").strip().lower())
    if match is None:
        return None
    host, port = match.groups()
    return host.strip("[]"), int(port) if port else _DEFAULT_PORTS.get(scheme, 80)


def _is_own(origin: bytes, host: tuple[str, int]) -> bool:
    scheme, separator, authority = origin.partition(b"://")
    name = scheme.decode("latin-1").lower()
    return bool(separator) and name in ("http", "https") and _read_authority(authority[:_LONGEST], name) == host
