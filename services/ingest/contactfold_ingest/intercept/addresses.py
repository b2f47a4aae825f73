"""What a request without a key is counted by: the address it comes from (CONTRACT 4).

That is the peer's; where the peer is a proxy that the server trusts, uvicorn has put the address that the proxy tells
in its place. An IPv6 address counts by its network of 64 bits, for one line at home has all of those.
"""

from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address

from starlette.types import Scope

_LONGEST = 64
"""Characters of an address that are looked at; a proxy may tell anything."""


def find_address(scope: Scope) -> str:
    """The sender's address, empty where the server knows none."""
    client = scope.get("client")
    return _write_address(client[0][:_LONGEST]) if client else ""


@lru_cache(maxsize=1024)
def _write_address(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return text
    if not isinstance(address, IPv6Address):
        return text
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address, 64), strict=False))
