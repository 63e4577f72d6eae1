"""Settings become the bans and the limits of uploads a minute."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from functools import partial
from ipaddress import ip_network
from typing import Final

from hmacfs.base.addresses import Address
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.rules.bans import Terms
from hmacfs.rules.rates import Limits, Rate, Rates
from hmacfs.service.chores import Chore
from hmacfs.service.foundation import Foundation
from hmacfs.web.peers import Peers

LEARNING: Final = 2.0
"""Seconds after which the bans of others, and of the command, are known here."""

_DISCARD: Final = 9
"""A port to name, to which nothing is sent."""


def terms(settings: Settings) -> Terms:
    """Tell what leads to a ban."""
    return Terms(
        settings[options.BANS_ENABLED],
        settings[options.BANS_BLOCK_AFTER_FAILS],
        settings[options.BANS_WINDOW],
        settings[options.BANS_DURATION],
    )


def peers_of(settings: Settings) -> Peers:
    """Tell which proxies are believed."""
    return Peers([ip_network(text) for text in settings[options.SERVER_TRUSTED_PROXIES]])


def exempt(peers: Peers) -> Callable[[Address], bool]:
    """Tell who is never banned: this machine, and the proxies that are trusted."""
    return lambda address: address.is_loopback or peers.is_proxy(address) or is_own(address)


def is_own(address: Address) -> bool:
    """
    Tell whether an address is one of this machine's.

    The kernel reaches its own addresses from themselves, and tells so before
    anything is sent.
    """
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((str(address), _DISCARD))
        except OSError:
            return False
        return bool(probe.getsockname()[0] == str(address))


def rates(settings: Settings, foundation: Foundation) -> Rates:
    """Put together what counts uploads as they begin."""
    rate = Rate(
        settings[options.RATE_LIMIT_REQUESTS_PER_MINUTE], settings[options.RATE_LIMIT_BURST_SIZE]
    )
    owners: tuple[str, ...] = settings[options.RATE_LIMIT_WHITELISTED_JIDS]
    limits = Limits(
        rate if settings[options.RATE_LIMIT_ENABLED] else None,
        settings[options.RATE_LIMIT_BY_IP],
        settings[options.RATE_LIMIT_BY_JID],
        tuple(ip_network(text) for text in settings[options.RATE_LIMIT_WHITELISTED_IPS]),
        frozenset(owners),
    )
    return Rates(foundation.meters, foundation.own_meters, foundation.events, time.time, limits)


def chores(settings: Settings, foundation: Foundation) -> tuple[Chore, ...]:
    """Make the chores that learn what others have banned, and forget counts nobody needs."""

    async def forget() -> None:
        foundation.own_meters.clear(time.time())

    make = partial(Chore, clock=foundation.reactor, pending=foundation.pending)
    return (
        make("to learn of bans", LEARNING, foundation.bans.refresh),
        make("to forget counts", settings[options.RATE_LIMIT_CLEANUP_INTERVAL], forget),
    )
