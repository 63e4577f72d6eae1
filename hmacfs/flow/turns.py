"""Works on the same thing, one after another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from twisted.internet.defer import DeferredLock


class Turns:
    """Lets one have its turn at a thing at a time, in the order they came; each thing by itself."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, DeferredLock] = {}

    @asynccontextmanager
    async def of(self, thing: Hashable) -> AsyncIterator[None]:
        """Wait for a turn at ``thing``, and have it."""
        lock = self._locks.setdefault(thing, DeferredLock())
        await lock.acquire()
        try:
            yield
        finally:
            # Whoever comes next may have ended, and made place for another lock, when it returns.
            lock.release()
            if not lock.locked and self._locks.get(thing) is lock:
                del self._locks[thing]

    @property
    def count(self) -> int:
        """How many things somebody has a turn at."""
        return len(self._locks)
