"""Room on the disk: uploads are refused before it is gone, not when."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Self

from hmacfs.base.errors import NoSpace

LOOK_INTERVAL = 1.0
"""Seconds for which a look at the free space is good; reservations count in between."""


class Reservation:
    """Room that one upload holds until its bytes are on the disk.  A context manager."""

    def __init__(self, space: Space, size: int) -> None:
        self._space = space
        self._left = size
        space.reserved += size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._release(self._left)

    def taken(self, size: int) -> None:
        """Note that ``size`` bytes have reached the disk."""
        self._release(min(size, self._left))
        # The next look sees them; the last one did not.
        self._space.seen -= size

    async def refill(self, size: int) -> None:
        """
        Hold room for ``size`` bytes again, whatever has been taken.

        :raises NoSpace: as :meth:`Space.reserve` does.
        """
        missing = size - self._left
        if missing > 0:
            await self._space.check(missing)
            self._left += missing
            self._space.reserved += missing

    def _release(self, size: int) -> None:
        self._left -= size
        self._space.reserved -= size


class Space:
    """
    The free bytes of the storage, less what running uploads will still take.

    :param free_bytes: looks at the storage.
    :param minimum: bytes that must stay free (``server.min_free_bytes``).
    :param seconds: a clock that never goes back.
    """

    def __init__(
        self,
        free_bytes: Callable[[], Awaitable[int]],
        minimum: int,
        seconds: Callable[[], float],
    ) -> None:
        self._free_bytes = free_bytes
        self._minimum = minimum
        self._seconds = seconds
        self.seen = 0
        self._seen_at = float("-inf")
        self.reserved = 0

    async def reserve(self, size: int) -> Reservation:
        """
        Hold room for an upload of ``size`` bytes.

        :raises NoSpace: if less than the minimum would stay free.
        """
        await self.check(size)
        return Reservation(self, size)

    async def check(self, size: int) -> None:
        """
        Insist that there is room for ``size`` bytes more.

        :raises NoSpace: if less than the minimum would stay free.
        """
        if self._seconds() - self._seen_at >= LOOK_INTERVAL:
            self.seen = await self._free_bytes()
            self._seen_at = self._seconds()
        if self.seen - self.reserved - size < self._minimum:
            raise NoSpace("the server has no room for this file")
