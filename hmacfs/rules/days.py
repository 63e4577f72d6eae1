"""How much owners have sent in a day, whatever became of it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final, Protocol

from attrs import Factory, define, field

DAY: Final = 86400
"""Seconds; days begin at midnight UTC."""


class Days(Protocol):
    """
    Counts what owners send in a day, at one server or at several.

    A day is told by its beginning, in seconds since the epoch.  Every method may
    raise :class:`~hmacfs.stores.interfaces.StoreFailed`.
    """

    def add(self, owner: str, day: int, upload: str, size: int) -> Awaitable[None]:
        """
        Count bytes, unless that was done.

        :param upload: what tells these bytes from all others of the owner.
        """

    def total(self, owner: str, day: int) -> Awaitable[int]:
        """Tell the bytes of an owner's day."""

    def forget(self, owner: str, day: int) -> Awaitable[None]:
        """Count an owner's day anew."""


@define
class OwnDays:
    """The :class:`Days` of one process, which knows the last one that was asked for."""

    _day: int = field(init=False, default=0)
    _sent: dict[str, dict[str, int]] = field(init=False, repr=False, default=Factory(dict))

    async def add(self, owner: str, day: int, upload: str, size: int) -> None:
        """Count bytes, unless that was done, or the day is over."""
        if day > self._day:
            self._day = day
            self._sent.clear()
        if day == self._day:
            self._sent.setdefault(owner, {}).setdefault(upload, size)

    async def total(self, owner: str, day: int) -> int:
        """Tell the bytes of an owner's day."""
        return sum(self._sent.get(owner, {}).values()) if day == self._day else 0

    async def forget(self, owner: str, day: int) -> None:
        """Count an owner's day anew."""
        if day == self._day:
            self._sent.pop(owner, None)
