"""The bans that people look at, make and end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from ipaddress import ip_address, ip_network
from typing import Final, Protocol

from attrs import field, frozen
from twisted.internet.defer import Deferred

from hmacfs.base.addresses import Address, Network, network_of, shown
from hmacfs.base.bans import Ban
from hmacfs.base.errors import MalformedRequest, NeverBanned, Unknown
from hmacfs.base.events import Events, administering
from hmacfs.flow.pools import shielded
from hmacfs.rules.bans import MOST_BANS, BanBook

BY_HAND: Final = "by hand"
"""Why somebody is banned, unless a reason is given."""

LONGEST_REASON: Final = 200
"""Characters."""


class Book(BanBook, Protocol):
    """Keeps bans until they are over, or somebody ends them."""

    def forget(self, network: Network) -> Awaitable[bool]:
        """Forget the ban of a network; tell whether there was one."""


def network_in(text: str) -> Network:
    """
    Read an address or a network; a single address of IPv6 stands for its 64 bits.

    :raises ValueError: if it is neither.
    """
    try:
        return ip_network(text) if "/" in text else network_of(ip_address(text))
    except ValueError as error:
        raise ValueError(f"{error} (give 192.0.2.1 or 192.0.2.0/24)") from None


@frozen
class BanList:
    """
    All bans; a running server knows within seconds what is changed here.

    :param is_exempt: tells who is never banned.
    :param duration: seconds for which a ban lasts, unless told otherwise.
    :param now: tells seconds since the epoch.
    :param events: is told of what is done.
    """

    book: Book
    is_exempt: Callable[[Address], bool]
    duration: float
    now: Callable[[], float]
    events: Events = field(factory=Events)

    async def all(self) -> list[Ban]:
        """Tell the bans in force, in the order of their addresses."""
        bans = await self.book.read(MOST_BANS)
        return sorted(bans, key=lambda ban: (ban.network.version, ban.network))

    async def add(
        self, network: Network, duration: float | None = None, reason: str = BY_HAND
    ) -> Ban:
        """
        Ban a network; one that is banned already until the later end of both.

        Once begun it is done, whether somebody waits for it or not.

        :param duration: seconds.
        :raises NeverBanned: if it is one of those that never are.
        :raises MalformedRequest: if the reason is too long.
        """
        single = network.prefixlen == network.max_prefixlen
        if single and self.is_exempt(network.network_address):
            raise NeverBanned(
                f"{shown(network)} is never banned: it is this machine, or a trusted proxy"
            )
        if len(reason) > LONGEST_REASON:
            raise MalformedRequest(f"a reason has at most {LONGEST_REASON} characters")
        now = self.now()
        ban = Ban(network, now, now + (self.duration if duration is None else duration), reason)
        await shielded(Deferred.fromCoroutine(self._add(ban)))
        return ban

    async def remove(self, network: Network) -> None:
        """
        End a ban.

        Once begun it is done, whether somebody waits for it or not.

        :raises Unknown: if there is none.
        """
        await shielded(Deferred.fromCoroutine(self._remove(network)))

    async def _add(self, ban: Ban) -> None:
        with administering(self.events, "bans add", shown(ban.network)):
            await self.book.keep(ban)

    async def _remove(self, network: Network) -> None:
        with administering(self.events, "bans remove", shown(network)):
            if not await self.book.forget(network):
                raise Unknown(f"{shown(network)} is not banned")
