"""Tests of how a file is found."""

from __future__ import annotations

import errno
from pathlib import Path

from attrs import evolve
from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import Gone, Unknown, Unreadable
from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.blobs.local import LocalBlobs
from hmacfs.blobs.memory import MemoryBlobs
from hmacfs.flow.pools import InlinePool
from hmacfs.library.lookup import Lookup
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.memory import MemoryIndex
from tests.blobs.descriptors import close_below, open_below
from tests.blobs.faulty import failing
from tests.blobs.samples import named, store
from tests.flow.awaiting import begun, now
from tests.flow.held_pool import HeldPool
from tests.stores.samples import stored

TOMBSTONE_AGE = 100.0
FILE = stored("a/b", size=7)


class LookupCase(SynchronousTestCase):
    """A file that is stored and known, at a time that the test sets."""

    def setUp(self) -> None:
        self.time = 1000.0
        self.index = MemoryIndex()
        self.blobs = MemoryBlobs(InlinePool())
        self.lookup = Lookup(self.index, self.blobs, TOMBSTONE_AGE, lambda: self.time)
        now(store(self.blobs, "a/b", b"content"))
        now(self.index.add(FILE))


class FindTests(LookupCase):
    """:meth:`Lookup.find`."""

    def test_known(self) -> None:
        """A file that is known is found with its facts."""
        self.assertEqual(now(self.lookup.find(FILE.name)), FILE)

    def test_unknown(self) -> None:
        """A name that was never used is unknown, and so is a folder."""
        for name in ("a/c", "a", "a/b/c"):
            with self.assertRaises(Unknown):
                now(self.lookup.find(named(name)))

    def test_expiry(self) -> None:
        """A file is there until the moment in which it expires, and gone from then on."""
        now(self.index.add(stored("a/b", size=7, expires_at=1005.0)))
        self.time = 1004.9
        now(self.lookup.find(FILE.name))
        self.time = 1005.0
        with self.assertRaises(Gone) as caught:
            now(self.lookup.find(FILE.name))
        self.assertIn("expired", caught.exception.detail)

    def test_max_age(self) -> None:
        """Where files may be so old and no older, each expires at the first moment that applies."""
        lookup = evolve(self.lookup, max_age=50.0)
        for end, expected in ((None, 1040.0), (1005.0, 1005.0), (2000.0, 1040.0)):
            now(self.index.add(stored("a/b", size=7, uploaded_at=990.0, expires_at=end)))
            self.assertEqual(now(lookup.find(FILE.name)).expires_at, expected)
        self.time = 1040.0
        with self.assertRaises(Gone):
            now(lookup.find(FILE.name))

    def test_deleted(self) -> None:
        """A deleted file is told to be gone, and why, for a while; then it is unknown."""
        now(self.index.bury(Tombstone(FILE.name, 1000.0, "taken-down")))
        self.time = 1000.0 + TOMBSTONE_AGE - 1
        with self.assertRaises(Gone) as caught:
            now(self.lookup.find(FILE.name))
        self.assertIn("taken-down", caught.exception.detail)
        self.time += 1
        with self.assertRaises(Unknown):
            now(self.lookup.find(FILE.name))

    def test_index_fails(self) -> None:
        """An index that cannot answer is not taken for one that does not know."""
        now(self.index.close())
        with self.assertRaises(StoreFailed):
            now(self.lookup.find(FILE.name))


class VersionTests(LookupCase):
    """:meth:`Lookup.versions`."""

    def test_versions(self) -> None:
        """Those are told that can be fetched, the oldest first."""
        self.assertEqual(now(self.lookup.versions(FILE.name)), [])
        for id, end in (("2-b", None), ("1-a", None), ("3-c", 900.0), ("4-d", None)):
            version = evolve(FILE, name=FILE.name.version(id), expires_at=end)
            now(self.index.add(version))
            if id != "4-d":
                now(self.blobs.link(FILE.name, version.name))
        found = now(self.lookup.versions(FILE.name))
        self.assertEqual([version.name.leaf for version in found], ["1-a", "2-b"])


