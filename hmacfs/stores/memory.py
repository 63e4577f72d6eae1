"""The index in memory: the twin of the durable ones, for tests and trials."""

from __future__ import annotations

from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed

from hmacfs.base.errors import ContentBlocked
from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.stores.interfaces import Block, Moment, StoreFailed


@define
class MemoryIndex:
    """An :class:`~hmacfs.stores.interfaces.Index` that ends with its process."""

    _known: dict[StoredName, StoredFile | Tombstone] = field(init=False, factory=dict)
    _blocked: dict[bytes, float] = field(init=False, factory=dict)
    _closed: bool = field(init=False, default=False)

    def find(self, name: StoredName) -> Deferred[StoredFile | Tombstone | None]:
        """Tell what is known of this name."""
        if self._closed:
            return _refused()
        return succeed(self._known.get(name))

    def add(self, file: StoredFile) -> Deferred[None]:
        """Record a file, in place of what was known of its name."""
        if self._closed:
            return _refused()
        if file.sha256 in self._blocked:
            return fail(ContentBlocked("these bytes are not taken here"))
        self._known[file.name] = file
        return succeed(None)

    def bury(self, tombstone: Tombstone) -> Deferred[StoredFile | None]:
        """Put a tombstone in the place of what was known of its name, and tell what file it was."""
        if self._closed:
            return _refused()
        before = self._known.get(tombstone.name)
        self._known[tombstone.name] = tombstone
        return succeed(before if isinstance(before, StoredFile) else None)

    def amend(
        self, before: StoredFile | None, after: StoredFile | Tombstone | None
    ) -> Deferred[bool]:
        """Put ``after`` in the place of ``before``, if that is known; tell whether."""
        if self._closed:
            return _refused()
        subject = before or after
        if subject is None or self._known.get(subject.name) != before:
            return succeed(False)
        if after is None:
            del self._known[subject.name]
            return succeed(True)
        if isinstance(after, Tombstone):
            return self.bury(after).addCallback(lambda _: True)
        return self.add(after).addCallback(lambda _: True)

    def page(self, start: str, limit: int) -> Deferred[list[StoredFile]]:
        """Tell the files from ``start`` on, in the order of their names, at most ``limit``."""
        if self._closed:
            return _refused()
        return succeed([file for file in self._files() if str(file.name) >= start][:limit])

    def with_digest(self, sha256: bytes, limit: int) -> Deferred[list[StoredFile]]:
        """Tell the first files of these bytes, in the order of their names, at most ``limit``."""
        if self._closed:
            return _refused()
        return succeed([file for file in self._files() if file.sha256 == sha256][:limit])

    def block(self, sha256: bytes, at: float) -> Deferred[None]:
        """Take no file of these bytes from now on."""
        if self._closed:
            return _refused()
        self._blocked.setdefault(sha256, at)
        return succeed(None)

    def oldest(
        self, after: Moment, limit: int, owner: str | None = None
    ) -> Deferred[list[StoredFile]]:
        """Tell the files that were uploaded after a moment, the oldest first."""
        if self._closed:
            return _refused()
        found = [
            ((file.uploaded_at, str(file.name)), file)
            for file in self._files()
            if owner in (None, file.owner)
        ]
        return succeed(_after(after, found)[:limit])

    def expiring(self, after: Moment, limit: int) -> Deferred[list[StoredFile]]:
        """Tell the files that expire, from a moment on, those that do first."""
        if self._closed:
            return _refused()
        found = [
            ((file.expires_at, str(file.name)), file)
            for file in self._files()
            if file.expires_at is not None
        ]
        return succeed(_after(after, found)[:limit])

    def total(self) -> Deferred[int]:
        """Tell how many bytes all files have together."""
        if self._closed:
            return _refused()
        return succeed(sum(file.size for file in self._files()))

    def used_by(self, owner: str, since: float | None = None) -> Deferred[int]:
        """Tell how many bytes the files of this owner have together."""
        if self._closed:
            return _refused()
        sizes = (
            file.size
            for file in self._files()
            if file.owner == owner and (since is None or file.uploaded_at >= since)
        )
        return succeed(sum(sizes))

    def clear_tombstones(self, before: float) -> Deferred[int]:
        """Forget tombstones older than ``before`` (seconds since the epoch); tell how many."""
        if self._closed:
            return _refused()
        old = [
            name
            for name, known in self._known.items()
            if isinstance(known, Tombstone) and known.buried_at < before
        ]
        for name in old:
            del self._known[name]
        return succeed(len(old))

    def buried(self, start: str, limit: int) -> Deferred[list[Tombstone]]:
        """Tell the tombstones from ``start`` on, in the order of their names, so many."""
        if self._closed:
            return _refused()
        there = [known for known in self._known.values() if isinstance(known, Tombstone)]
        there.sort(key=lambda tombstone: str(tombstone.name))
        return succeed([known for known in there if str(known.name) >= start][:limit])

    def blocked(self, after: bytes, limit: int) -> Deferred[list[Block]]:
        """Tell the bytes that are not taken whose digest is after this, in order, so many."""
        if self._closed:
            return _refused()
        blocks = [Block(*item) for item in sorted(self._blocked.items()) if item[0] > after]
        return succeed(blocks[:limit])

    def close(self) -> Deferred[None]:
        """Refuse whatever is asked from now on."""
        self._closed = True
        return succeed(None)

    def _files(self) -> list[StoredFile]:
        # Text compares by code points, which is the order of its UTF-8.
        files = [known for known in self._known.values() if isinstance(known, StoredFile)]
        return sorted(files, key=lambda file: str(file.name))


def _after(moment: Moment, found: list[tuple[Moment, StoredFile]]) -> list[StoredFile]:
    return [file for when, file in sorted(found, key=lambda pair: pair[0]) if when > moment]


def _refused() -> Deferred[Any]:
    return fail(StoreFailed("the index is closed"))
