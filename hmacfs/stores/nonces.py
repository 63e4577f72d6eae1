"""Signatures that count once, in the shared state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import frozen

from hmacfs.stores.interfaces import PAGE
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

    async def forget(self, is_meant: Callable[[bytes], bool]) -> int:
        """Forget the records that are meant, and tell how many those were."""
        count, after = 0, (KIND, "")
        while page := await self.state.entries(after, PAGE):
            for named in page:
                if named.kind != KIND:
                    return count
                if is_meant(named.entry.value):
                    await self.state.delete(KIND, named.key)
                    count += 1
            after = (page[-1].kind, page[-1].key)
        return count
