"""Who a proxy says the client is (RFC 7239, and the older X-Forwarded-For)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address

from hmacfs.base.addresses import Address, Network

_FOR = re.compile(r'for="?([^";,]+)"?', re.IGNORECASE)
_PORT = re.compile(r"^(?:\[([^\]]+)\](?::\d+)?|([0-9.]+):\d+)$")


def address(text: str) -> Address | None:
    """Read an address with or without brackets, zone and port; ``None`` for anything else."""
    ported = _PORT.match(text)
    bare = (ported[1] or ported[2]) if ported else text
    try:
        found = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def chain(forwarded: str | None, x_forwarded_for: str | None) -> list[str]:
    """
    Tell the addresses that proxies noted, the one nearest to us last.

    Forwarded is believed before X-Forwarded-For, if it names any.
    """
    named = _FOR.findall(forwarded or "")
    return [item.strip() for item in named or (x_forwarded_for or "").split(",") if item.strip()]


def client(peer: Address, noted: Sequence[str], trusted: Sequence[Network]) -> Address:
    """
    Tell who the client is.

    From the peer on, each trusted proxy is believed about the one before it;
    the first that is not trusted is the client.  What it claims about others
    is not looked at.

    :param noted: see :func:`chain`.
    """
    found = peer
    for text in reversed(noted):
        if not any(found in network for network in trusted):
            break
        before = address(text)
        if before is None:
            break
        found = before
    return found
