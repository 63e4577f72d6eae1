"""Tests of taking files away by order of who runs the server."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import ContentBlocked, Gone, Unknown
from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.blobs.interfaces import StorageFailed
from hmacfs.blobs.memory import MemoryBlobs
from hmacfs.flow.pools import InlinePool
from hmacfs.library.takedown import STEP, Takedown
from hmacfs.stores.memory import MemoryIndex
from tests.blobs.samples import content, named, store
from tests.flow.awaiting import now
from tests.stores.samples import buried, stored

CONTENT = b"content"
DIGEST = sha256(CONTENT).digest()
NOW = 1_700_000_000.0


class BrokenBlobs(MemoryBlobs):
    """Files that cannot be removed."""

    def remove(self, name: StoredName) -> Deferred[bool]:
        """Fail."""
        return self._pool.run(self._broken)

    def _broken(self) -> bool:
        raise StorageFailed("cannot remove it")


class TakedownCase(SynchronousTestCase):
    """Files that are stored and known."""

    def setUp(self) -> None:
        self.index = MemoryIndex()
        self.use(MemoryBlobs(InlinePool()))

    def use(self, blobs: MemoryBlobs) -> None:
        """Keep files here."""
        self.blobs = blobs
        self.takedown = Takedown(self.index, blobs, lambda: NOW)

    def add(self, name: str, **facts: Any) -> StoredFile:
        """Store a file."""
        file = stored(name, **{"sha256": DIGEST, "size": len(CONTENT)} | facts)
        now(store(self.blobs, name, CONTENT))
        now(self.index.add(file))
        return file

    def is_removed(self, name: str) -> bool:
        """Whether there is a tombstone in the place of a file, and no bytes."""
        grave = Tombstone(named(name), NOW, "taken-down")
        known = now(self.index.find(named(name)))
        return known == grave and now(content(self.blobs, named(name))) is None


class RemoveTests(TakedownCase):
    """``Takedown.remove``."""

    def test_file(self) -> None:
        """The file goes, a tombstone stays, and it is told what it was; others stay."""
        file, other = self.add("folder/file"), self.add("folder/other")
        self.assertEqual(now(self.takedown.remove(file.name)), file)
        self.assertTrue(self.is_removed("folder/file"))
        self.assertEqual(now(self.index.find(other.name)), other)
        self.assertEqual(now(content(self.blobs, other.name)), CONTENT)

    def test_unknown(self) -> None:
        """A name that was never used is refused, and leaves no tombstone."""
        with self.assertRaises(Unknown):
            now(self.takedown.remove(named("never")))
        self.assertIsNone(now(self.index.find(named("never"))))

    def test_gone(self) -> None:
        """A name that was removed before is told so, and its tombstone is not made younger."""
        now(self.index.bury(buried()))
        with self.assertRaisesRegex(Gone, "deleted"):
            now(self.takedown.remove(buried().name))
        self.assertEqual(now(self.index.find(buried().name)), buried())

    def test_not_in_the_index(self) -> None:
        """Bytes that the index does not know are removed too, and the name is buried."""
        now(store(self.blobs, "file", CONTENT))
        self.assertIsNone(now(self.takedown.remove(named("file"))))
        self.assertTrue(self.is_removed("file"))

    def test_only_in_the_index(self) -> None:
        """A row without bytes is buried."""
        file = stored("file")
        now(self.index.add(file))
        self.assertEqual(now(self.takedown.remove(file.name)), file)
        self.assertTrue(self.is_removed("file"))

    def test_cut_short(self) -> None:
        """When the bytes could not be removed nobody sees the file, and it can be tried again."""
        self.use(BrokenBlobs(InlinePool()))
        self.add("file")
        with self.assertRaises(StorageFailed):
            now(self.takedown.remove(named("file")))
        self.assertIsInstance(now(self.index.find(named("file"))), Tombstone)
        whole = MemoryBlobs(InlinePool())
        now(store(whole, "file", CONTENT))
        self.use(whole)
        now(self.takedown.remove(named("file")))
        self.assertTrue(self.is_removed("file"))


class DigestTests(TakedownCase):
    """``Takedown.remove_digest`` and ``Takedown.block``."""

    async def removed(self, digest: bytes) -> list[str]:
        """Remove the files of these bytes, and return their names."""
        return [str(file.name) async for file in self.takedown.remove_digest(digest)]

    def test_all(self) -> None:
        """Every file of the bytes goes, however many they are; others stay."""
        names = [f"{number:04}" for number in range(2 * STEP + 1)]
        for name in names:
            self.add(name)
        other = self.add("other", sha256=b"\1" * 32)
        self.assertEqual(now(self.removed(DIGEST)), names)
        self.assertTrue(all(self.is_removed(name) for name in names))
        self.assertEqual(now(self.index.find(other.name)), other)

    def test_none(self) -> None:
        """Bytes that no file has remove nothing."""
        self.add("file")
        self.assertEqual(now(self.removed(b"\1" * 32)), [])

    def test_block(self) -> None:
        """Blocked bytes are not taken again under any name."""
        self.add("file")
        now(self.takedown.block(DIGEST))
        self.assertEqual(now(self.removed(DIGEST)), ["file"])
        with self.assertRaises(ContentBlocked):
            now(self.index.add(stored("other", sha256=DIGEST)))
