"""Addresses of machines, and how many of them count as one client."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

SITE_BITS: Final = 64
"""How much of an address in IPv6 tells the network: a machine changes the rest (RFC 8981)."""


def network_of(address: Address) -> Network:
    """Tell the network that counts as one client: the address, or of IPv6 64 bits of it."""
    return ip_network((address, 32 if address.version == 4 else SITE_BITS), strict=False)


def shown(network: Network) -> str:
    """Write a network; one of a single address as that."""
    single = network.prefixlen == network.max_prefixlen
    return str(network.network_address if single else network)
