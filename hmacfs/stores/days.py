"""How much owners have sent in a day, in the shared state."""

from __future__ import annotations

from collections.abc import Awaitable
from hashlib import sha256
from typing import Final

from attrs import frozen

from hmacfs.stores.interfaces import PAGE
from hmacfs.stores.state import Delta, State

DAY: Final = 86400.0
"""Seconds for which a day is kept, from its beginning."""


@frozen
class StateDays:
    """What owners have sent; see :class:`hmacfs.rules.days.Days`."""

    state: State

    def add(self, owner: str, day: int, upload: str, size: int) -> Awaitable[None]:
        """Count bytes, unless that was done."""
        return self.state.add(Delta(_counter(owner, day), _digest(upload), size, day + DAY))

    def total(self, owner: str, day: int) -> Awaitable[int]:
        """Tell the bytes of an owner's day."""
        return self.state.total(_counter(owner, day))

    async def forget(self, owner: str, day: int) -> None:
        """Count an owner's day anew."""
        counter = _counter(owner, day)
        after = (counter, "")
        while page := await self.state.deltas(after, PAGE):
            for delta in page:
                if delta.counter != counter:
                    return
                await self.state.subtract(delta)
            after = (page[-1].counter, page[-1].key)


def _counter(owner: str, day: int) -> str:
    # Who reads the store need not know who sends, and names may be longer than keys.
    return f"sent:{day}:{_digest(owner)}"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
