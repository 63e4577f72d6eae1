"""How many uploads a minute are taken: of one address, and of one uploader."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from attrs import Factory, define, field, frozen
from twisted.logger import Logger

from hmacfs.base.addresses import Address, Network, network_of
from hmacfs.base.errors import RateLimited
from hmacfs.base.events import Events, UploadLimited
from hmacfs.stores.interfaces import StoreFailed

MINUTE: Final = 60.0

MOST_METERS: Final = 20_000
"""How many addresses and uploaders one process counts at a time."""


class Meters(Protocol):
    """Keeps a moment, in seconds since the epoch, for each of many keys."""

    def change(self, key: str, change: Callable[[float], float | None]) -> Awaitable[None]:
        """
        Put what ``change`` makes of the moment that is kept in its place.

        It is given 0 if there is none, may be called more than once, and leaves
        all as it is with ``None``.  May raise
        :class:`~hmacfs.stores.interfaces.StoreFailed`.
        """

    def forget(self, key: str) -> Awaitable[None]:
        """Count anew; may raise :class:`~hmacfs.stores.interfaces.StoreFailed`."""


def meter_of(owner: str) -> str:
    """Tell the key of an uploader."""
    return f"jid {owner}"


@define
class OwnMeters:
    """
    The meters of one process; those that were not used for longest are forgotten for others.

    :param most: how many there may be.
    """

    _most: int = MOST_METERS
    _moments: OrderedDict[str, float] = field(init=False, repr=False, default=Factory(OrderedDict))

    def __len__(self) -> int:
        """Tell how many there are."""
        return len(self._moments)

    async def change(self, key: str, change: Callable[[float], float | None]) -> None:
        """Put what ``change`` makes of the moment that is kept in its place."""
        moment = change(self._moments.get(key, 0.0))
        if moment is not None:
            self._moments[key] = moment
            self._moments.move_to_end(key)
            if len(self._moments) > self._most:
                self._moments.popitem(last=False)

    async def forget(self, key: str) -> None:
        """Count anew."""
        self._moments.pop(key, None)

    def clear(self, now: float) -> None:
        """Forget what is over, which is as good as none."""
        for key in [key for key, moment in self._moments.items() if moment <= now]:
            del self._moments[key]


@frozen
class Rate:
    """
    A token bucket: so many at once, and then so many a minute.

    What is kept of a bucket is the moment at which it will be full again, as in
    the generic cell rate algorithm (ITU-T I.371, annex A).
    """

    per_minute: int
    burst: int

    @property
    def interval(self) -> float:
        """Seconds after which there is room for another."""
        return MINUTE / self.per_minute

    def wait(self, full_at: float, now: float) -> float:
        """Tell the seconds until another is taken; 0 if it is taken now."""
        return max(0.0, self._debt(full_at, now) - (self.burst - 1) * self.interval)

    def after(self, full_at: float, now: float) -> float:
        """Tell when the bucket will be full again, with one more taken from it."""
        return now + self._debt(full_at, now) + self.interval

    def _debt(self, full_at: float, now: float) -> float:
        debt = max(0.0, full_at - now)
        # More than can be owed: the limits, or the clock, were set back, and all begins anew.
        return debt if debt <= (self.burst + 1) * self.interval else 0.0


@frozen
class Limits:
    """
    What ``[rate_limit]`` says.

    :ivar rate: without it nothing is limited.
    :ivar by_address: whether each address is.
    :ivar by_owner: whether each uploader is, where it is known.
    :ivar free: networks that are not limited.
    :ivar free_owners: uploaders that are not.
    """

    rate: Rate | None = None
    by_address: bool = True
    by_owner: bool = True
    free: Sequence[Network] = ()
    free_owners: frozenset[str] = frozenset()


@frozen
class Rates:
    """
    Counts uploads as they begin.

    :param meters: those that servers share, or else of this process.
    :param own: counts while the others cannot be asked.
    :param now: tells seconds since the epoch.
    """

    meters: Meters
    own: OwnMeters
    events: Events
    now: Callable[[], float]
    limits: Limits = field(factory=Limits)
    log: Logger = field(factory=Logger)

    async def begin(self, owner: str | None, client: Address | None) -> None:
        """
        Count an upload that begins; one that is refused does not count.

        :param client: where it comes from; ``None`` for what came from nowhere.
        :raises RateLimited: if there are too many.
        """
        limits = self.limits
        if limits.rate is None:
            return
        # The uploader first: what one sends too much is not taken from neighbours.
        if limits.by_owner and owner is not None and owner not in limits.free_owners:
            await self._take(meter_of(owner), limits.rate)
        if limits.by_address and client is not None and not self._is_free(client):
            await self._take(f"ip {network_of(client)}", limits.rate)

    def _is_free(self, client: Address) -> bool:
        return any(client in free for free in self.limits.free)

    async def _take(self, key: str, rate: Rate) -> None:
        wait = 0.0

        def take(full_at: float) -> float | None:
            nonlocal wait
            now = self.now()
            wait = rate.wait(full_at, now)
            return None if wait else rate.after(full_at, now)

        try:
            await self.meters.change(key, take)
        except StoreFailed as error:
            # The store itself tells once that it is away, and not for every upload.
            self.log.debug("uploads are counted here alone, for {error}", error=error)
            await self.own.change(key, take)
        if wait:
            self.events.tell(UploadLimited(key.partition(" ")[0]))
            raise RateLimited(
                f"at most {rate.per_minute} uploads a minute are taken here",
                limit=rate.per_minute,
                retry_after=math.ceil(wait),
            )