class OpenTests(LookupCase):
    """:meth:`Lookup.opened`."""

    async def read(self, file: StoredFile) -> bytes:
        """Read the bytes of a file."""
        async with self.lookup.opened(file) as blob:
            self.assertEqual(blob.size, file.size)
            return await blob.lane.run(blob.read_at, 0, 100)

    def test_there(self) -> None:
        """The bytes of a file that was found can be read."""
        self.assertEqual(now(self.read(FILE)), b"content")

    def test_not_there(self) -> None:
        """Where the bytes are gone, the file is unknown."""
        now(self.blobs.remove(FILE.name))
        with self.assertRaises(Unknown):
            now(self.read(FILE))

    def test_others(self) -> None:
        """Bytes of another length are not those that were stored, and are not given out."""
        for size in (6, 8):
            with self.assertRaises(Unknown):
                now(self.read(stored("a/b", size=size)))


class DescriptorTests(SynchronousTestCase):
    """What is opened on a disk is closed again."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.addCleanup(close_below, self.path)
        self.pool = HeldPool()
        self.blobs = LocalBlobs(self.path, self.pool)
        with self.pool.at_once():
            now(self.blobs.start())
            now(store(self.blobs, "a/b", b"content"))
        self.lookup = Lookup(MemoryIndex(), self.blobs, TOMBSTONE_AGE, lambda: 0.0)
        self.before = open_below(self.path)

    async def read(self, size: int) -> bytes:
        """Read the bytes of the file, if it has so many."""
        async with self.lookup.opened(stored("a/b", size=size)) as blob:
            return await blob.lane.run(blob.read_at, 0, size)

    def test_read(self) -> None:
        """A file is closed when it is not wanted any more, before that is told."""
        reading = begun(self.read(7))
        self.pool.run_all()
        self.assertEqual(self.successResultOf(reading), b"content")
        self.assertEqual(open_below(self.path), self.before)

    def test_whole(self) -> None:
        """A small file is read and closed when it is opened, if so many bytes may be."""
        for whole, held in ((6, 1), (7, 0)):
            self.lookup = evolve(self.lookup, whole=whole)
            reading = begun(self.read(7))
            self.pool.step()
            self.assertEqual(len(open_below(self.path)) - len(self.before), held)
            self.pool.run_all()
            self.assertEqual(self.successResultOf(reading), b"content")
            self.assertEqual(open_below(self.path), self.before)

    def test_unreadable_whole(self) -> None:
        """One that breaks while it is read at once is closed, and unreadable."""
        self.lookup = evolve(self.lookup, whole=7)
        failing("pread", errno.EIO).install(self)
        reading = begun(self.read(7))
        self.pool.run_all()
        self.failureResultOf(reading, Unreadable)
        self.assertEqual(open_below(self.path), self.before)

    def test_others(self) -> None:
        """A file of another length is closed before it is told to be unknown."""
        reading = begun(self.read(8))
        self.pool.run_all()
        self.failureResultOf(reading, Unknown)
        self.assertEqual(open_below(self.path), self.before)

    def test_unreadable(self) -> None:
        """A file that the disk does not give out is unreadable, which is not to be unknown."""
        failing("open", errno.EACCES).install(self)
        reading = begun(self.read(7))
        self.pool.run_all()
        self.failureResultOf(reading, Unreadable)
        self.assertEqual(open_below(self.path), self.before)

    def test_cancelled(self) -> None:
        """Whenever who wanted the file goes away, it is closed, right or wrong."""
        for size, last in ((7, 6), (8, 4)):
            for steps in range(last):
                reading = begun(self.read(size))
                for _ in range(steps):
                    self.pool.step()
                reading.cancel()
                self.pool.run_all()
                self.failureResultOf(reading, CancelledError)
                self.assertEqual(open_below(self.path), self.before)
