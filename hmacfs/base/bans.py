"""Networks that are shut out for a while."""

from __future__ import annotations

from attrs import frozen

from hmacfs.base.addresses import Network


@frozen
class Ban:
    """
    A network that is shut out.

    :ivar at: since when, in seconds since the epoch.
    :ivar until: the last moment, likewise.
    :ivar reason: why, in a few words.
    """

    network: Network
    at: float
    until: float
    reason: str
