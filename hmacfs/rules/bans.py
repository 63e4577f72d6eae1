"""Who is shut out for a while: clients whose credentials were refused too often."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from ipaddress import ip_network
from typing import Final, Protocol

from attrs import Factory, define, field, frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from hmacfs.base.addresses import Address, Network, network_of, shown
from hmacfs.base.bans import Ban
from hmacfs.base.events import ClientBanned, Events
from hmacfs.base.units import render_duration
from hmacfs.stores.interfaces import StoreFailed

MOST_COUNTS: Final = 20_000
"""Of how many clients refusals are counted at a time."""

MOST_BANS: Final = 10_000
"""How many bans there may be for another to come by itself."""

SLICES: Final = 10
"""Into how many parts a window is cut: refusals are forgotten part by part."""

PATIENCE: Final = 20
"""How many requests of a banned client are answered before its connections are just closed."""


@frozen
class Terms:
    """
    What ``[bans]`` says.

    :ivar fails: so many refusals within the window lead to a ban.
    :ivar window: seconds.
    :ivar duration: seconds.
    """

    enabled: bool = True
    fails: int = 30
    window: float = 600.0
    duration: float = 300.0


class BanBook(Protocol):
    """
    Keeps bans for all servers that share it.

    Every method may raise :class:`~hmacfs.stores.interfaces.StoreFailed`.
    """

    def keep(self, ban: Ban) -> Awaitable[None]:
        """Keep a ban in the place of the one of its network; the later end of both counts."""

    def read(self, most: int) -> Awaitable[list[Ban]]:
        """Tell the bans in force, at most so many."""


@define
class Refusals:
    """
    Counts refusals of many clients over a window that moves on by its tenth.

    None counts that is older than the window; all count that are younger than
    nine tenths of it.  Who was not refused for longest is forgotten for others.

    :param most: of how many clients they are counted.
    """

    _most: int = MOST_COUNTS
    _counts: OrderedDict[Network, dict[int, int]] = field(
        init=False, repr=False, default=Factory(OrderedDict)
    )

    def __len__(self) -> int:
        """Tell of how many clients there are counts."""
        return len(self._counts)

    def add(self, client: Network, now: float, window: float) -> int:
        """Count one more; tell how many there are within the window."""
        part = int(now // (window / SLICES))
        before = self._counts.get(client, {})
        counts = {at: count for at, count in before.items() if part - SLICES < at <= part}
        counts[part] = counts.get(part, 0) + 1
        self._counts[client] = counts
        self._counts.move_to_end(client)
        if len(self._counts) > self._most:
            self._counts.popitem(last=False)
        return sum(counts.values())

    def forget(self, client: Network | None = None) -> None:
        """Count anew, for one client or for all."""
        if client is None:
            self._counts.clear()
        else:
            self._counts.pop(client, None)


class Bans:
    """
    Counts refusals, bans, and knows who is banned, here or by servers that share the book.

    What it knows of others is as old as the last :meth:`refresh`.

    :param now: tells seconds since the epoch.
    :ivar terms: in force; may be changed.
    :ivar is_exempt: tells who is never banned, by whomever; may be changed.
    """

    log = Logger()

    def __init__(
        self,
        book: BanBook,
        events: Events,
        now: Callable[[], float],
        terms: Terms | None = None,
        is_exempt: Callable[[Address], bool] = lambda _: False,
    ) -> None:
        self.terms = terms or Terms()
        self.is_exempt = is_exempt
        self.refusals = Refusals()
        self._book = book
        self._events = events
        self._now = now
        self._bans: dict[Network, Ban] = {}
        self._widths: set[tuple[int, int]] = set()
        self._unsaved: dict[Network, Ban] = {}
        self._made: list[Ban] = []
        self._answered: dict[Network, int] = {}
        self._trouble = ""
        self._full = False

    def adopt(self, terms: Terms, is_exempt: Callable[[Address], bool]) -> None:
        """Take new terms; bans that are in force stay."""
        if terms.window != self.terms.window:
            self.refusals.forget()
        self.terms, self.is_exempt = terms, is_exempt

    @property
    def are_none(self) -> bool:
        """Whether nobody is banned, for those who would have to find out who asks."""
        return not self._bans

    def find(self, client: Address) -> Ban | None:
        """Tell the ban of a client, if it is banned."""
        if self.are_none or not self.terms.enabled:
            return None
        for version, width in self._widths:
            if version == client.version:
                ban = self._bans.get(_around(client, width))
                if ban is not None and ban.until >= self._now() and not self.is_exempt(client):
                    return ban
        return None

    def left(self, ban: Ban) -> int:
        """Tell the whole seconds after which a ban is over."""
        return max(1, math.ceil(ban.until - self._now()))

    def answered(self, ban: Ban) -> None:
        """Note that a banned client was told so."""
        self._answered[ban.network] = self._answered.get(ban.network, 0) + 1

    def ignores(self, client: Address) -> bool:
        """Tell whether a client is banned, and has been told so often enough."""
        ban = self.find(client)
        return ban is not None and self._answered.get(ban.network, 0) >= PATIENCE

    def refused(self, client: Address, code: str) -> None:
        """
        Count a credential that was refused; ban the client if there were too many.

        :param code: that of the refusal.
        """
        terms, now = self.terms, self._now()
        if not terms.enabled or self.is_exempt(client):
            return
        network = network_of(client)
        count = self.refusals.add(network, now, terms.window)
        if count < terms.fails or self.find(client) is not None:
            return
        if len(self._bans) >= MOST_BANS:
            if not self._full:
                self.log.error("there are {n} bans, and no more are made", n=len(self._bans))
            self._full = True
            return
        self.refusals.forget(network)
        window = render_duration(terms.window)
        reason = f"{count} refused requests within {window}, the last {code}"
        self.log.warn(
            "banned {client} for {duration}: {reason}",
            client=shown(network),
            duration=render_duration(terms.duration),
            reason=reason,
        )
        self._events.tell(ClientBanned(shown(network), terms.duration, reason))
        ban = Ban(network, now, now + terms.duration, reason)
        self._made.append(ban)
        self._unsaved[network] = ban
        self._take((*self._bans.values(), ban))
        Deferred.fromCoroutine(self._save())

    async def refresh(self) -> None:
        """Learn what others have banned, and tell them what they could not be told before."""
        if not self.terms.enabled:
            return
        await self._save()
        made: list[Ban] = []
        self._made = made
        try:
            known = await self._book.read(MOST_BANS)
        except StoreFailed as error:
            self._failed(error)
            return
        self._trouble = ""
        self._take((*known, *self._unsaved.values(), *made))
        self._full = self._full and len(self._bans) >= MOST_BANS

    async def _save(self) -> None:
        for network, ban in tuple(self._unsaved.items()):
            if ban.until < self._now():
                self._unsaved.pop(network, None)
                continue
            try:
                await self._book.keep(ban)
            except StoreFailed as error:
                self._failed(error)
                return
            with suppress(KeyError):
                del self._unsaved[network]

    def _failed(self, error: StoreFailed) -> None:
        if not self._trouble:
            self.log.warn("bans are known here alone, for {error}", error=error)
        self._trouble = str(error)

    def _take(self, bans: Iterable[Ban]) -> None:
        now = self._now()
        self._bans = {ban.network: ban for ban in bans if ban.until >= now}
        self._widths = {(network.version, network.prefixlen) for network in self._bans}
        self._answered = {
            network: count for network, count in self._answered.items() if network in self._bans
        }


def _around(address: Address, width: int) -> Network:
    return ip_network((address, width), strict=False)
