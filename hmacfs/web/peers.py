"""Who is at the other end of a request."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address

from attrs import frozen
from twisted.internet.interfaces import IAddress

from hmacfs.base.addresses import Address, Network, network_of, shown
from hmacfs.web import replies
from hmacfs.web.request import StreamingRequest
from hmacfs.wire import forwarded

UNIX_PEER = IPv4Address("127.0.0.1")
"""What a peer on a Unix socket counts as: it is on this machine."""


@frozen
class Peers:
    """
    Tells clients from the proxies before them.

    :param trusted: the networks whose proxies are believed (``server.trusted_proxies``).
    """

    trusted: Sequence[Network]

    def client_of(self, request: StreamingRequest) -> Address:
        """Tell the address of the client of a request."""
        noted = forwarded.chain(
            replies.header(request, "Forwarded"), replies.header(request, "X-Forwarded-For")
        )
        return forwarded.client(_peer_of(request), noted, self.trusted)

    def place_of(self, request: StreamingRequest) -> str:
        """Tell where a client is: its address, or of one in IPv6 its network of 64 bits."""
        return shown(network_of(self.client_of(request)))

    def scheme_of(self, request: StreamingRequest) -> str:
        """Tell the scheme of a request: ``https`` also if a trusted proxy says so."""
        if request.isSecure():
            return "https"
        said = (replies.header(request, "X-Forwarded-Proto") or "").strip().lower()
        return "https" if said == "https" and not self.is_direct(request) else "http"

    def is_direct(self, request: StreamingRequest) -> bool:
        """Tell whether no trusted proxy is between us and the client."""
        return not self.is_proxy(_peer_of(request))

    def is_proxy(self, peer: Address) -> bool:
        """Tell whether a peer is a trusted proxy."""
        return any(peer in network for network in self.trusted)

    def origin_of(self, request: StreamingRequest) -> str:
        """Tell scheme and host of a request, empty if it names no host."""
        host = replies.header(request, "Host")
        return f"{self.scheme_of(request)}://{host}" if host else ""


def address_of(peer: IAddress) -> Address:
    """Tell the address of a peer; on a Unix socket it is that of this machine."""
    host = getattr(peer, "host", None)
    return UNIX_PEER if host is None else forwarded.address(host) or UNIX_PEER


def _peer_of(request: StreamingRequest) -> Address:
    return address_of(request.getClientAddress())
