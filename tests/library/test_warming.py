"""Tests of hmacfs.library.warming."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.names import StoredName
from hmacfs.blobs.interfaces import OpenBlob, StorageFailed
from hmacfs.blobs.memory import MemoryBlobs
from hmacfs.flow.pools import InlinePool
from hmacfs.library.warming import PAGE, RECENT, Warming
from hmacfs.stores.memory import MemoryIndex
from tests.blobs.samples import store
from tests.flow.awaiting import begun, now
from tests.stores.samples import stored

NOW = 2 * RECENT


class WatchedBlobs(MemoryBlobs):
    """Files of which some cannot be opened."""

    def __init__(self) -> None:
        super().__init__(InlinePool())
        self.opened: list[str] = []

    def open(self, name: StoredName, whole: int = 0) -> Deferred[OpenBlob | None]:
        """Note it, and open it unless it is broken."""
        self.opened.append(str(name))
        if name.leaf == "broken":
            raise StorageFailed("broken")
        return super().open(name, whole)


class WarmingTests(SynchronousTestCase):
    """An index with files of several ages."""

    def setUp(self) -> None:
        self.index = MemoryIndex()
        self.blobs = WatchedBlobs()
        self.warming = Warming(self.index, self.blobs, 2, lambda: NOW)
        for name, age in (("old", RECENT + 1), ("a", 5), ("broken", 4), ("gone", 3), ("b", 2)):
            now(self.index.add(stored(name, uploaded_at=NOW - age)))
            if name != "gone":
                now(store(self.blobs, name, b"x"))
        self.blobs.opened.clear()

    def test_recent(self) -> None:
        """All rows are read and new files opened; what cannot be opened stops nothing."""
        self.assertEqual(now(begun(self.warming.run(lambda: True))), 5)
        self.assertEqual(self.blobs.opened, ["a", "broken", "gone", "b"])

    def test_many(self) -> None:
        """Rows are read page by page."""
        for number in range(PAGE):
            now(self.index.add(stored(f"f{number}", uploaded_at=1.0)))
        self.assertEqual(now(begun(self.warming.run(lambda: True))), PAGE + 5)

    def test_stopped(self) -> None:
        """When the server stops it ends."""
        self.assertEqual(now(begun(self.warming.run(lambda: False))), 0)
        self.assertEqual(self.blobs.opened, [])
