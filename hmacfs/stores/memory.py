"""The index in memory: the twin of the durable ones, for tests and trials."""

from __future__ import annotations

from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed

from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.stores.interfaces import StoreFailed


@define
class MemoryIndex:
    """An :class:`~hmacfs.stores.interfaces.Index` that ends with its process."""

    _known: dict[StoredName, StoredFile | Tombstone] = field(init=False, factory=dict)
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
        self._known[file.name] = file
        return succeed(None)

    def bury(self, tombstone: Tombstone) -> Deferred[StoredFile | None]:
        """Put a tombstone in the place of what was known of its name, and tell what file it was."""
        if self._closed:
            return _refused()
        before = self._known.get(tombstone.name)
        self._known[tombstone.name] = tombstone
        return succeed(before if isinstance(before, StoredFile) else None)

    def used_by(self, owner: str) -> Deferred[int]:
        """Tell how many bytes the files of this owner have together."""
        if self._closed:
            return _refused()
        files = (known for known in self._known.values() if isinstance(known, StoredFile))
        return succeed(sum(file.size for file in files if file.owner == owner))

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

    def close(self) -> Deferred[None]:
        """Refuse whatever is asked from now on."""
        self._closed = True
        return succeed(None)


def _refused() -> Deferred[Any]:
    return fail(StoreFailed("the index is closed"))
