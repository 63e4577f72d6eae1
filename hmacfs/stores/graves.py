"""
Entries that are deleted leave a grave, so that no other store brings them back.

A state that is one of two cannot simply forget an entry: the other may still
have it.  A grave is newer than what it stands for, and lasts as long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import frozen

from hmacfs.stores.state import ABSENT, START, Entry, Named, State

GRAVE: Final = b"\0hmacfs: deleted\0"
"""The value of an entry that is not there.  No other entry has it."""

LONGEST: Final = 86_400.0
"""Seconds for which a grave is kept of which nobody knows for how long the entry would be."""


def is_grave(entry: Entry | None) -> bool:
    """Tell whether an entry stands for one that was deleted."""
    return entry is not None and entry.value == GRAVE


@frozen
class Graveyard:
    """
    Asks a state in which there are graves as if there were none.

    :param now: tells seconds since the epoch.
    """

    state: State
    now: Callable[[], float]

    async def find(self, kind: str, key: str) -> Entry | None:
        """Tell an entry, or ``None``."""
        entry = await self.state.find(kind, key)
        return None if is_grave(entry) else entry

    async def claim(self, kind: str, key: str, value: bytes, until: float) -> Entry:
        """Keep an entry unless there is one; tell which there is now."""
        while is_grave(entry := await self.state.claim(kind, key, value, until)):
            # If that is not done, somebody was faster, and is told next.
            await self.state.put(kind, key, value, until, entry.sequence)
        return entry

    async def put(
        self, kind: str, key: str, value: bytes, until: float, expected: int | None
    ) -> bool:
        """Keep an entry in the place of the one that is there; tell whether that was done."""
        if await self.state.put(kind, key, value, until, expected):
            return True
        there = await self.state.find(kind, key) if expected == ABSENT else None
        if there is None or not is_grave(there):
            return False
        return await self.state.put(kind, key, value, until, there.sequence)

    async def bury(self, kind: str, key: str) -> None:
        """Leave a grave in the place of an entry, also of one that another state may have."""
        entry = await self.state.find(kind, key)
        if is_grave(entry):
            return
        until = self.now() + LONGEST if entry is None else entry.until
        await self.state.put(kind, key, GRAVE, until)

    async def entries(self, after: tuple[str, str], limit: int) -> list[Named]:
        """Tell the entries after a kind and key, in the order of their bytes, at most so many."""
        found: list[Named] = []
        while len(found) < limit and (page := await self.state.entries(after, limit)):
            found += [named for named in page if not is_grave(named.entry)]
            after = page[-1].kind, page[-1].key
        return found[:limit]


async def clear_graves(state: State) -> None:
    """Make a state whole that is no longer one of two."""
    after = START
    while page := await state.entries(after, 500):
        for named in page:
            if is_grave(named.entry):
                await state.delete(named.kind, named.key)
        after = page[-1].kind, page[-1].key
