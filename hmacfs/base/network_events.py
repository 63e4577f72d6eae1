"""What happens to the network of this machine, and to connections by it; told as other events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import frozen

NETWORK_CHANGES: Final = (
    *("interface_added", "interface_up", "interface_down", "interface_removed"),
    *("address_added", "address_removed"),
)
"""What may happen to the network of this machine."""


@frozen
class NetworkChanged:
    """
    The network of this machine has changed, and that has lasted.

    :ivar kind: one of :data:`NETWORK_CHANGES`.
    :ivar interface: its name.
    :ivar address: that which came or went; empty where it is about the interface.
    """

    kind: str
    interface: str
    address: str = ""


LOST_CONNECTIONS: Final = ("address", "client")
"""Why a connection is given up: our address is gone, or its client answers nothing."""


@frozen
class ConnectionsGivenUp:
    """
    Connections were ended that nothing could come by any more.

    :ivar reason: one of :data:`LOST_CONNECTIONS`.
    """

    count: int
    reason: str


QUALITIES: Final = ("good", "poor", "bad")
"""How good a connection may be."""


@frozen
class Measured:
    """
    How good the connections of an interface are.

    :ivar qualities: how many are of each of the :data:`QUALITIES`.
    :ivar rtt: the mean of their round-trip times, in seconds.
    :ivar loss: which share of what was sent had to be sent again, if enough was.
    """

    qualities: Mapping[str, int]
    rtt: float
    loss: float | None


@frozen
class ConnectionsMeasured:
    """The quality of all connections was measured; by interface."""

    interfaces: Mapping[str, Measured]


@frozen
class InterfacePreferred:
    """From now on this interface counts as the best; none if it is empty."""

    interface: str
