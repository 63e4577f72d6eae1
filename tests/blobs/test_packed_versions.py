"""Files in containers, and what becomes of them when another is put in their place."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.blobs.catalogue import Packed
from hmacfs.blobs.interfaces import NameExists
from hmacfs.blobs.packed import PackedBlobs
from hmacfs.flow.pools import InlinePool
from tests.blobs.descriptors import close_below
from tests.blobs.samples import content, named, staged, store
from tests.flow.awaiting import now

A = named("folder/a")
VERSION = A.version("1-a")


class PackedTests(SynchronousTestCase):
    """A file that lies in a container, and nowhere else."""

    def setUp(self) -> None:
        path = Path(self.mktemp()).resolve()
        self.addCleanup(close_below, path)
        self.blobs = PackedBlobs(path, InlinePool())
        now(self.blobs.start())
        container = path.with_name("container")
        container.write_bytes(b"before packed after")
        self.blobs.catalogue.add([Packed(A, container, 7, 6, b"")])

    def assert_holds(self, name: object, data: bytes | None) -> None:
        """Fail unless the bytes of the file, or the version, are these."""
        self.assertEqual(now(content(self.blobs, VERSION if name == "version" else A)), data)

    def replace(self, data: bytes) -> None:
        """Put other bytes in the place of the file."""
        blob = now(staged(self.blobs, data))
        now(self.blobs.replace(blob, A, b"facts"))
        now(self.blobs.settle(blob))

    def test_version(self) -> None:
        """It becomes a version without a byte being copied, and goes with its name."""
        self.assertTrue(now(self.blobs.link(A, VERSION)))
        self.replace(b"new")
        self.assert_holds("file", b"new")
        self.assert_holds("version", b"packed")
        self.assertTrue(now(self.blobs.remove(A)))
        self.assert_holds("file", None)
        self.assert_holds("version", b"packed")
        self.assertTrue(now(self.blobs.remove(VERSION)))
        self.assert_holds("version", None)

    def test_put_back(self) -> None:
        """The version takes the place of the file again."""
        now(self.blobs.link(A, VERSION))
        self.replace(b"new")
        now(self.blobs.rename(VERSION, A))
        self.assert_holds("file", b"packed")
        self.assert_holds("version", None)

    def test_put_back_on_disk(self) -> None:
        """A version on the disk takes the place of a file of which a container knows too."""
        now(store(self.blobs, "folder/a", b"on the disk"))
        now(self.blobs.link(A, VERSION))
        self.replace(b"new")
        now(self.blobs.rename(VERSION, A))
        self.assert_holds("file", b"on the disk")
        now(self.blobs.remove(A))
        self.assert_holds("file", None)

    def test_no_file(self) -> None:
        """What is not there has no second name, and nothing takes its place."""
        self.assertFalse(now(self.blobs.link(named("folder/b"), VERSION)))
        now(self.blobs.link(A, VERSION))
        with self.assertRaises(NameExists):
            now(self.blobs.link(A, VERSION))
        now(self.blobs.remove(A))
        with self.assertRaises(NameExists):
            self.replace(b"new")
