"""Stored files in memory: the twin of the local ones, for tests and trials."""

from __future__ import annotations

import secrets
import sys
from collections.abc import AsyncGenerator
from threading import Lock

from attrs import define, field
from twisted.internet.defer import Deferred

from hmacfs.base.names import StoredName
from hmacfs.blobs.interfaces import (
    Found,
    Leftover,
    NameExists,
    OpenBlob,
    Passed,
    StagedBlob,
    StorageFailed,
    StorageFull,
)
from hmacfs.flow.pools import Lane, Pool, acquire, close_if_any


@define(eq=False)
class _Content:
    """Bytes, and how many names they have, that of the stage among them."""

    data: bytearray = field(init=False, factory=bytearray)
    links: int = field(init=False, default=1)
    intent: bytes | None = field(init=False, default=None)


@define(eq=False)
class MemoryStagedBlob:
    """Bytes that are not visible yet; ``lane`` orders all work on them."""

    key: str
    lane: Lane
    _blobs: MemoryBlobs
    content: _Content = field(init=False, factory=_Content)
    closed: bool = field(init=False, default=False)

    def write(self, data: bytes | memoryview) -> None:
        """Append all of ``data``; see :class:`StagedBlob`."""
        if self.closed:
            raise StorageFailed("cannot write to the stage: it is closed")
        self._blobs.append(self.content, data)

    def read_at(self, offset: int, length: int) -> bytes:
        """Read at an offset; see :class:`StagedBlob`."""
        if self.closed:
            raise StorageFailed("cannot read a staged file: it is closed")
        return bytes(self.content.data[offset : offset + length])


@define(eq=False)
class MemoryOpenBlob:
    """Published bytes; they stay readable when they lose their name."""

    size: int
    lane: Lane
    _content: _Content
    _closed: bool = field(init=False, default=False)

    def read_at(self, offset: int, length: int) -> bytes:
        """Read at an offset; see :class:`OpenBlob`."""
        if self._closed:
            raise StorageFailed("cannot read a stored file: it is closed")
        return bytes(self._content.data[offset : offset + length])

    def close(self) -> None:
        """Let go."""
        self._closed = True


