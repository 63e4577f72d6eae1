"""Moments that several servers count by, in the shared state."""

from __future__ import annotations

import struct
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from attrs import frozen

from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.state import ABSENT, State

KIND: Final = "rate"
"""The kind of their entries."""

ATTEMPTS: Final = 20
"""How often a change is tried when others change the same at the same time."""

_MOMENT: Final = struct.Struct("!d")


@frozen
class StateMeters:
    """See :class:`hmacfs.rules.rates.Meters`; who reads the store need not know who is counted."""

    state: State

    async def change(self, key: str, change: Callable[[float], float | None]) -> None:
        """
        Put what ``change`` makes of the moment that is kept in its place.

        :raises StoreFailed: if the store fails, or others are faster every time.
        """
        digest = sha256(key.encode()).hexdigest()
        for _ in range(ATTEMPTS):
            there = await self.state.find(KIND, digest)
            moment = change(0.0 if there is None else _MOMENT.unpack(there.value)[0])
            if moment is None:
                return
            expected = ABSENT if there is None else there.sequence
            value = _MOMENT.pack(moment)
            # A moment that is over is as good as none.
            if await self.state.put(KIND, digest, value, moment, expected):
                return
        raise StoreFailed("too many change the same count at the same time")

    async def forget(self, key: str) -> None:
        """Count anew."""
        await self.state.delete(KIND, sha256(key.encode()).hexdigest())
