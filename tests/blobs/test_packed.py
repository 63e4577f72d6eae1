"""Tests of files that lie in containers."""

from __future__ import annotations

import stat
from hashlib import sha256
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.blobs.catalogue import Catalogue, Packed
from hmacfs.blobs.interfaces import Found, NameExists, OpenBlob, Passed, StorageFailed
from hmacfs.blobs.packed import PackedBlobs
from hmacfs.flow.pools import InlinePool
from tests.blobs.samples import named
from tests.flow.awaiting import now

FILES = {"first": b"12345", "folder/second": b"", "third": b"678"}


class PackedCase(SynchronousTestCase):
    """A storage with a container that has all files."""

    def setUp(self) -> None:
        directory = Path(self.mktemp()).resolve()
        self.blobs = PackedBlobs(directory / "files", InlinePool())
        now(self.blobs.start())
        self.addCleanup(lambda: now(self.blobs.close()))
        self.catalogue = self.blobs.catalogue
        self.container = directory / "container"
        self.pack(self.container)

    def pack(self, container: Path) -> None:
        """Put all files into a container."""
        container.write_bytes(b"--" + b"".join(FILES.values()))
        packed, start = [], 2
        for name, data in FILES.items():
            digest = sha256(data).digest()
            packed.append(Packed(named(name), container, start, len(data), digest))
            start += len(data)
        self.catalogue.add(packed)

    def opened(self, name: str) -> OpenBlob:
        """Open a file."""
        blob = now(self.blobs.open(named(name)))
        assert blob is not None
        self.addCleanup(blob.close)
        return blob

    def place(self, name: str, data: bytes) -> None:
        """Put a file on the disk."""
        path = self.blobs.internal_path.parent / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)


class PackedBlobsTests(PackedCase):
    """``PackedBlobs``."""

    def test_read(self) -> None:
        """The bytes of a file are those of its piece, and no more."""
        for name, data in FILES.items():
            blob = self.opened(name)
            self.assertEqual((blob.size, blob.read_at(0, 99)), (len(data), data))
            self.assertEqual(blob.read_at(1, 2), data[1:3])
            self.assertEqual(blob.read_at(99, 1), b"")
        self.assertIsNone(now(self.blobs.open(named("fourth"))))

    def test_mode(self) -> None:
        """The names of the files are for nobody else to read."""
        self.assertEqual(stat.S_IMODE(self.catalogue.path.stat().st_mode), 0o600)

    def test_disk_first(self) -> None:
        """A file that lies on the disk too is read from there."""
        self.place("first", b"on the disk")
        self.assertEqual(self.opened("first").read_at(0, 99), b"on the disk")

    def test_cut_short(self) -> None:
        """A container that has lost its end, or is away, fails those who ask for what it had."""
        self.container.write_bytes(self.container.read_bytes()[:-1])
        self.assertEqual(self.opened("first").read_at(0, 99), b"12345")
        with self.assertRaisesRegex(StorageFailed, "cut short"):
            now(self.blobs.open(named("third")))
        self.container.unlink()
        with self.assertRaisesRegex(StorageFailed, "container"):
            now(self.blobs.open(named("first")))

    def test_removed(self) -> None:
        """A file that is removed is gone; with the last one goes the container."""
        for name in FILES:
            self.assertTrue(self.container.exists())
            self.assertTrue(now(self.blobs.remove(named(name))))
            self.assertIsNone(now(self.blobs.open(named(name))))
            self.assertFalse(now(self.blobs.remove(named(name))))
        self.assertFalse(self.container.exists())
        self.assertEqual(self.catalogue.containers(), [])

    def test_walk(self) -> None:
        """Who looks through all files meets each once, wherever it lies."""
        self.place("first", b"on the disk")
        self.place("other", b"other")
        sizes = {str(found.name): found.size for found in self.walked() if isinstance(found, Found)}
        self.assertEqual(sizes, {"first": 11, "other": 5, "folder/second": 0, "third": 3})
        self.container.unlink()
        passed = {found.path for found in self.walked() if isinstance(found, Passed)}
        self.assertEqual(passed, {b"folder/second", b"third"})

    def walked(self) -> list[Found | Passed]:
        """Look through all files."""

        async def walk() -> list[Found | Passed]:
            return [found async for some in self.blobs.walk() for found in some]

        return now(walk())