class MemoryBlobs:
    """
    Keeps files in memory; see :class:`~hmacfs.blobs.interfaces.Blobs`.

    Like a file system it has folders.  After something that the test takes for
    a crash, :meth:`leftovers` tells what it would have left.

    :param pool: where everything runs that would touch a disk.
    :ivar capacity: the most bytes to keep; it may be changed at any time.
    """

    def __init__(self, pool: Pool, capacity: int = sys.maxsize) -> None:
        self.capacity = capacity
        self._pool = pool
        # Works on different files meet here, each on a thread of its own.
        self._lock = Lock()
        self._staged: dict[str, _Content] = {}
        self._files: dict[StoredName, _Content] = {}
        self._folders: set[tuple[str, ...]] = set()
        self._used = 0

    def stage(self) -> Deferred[StagedBlob]:
        """Begin a file; see :meth:`Blobs.stage`."""
        return acquire(self._pool, self._make_stage, self._drop)

    def _make_stage(self) -> StagedBlob:
        blob = MemoryStagedBlob(secrets.token_hex(16), Lane(self._pool), self)
        with self._lock:
            self._staged[blob.key] = blob.content
        return blob

    def append(self, content: _Content, data: bytes | memoryview) -> None:
        """Store what there is room for; raises :class:`StorageFull` if that is not all."""
        with self._lock:
            taken = data[: max(0, self.capacity - self._used)]
            content.data += taken
            self._used += len(taken)
        if len(taken) < len(data):
            raise StorageFull("cannot write to the stage: the memory is full")

    def publish(self, staged: StagedBlob, name: StoredName, intent: bytes) -> Deferred[None]:
        """Name the staged bytes; see :meth:`Blobs.publish`."""
        blob = _ours(staged)
        return blob.lane.run(self._publish, blob, name, intent)

    def _publish(self, blob: MemoryStagedBlob, name: StoredName, intent: bytes) -> None:
        with self._lock:
            if blob.closed:
                raise StorageFailed(f"cannot publish {name}: the stage is closed")
            blob.closed = True
            blob.content.intent = intent
            for depth in range(1, len(name.segments)):
                folder = name.segments[:depth]
                if StoredName(folder) in self._files:
                    raise NameExists(f"{folder[-1]!r} on the way to {name} is not a folder")
                self._folders.add(folder)
            if name in self._files or name.segments in self._folders:
                raise NameExists(f"{name} exists")
            self._files[name] = blob.content
            blob.content.links += 1

    def replace(self, staged: StagedBlob, name: StoredName, intent: bytes) -> Deferred[None]:
        """Put the staged bytes in the place of a file; see :meth:`Blobs.replace`."""
        blob = _ours(staged)
        return blob.lane.run(self._replace, blob, name, intent)

    def _replace(self, blob: MemoryStagedBlob, name: StoredName, intent: bytes) -> None:
        with self._lock:
            if blob.closed:
                raise StorageFailed(f"cannot publish {name}: the stage is closed")
            old = self._files.get(name)
            if old is None:
                raise NameExists(f"{name} is no file")
            blob.closed = True
            blob.content.intent = intent
            self._files[name] = blob.content
            blob.content.links += 1
            self._unlink(old)

    def link(self, name: StoredName, other: StoredName) -> Deferred[bool]:
        """Give a file a second name; see :meth:`Blobs.link`."""
        return self._pool.run(self._link, name, other)

    def _link(self, name: StoredName, other: StoredName) -> bool:
        with self._lock:
            content = self._files.get(name)
            if content is None:
                return False
            if other in self._files or other.segments in self._folders:
                raise NameExists(f"{other} exists")
            self._folders.update(other.segments[:depth] for depth in range(1, len(other.segments)))
            self._files[other] = content
            content.links += 1
            return True

    def rename(self, name: StoredName, other: StoredName) -> Deferred[None]:
        """Give a file another name; see :meth:`Blobs.rename`."""
        return self._pool.run(self._rename, name, other)

    def _rename(self, name: StoredName, other: StoredName) -> None:
        with self._lock:
            content = self._files.pop(name, None)
            if content is None:
                raise StorageFailed(f"cannot rename {name}: there is no such file")
            old = self._files.get(other)
            self._files[other] = content
            if old is not None:
                self._unlink(old)

    def settle(self, staged: StagedBlob) -> Deferred[None]:
        """Forget the stage; see :meth:`Blobs.settle`."""
        blob = _ours(staged)
        return blob.lane.run(self._drop, blob)

    def _drop(self, staged: StagedBlob) -> None:
        blob = _ours(staged)
        blob.closed = True
        self._clear(blob.key)

    def _clear(self, key: str) -> None:
        with self._lock:
            content = self._staged.pop(key, None)
            if content is None:
                raise StorageFailed("cannot clear a staged file: there is none")
            content.intent = None
            self._unlink(content)

    def _unlink(self, content: _Content) -> None:
        content.links -= 1
        if content.links == 0:
            self._used -= len(content.data)

    def open(self, name: StoredName, whole: int = 0) -> Deferred[OpenBlob | None]:
        """Open a published file; see :meth:`Blobs.open`."""
        return acquire(self._pool, lambda: self._open(name), close_if_any)

    def _open(self, name: StoredName) -> OpenBlob | None:
        with self._lock:
            content = self._files.get(name)
            if content is None:
                return None
            return MemoryOpenBlob(len(content.data), Lane(self._pool), content)

    def remove(self, name: StoredName) -> Deferred[bool]:
        """Take a file away; see :meth:`Blobs.remove`."""
        return self._pool.run(self._remove, name)

    def _remove(self, name: StoredName) -> bool:
        with self._lock:
            content = self._files.pop(name, None)
            if content is None:
                return False
            self._unlink(content)
            for depth in range(len(name.segments) - 1, 0, -1):
                folder = name.segments[:depth]
                if any(each.segments[:depth] == folder for each in self._files):
                    break
                self._folders.discard(folder)
            return True

    def deduplicate(self, name: StoredName, sha256: bytes) -> Deferred[int]:
        """Let equal files have their bytes together; see :meth:`Blobs.deduplicate`."""
        return self._pool.run(self._deduplicate, name)

    def _deduplicate(self, name: StoredName) -> int:
        with self._lock:
            own = self._files.get(name)
            if own is None:
                return 0
            for other in self._files.values():
                if other is not own and other.data == own.data:
                    self._files[name] = other
                    other.links += 1
                    self._unlink(own)
                    return len(own.data)
            return 0

    @property
    def unpublished_bytes(self) -> int:
        """The bytes that are kept and are those of no published file."""
        with self._lock:
            published = {id(content): len(content.data) for content in self._files.values()}
            return self._used - sum(published.values())

    async def walk(self) -> AsyncGenerator[list[Found | Passed], None]:
        """Look through all files; see :meth:`Blobs.walk`."""
        if found := await self._pool.run(self._found):
            yield found

    def _found(self) -> list[Found | Passed]:
        with self._lock:
            return [
                Found(name, len(content.data), 0.0, content.intent)
                for name, content in self._files.items()
                if not name.is_version
            ]

    def leftovers(self) -> Deferred[list[Leftover]]:
        """Look for what a crash left; see :meth:`Blobs.leftovers`."""
        return self._pool.run(self._leftovers)

    def _leftovers(self) -> list[Leftover]:
        with self._lock:
            found = [
                Leftover(key, content.intent)
                for key, content in self._staged.items()
                if content.links > 1 and content.intent is not None
            ]
            unpublished = self._staged.keys() - {leftover.key for leftover in found}
        for key in unpublished:
            self._clear(key)
        return found

    def forget(self, leftover: Leftover) -> Deferred[None]:
        """Clear a leftover; see :meth:`Blobs.forget`."""
        return self._pool.run(self._clear, leftover.key)

    def free_bytes(self) -> Deferred[int]:
        """Tell the room left; see :meth:`Blobs.free_bytes`."""
        return self._pool.run(self._free_bytes)

    def _free_bytes(self) -> int:
        with self._lock:
            return max(0, self.capacity - self._used)


def _ours(staged: StagedBlob) -> MemoryStagedBlob:
    if not isinstance(staged, MemoryStagedBlob):
        raise TypeError(f"{staged!r} was not staged here")
    return staged
