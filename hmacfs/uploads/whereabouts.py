"""Which host has an unfinished upload: its bytes rest on one, and requests may come to another."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol


class Whereabouts(Protocol):
    """What hosts tell each other; when they cannot, each knows of its own uploads only."""

    def note(self, id: str, until: float) -> Awaitable[None]:
        """
        Tell the others that an upload is here.

        :param until: when nobody needs to know that any more, in seconds since the epoch.
        """

    def forget(self, id: str) -> Awaitable[None]:
        """Tell the others nothing of an upload any more."""

    def elsewhere(self, id: str) -> Awaitable[bool]:
        """Tell whether another host has an upload, and is alive."""


class OnlyHere:
    """Of a host that has no others beside it."""

    async def note(self, id: str, until: float) -> None:
        """Tell nobody."""

    async def forget(self, id: str) -> None:
        """Have told nobody."""

    async def elsewhere(self, id: str) -> bool:
        """Know of no other host."""
        return False
