"""Signatures that count once, in the shared state."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from hmacfs.stores.state import State

KIND: Final = "nonce"
"""The kind of their entries."""


@frozen
class StateReplays:
    """The memory of signatures that count once; see :class:`hmacfs.auth.replay.Replays`."""

    state: State

    async def find(self, key: str) -> bytes | None:
        """Tell the record of this key, or ``None``."""
        entry = await self.state.find(KIND, key)
        return None if entry is None else entry.value

    async def claim(self, key: str, until: float, record: bytes) -> bytes:
        """Remember the record of a key, unless one is remembered already; tell which is."""
        return (await self.state.claim(KIND, key, record, until)).value
