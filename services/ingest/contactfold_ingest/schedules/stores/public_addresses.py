"""Which addresses a redirect may lead to: what an outsider says must not reach into the network this runs in."""

import asyncio
import ipaddress
import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from contactfold_ingest.schedules.stores.files import StoreRefused

_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # IPv4 behind NAT64 (RFC 6052)


class PublicAddresses(AbstractResolver):
    """Finds addresses of names: of the allowed ones any, of all others public ones only.

    A name is held against its address where the connection is made, so that no second look can find another one.
    """

    def __init__(self, allowed: set[str]) -> None:
        self._allowed = allowed

    def allow(self, host: str) -> None:
        """Let a further name have any address."""
        self._allowed.add(host)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses. Raises `StoreRefused` where one is not public, `OSError` where there is none."""
        found = await ThreadedResolver().resolve(host, port, family)
        if host not in self._allowed and not all(is_public(one["host"]) for one in found):
            raise self.refuse(host)
        return found

    async def close(self) -> None:
        """Nothing is open."""
        await asyncio.sleep(0)

    def refuse(self, host: str) -> StoreRefused:
        """The sentence for a redirect inside."""
        return StoreRefused(
            f"The server redirects to {host[:100]}, which is no public address: if that is right, write it as the url."
        )


def is_public(address: str) -> bool:
    """Whether an address is one of the internet's, not of this machine, its network or a cloud's inside."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour
        if parsed in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        if inner is not None:
            parsed = inner
    return parsed.is_global and not parsed.is_multicast


def is_public_host(host: str) -> bool:
    """Whether a host may be asked for: False for an address that is not public. Names are seen to when they resolve."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return True
    return is_public(host)