class ExchangeTests(PackedCase):
    """Files that are replaced, kept under another name, and put back, wherever they lie."""

    def check(self, **expected: bytes | None) -> None:
        """Fail unless these names have these bytes, or none."""
        found = {}
        for name in expected:
            blob = now(self.blobs.open(named(name)))
            found[name] = None if blob is None else blob.read_at(0, 99)
            if blob is not None:
                blob.close()
        self.assertEqual(found, expected)

    def replace(self, name: str, data: bytes) -> None:
        """Put new bytes in the place of a file."""
        blob = now(self.blobs.stage())
        blob.write(data)
        try:
            now(self.blobs.replace(blob, named(name), b"intent"))
        finally:
            now(self.blobs.settle(blob))

    def link(self, name: str, other: str) -> bool:
        """Give a file a second name."""
        return now(self.blobs.link(named(name), named(other)))

    def rename(self, name: str, other: str) -> None:
        """Let a file take the place of another."""
        now(self.blobs.rename(named(name), named(other)))

    def test_replaced(self) -> None:
        """What is replaced has the new bytes; what was kept before has the old ones."""
        self.assertTrue(self.link("first", "kept"))
        self.replace("first", b"new")
        self.check(first=b"new", kept=b"12345", third=b"678")
        self.replace("first", b"newer")
        self.check(first=b"newer", kept=b"12345")
        self.assertIsNone(self.catalogue.find(named("first")))
        self.assertRaises(NameExists, self.replace, "none", b"new")
        self.assertFalse(self.link("none", "other"))
        self.assertRaises(NameExists, self.link, "third", "first")
        self.assertRaises(NameExists, self.link, "third", "kept")

    def test_renamed(self) -> None:
        """A file takes the place of another, in whichever of both places each of them lies."""
        for on_disk in ((), ("first",), ("third",), ("first", "third")):
            self.setUp()
            for name in on_disk:
                self.replace(name, FILES[name])
            self.rename("first", "third")
            self.check(first=None, third=b"12345")
            self.assertRaises(NameExists, self.rename, "third", "none")

    def test_container_goes(self) -> None:
        """A container goes when neither a file nor a version is read from it any more."""
        for name in FILES:
            self.link(name, f"kept/{name}")
            self.replace(name, b"new")
        for name in FILES:
            self.assertTrue(self.container.exists())
            now(self.blobs.remove(named(f"kept/{name}")))
        self.assertFalse(self.container.exists())


class CatalogueTests(PackedCase):
    """``Catalogue``."""

    def test_being_made(self) -> None:
        """While the first packing makes it there is nothing in it, and nobody fails for that."""
        path = Path(self.mktemp())
        path.touch()
        catalogue = Catalogue(path)
        self.assertIsNone(catalogue.find(named("first")))
        self.assertFalse(catalogue.forget(named("first")))
        told = [catalogue.containers(), catalogue.sweep(), catalogue.page(b"")]
        self.assertEqual([*told, catalogue.files(self.container)], [[], [], [], []])

    def test_nothing_yet(self) -> None:
        """Before something is packed there is no file, and looking makes none."""
        path = self.container.with_name("catalogue")
        catalogue = Catalogue(path)
        self.assertIsNone(catalogue.find(named("first")))
        self.assertFalse(catalogue.forget(named("first")))
        self.assertEqual((catalogue.containers(), catalogue.sweep()), ([], []))
        self.assertFalse(path.exists())

    def test_moved(self) -> None:
        """A file that is recorded again is read from where it is now; its old container goes."""
        other = self.container.with_name("other")
        self.pack(other)
        self.assertEqual(self.catalogue.containers(), [(other, 3, 8)])
        self.assertEqual(self.catalogue.sweep(), [self.container])
        self.assertFalse(self.container.exists())
        self.assertEqual(self.opened("first").read_at(0, 99), b"12345")

    def test_announced(self) -> None:
        """A container that is being written stays when files of others are forgotten."""
        new = self.container.with_name("new")
        new.write_bytes(b"new")
        self.catalogue.announce(new)
        for name in FILES:
            self.catalogue.forget(named(name))
        self.assertTrue(new.exists())
        self.assertEqual(self.catalogue.sweep(), [new])
        self.assertFalse(new.exists())

    def test_pages(self) -> None:
        """All files are told, page by page in the order of their names."""
        many = [
            Packed(named(f"many/{number:04}"), self.container, 0, 1, b"x" * 32)
            for number in range(1200)
        ]
        self.catalogue.add(many)
        told: list[str] = []
        while page := self.catalogue.page(told[-1].encode() if told else b""):
            told += [str(file.name) for file in page]
        self.assertEqual(told, sorted([*FILES, *(str(file.name) for file in many)]))

    def test_broken(self) -> None:
        """A catalogue that cannot be read is a failure, and no empty one."""
        self.catalogue.path.write_bytes(b"no database" * 1000)
        with self.assertRaisesRegex(StorageFailed, "packed.sqlite"):
            self.catalogue.find(named("first"))
