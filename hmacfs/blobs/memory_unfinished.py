"""Unfinished uploads in memory: the twin of the local ones, for tests and trials."""

from __future__ import annotations

from attrs import define, field
from twisted.internet.defer import Deferred, succeed

from hmacfs.blobs.interfaces import (
    Blobs,
    NameExists,
    StagedBlob,
    StorageFailed,
    StorageFull,
    UnfinishedBlob,
)
from hmacfs.flow.pools import Lane, Pool, acquire, close_if_any


@define(eq=False)
class _Kept:
    """Bytes and facts; no bytes when the upload is concluded."""

    facts: bytes
    data: bytearray | None = field(init=False, factory=bytearray)


@define(eq=False)
class MemoryUnfinishedBlob:
    """An unfinished upload; ``lane`` orders all work on it."""

    lane: Lane
    kept: _Kept
    _capacity: int
    closed: bool = field(init=False, default=False)

    def write_at(self, offset: int, data: bytes | memoryview) -> None:
        """Put bytes in their place; see :class:`UnfinishedBlob`."""
        content = self._content()
        room = max(0, self._capacity - offset)
        if len(content) < offset:
            content.extend(bytes(min(offset, self._capacity) - len(content)))
        content[offset : offset + len(data)] = data[:room]
        if room < len(data):
            raise StorageFull("cannot write to an unfinished upload: the memory is full")

    def read_at(self, offset: int, length: int) -> bytes:
        """Read bytes; see :class:`UnfinishedBlob`."""
        return bytes(self._content()[offset : offset + length])

    def keep(self, facts: bytes) -> None:
        """Keep the facts; see :class:`UnfinishedBlob`."""
        self._content()
        self.kept.facts = facts

    def close(self) -> None:
        """Let go."""
        self.closed = True

    def _content(self) -> bytearray:
        if self.closed or self.kept.data is None:
            raise StorageFailed("an unfinished upload is closed")
        return self.kept.data


class MemoryUnfinished:
    """
    Keeps unfinished uploads in memory; see :class:`~hmacfs.blobs.interfaces.Unfinished`.

    :param blobs: what the bytes are handed over to.
    :param pool: where everything runs that would touch a disk.
    :ivar capacity: the most bytes of each.
    """

    def __init__(self, blobs: Blobs, pool: Pool, capacity: int = 1 << 40) -> None:
        self.capacity = capacity
        self._blobs = blobs
        self._pool = pool
        self._kept: dict[str, _Kept] = {}

    def begin(self, key: str, facts: bytes) -> Deferred[UnfinishedBlob]:
        """Begin; see :meth:`Unfinished.begin`."""
        return acquire(self._pool, lambda: self._begin(key, facts), close_if_any)

    def _begin(self, key: str, facts: bytes) -> UnfinishedBlob:
        if key in self._kept:
            raise NameExists(f"{key} is in use")
        kept = self._kept[key] = _Kept(facts)
        return MemoryUnfinishedBlob(Lane(self._pool), kept, self.capacity)

    def open(self, key: str) -> Deferred[UnfinishedBlob | None]:
        """Open the bytes; see :meth:`Unfinished.open`."""
        return acquire(self._pool, lambda: self._open(key), close_if_any)

    def _open(self, key: str) -> UnfinishedBlob | None:
        kept = self._kept.get(key)
        if kept is None or kept.data is None:
            return None
        return MemoryUnfinishedBlob(Lane(self._pool), kept, self.capacity)

    def find(self, key: str) -> Deferred[bytes | None]:
        """Tell the facts; see :meth:`Unfinished.find`."""
        return self._pool.run(self._find, key)

    def _find(self, key: str) -> bytes | None:
        kept = self._kept.get(key)
        return None if kept is None else kept.facts

    def conclude(self, key: str, facts: bytes) -> Deferred[None]:
        """Keep only facts; see :meth:`Unfinished.conclude`."""
        return self._pool.run(self._conclude, key, facts)

    def _conclude(self, key: str, facts: bytes) -> None:
        kept = self._kept.setdefault(key, _Kept(facts))
        kept.facts, kept.data = facts, None

    def forget(self, key: str) -> Deferred[None]:
        """Let everything go; see :meth:`Unfinished.forget`."""
        return self._pool.run(self._forget, key)

    def _forget(self, key: str) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            kept.data = None

    def keys(self) -> Deferred[list[str]]:
        """Tell all keys; see :meth:`Unfinished.keys`."""
        return self._pool.run(lambda: list(self._kept))

    def hand_over(self, blob: UnfinishedBlob, length: int) -> Deferred[StagedBlob]:
        """Give the bytes on; see :meth:`Unfinished.hand_over`."""
        return Deferred.fromCoroutine(self._hand_over(blob, length))

    async def _hand_over(self, blob: UnfinishedBlob, length: int) -> StagedBlob:
        if not isinstance(blob, MemoryUnfinishedBlob):
            raise TypeError(f"{blob!r} was not begun here")
        content = await blob.lane.run(lambda: blob.read_at(0, length))
        staged = await self._blobs.stage()
        await staged.lane.run(staged.write, content)
        return staged

    def close(self) -> Deferred[None]:
        """Let go of nothing: what is kept stays."""
        return succeed(None)
