"""Equal files have their bytes once on a real file system, and never lose them."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from hashlib import sha256
from pathlib import Path
from threading import Thread
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.blobs import contents
from hmacfs.blobs.contents import ContentStore
from hmacfs.blobs.interfaces import NameExists, StorageFailed
from hmacfs.blobs.local import LocalBlobs
from hmacfs.flow.pools import InlinePool
from tests.blobs.samples import content, named, store
from tests.flow.awaiting import now

DATA = b"the same bytes" * 1000
KEY = sha256(DATA).digest()


class ContentCase(SynchronousTestCase):
    """A storage whose equal files have their bytes together."""

    most = 0

    def setUp(self) -> None:
        self.path = Path(tempfile.mkdtemp(dir="/var/tmp"))
        self.addCleanup(shutil.rmtree, self.path, ignore_errors=True)
        self.store = ContentStore(self.path / "store/.hmacfs/contents", self.most)
        self.blobs = LocalBlobs(self.path / "store", InlinePool(), self.store)
        now(self.blobs.start())
        self.addCleanup(lambda: now(self.blobs.close()))

    def put(self, name: str, data: bytes = DATA) -> int:
        """Store a file, and tell what its bytes being there before saved."""
        now(store(self.blobs, name, data))
        return now(self.blobs.deduplicate(named(name), sha256(data).digest()))

    def has(self, name: str, data: bytes | None = DATA) -> None:
        """Check the bytes of a file."""
        self.assertEqual(now(content(self.blobs, named(name))), data)

    def inode(self, name: str) -> int:
        """Tell which bytes a file has."""
        return (self.path / "store" / name).stat().st_ino

    def kept(self) -> list[Path]:
        """Tell the contents."""
        return [path for path in self.store.directory.rglob("*") if path.is_file()]

    def no_scratch(self) -> None:
        """Check that no second name was left."""
        self.assertEqual(list((self.path / "store/.hmacfs/stage").iterdir()), [])


class SharingTests(ContentCase):
    """Storing and removing."""

    def test_once(self) -> None:
        """Equal files have one copy; the first saves nothing, each other its size."""
        self.assertEqual([self.put(name) for name in ("a", "f/b", "c")], [0, len(DATA), len(DATA)])
        self.assertEqual({self.inode(name) for name in ("a", "f/b", "c")}, {self.inode("a")})
        self.assertEqual(self.put("d", b"other"), 0)
        self.assertNotEqual(self.inode("d"), self.inode("a"))
        self.has("f/b")
        self.no_scratch()

    def test_removed_with_the_last(self) -> None:
        """The bytes stay while a file has them, and go with the last."""
        for name in ("a", "b", "c"):
            self.put(name)
        for name in ("a", "b"):
            now(self.blobs.remove(named(name)))
        self.has("c")
        self.assertEqual(len(self.kept()), 1)
        now(self.blobs.remove(named("c")))
        self.assertEqual(self.kept(), [])
        self.assertEqual(self.put("d"), 0)

    def test_again(self) -> None:
        """A file that has the common bytes saves nothing more; one that is gone neither."""
        self.put("a")
        self.put("b")
        self.assertEqual(now(self.blobs.deduplicate(named("b"), KEY)), 0)
        self.assertEqual(now(self.blobs.deduplicate(named("no/such"), KEY)), 0)

    def test_store_deleted(self) -> None:
        """When somebody deletes the store every file is whole, and a new one begins."""
        for name in ("a", "b"):
            self.put(name)
        shutil.rmtree(self.store.directory)
        self.has("a")
        now(self.blobs.remove(named("a")))
        self.has("b")
        self.assertEqual([self.put("c"), self.put("d")], [0, len(DATA)])
        for name in ("b", "c", "d"):
            self.has(name)

    def test_damaged(self) -> None:
        """A file keeps its own bytes where those of the store are others, and takes their place."""
        self.put("a")
        (self.path / "store/a").write_bytes(b"damaged")
        self.assertEqual(self.put("b"), 0)
        self.has("b")
        self.assertEqual(self.put("c"), len(DATA))
        self.assertEqual(self.inode("c"), self.inode("b"))

    def test_orphaned(self) -> None:
        """A content whose files somebody removed makes room for the next, and is not read."""
        self.put("a")
        (self.path / "store/a").unlink()
        self.patch(contents, "_equal", mock.Mock(side_effect=AssertionError("was read")))
        self.assertEqual(self.put("b"), 0)
        self.has("b")
        self.assertEqual([path.stat().st_ino for path in self.kept()], [self.inode("b")])
        self.assertEqual((self.path / "store/b").stat().st_nlink, 2)
        self.no_scratch()

    def test_planted(self) -> None:
        """What somebody plants in the store is not followed and not given out."""
        secret = self.path / "secret"
        secret.write_bytes(DATA)
        place = self.store.directory / KEY.hex()[:2] / KEY.hex()
        place.parent.mkdir(parents=True)
        for plant in (lambda: place.symlink_to(secret), place.mkdir, lambda: os.mkfifo(place)):
            plant()
            self.assertEqual(self.put("a"), 0)
            self.has("a")
            self.assertEqual((self.path / "store/a").stat().st_nlink, 1)
            now(self.blobs.remove(named("a")))
            place.rmdir() if place.is_dir() and not place.is_symlink() else place.unlink()
        place.parent.rmdir()
        place.parent.symlink_to(self.path)
        with self.assertRaises(StorageFailed):
            self.put("b")
        self.has("b")

    def test_no_exchange(self) -> None:
        """A file that is removed in the middle of it does not come back."""
        self.put("a")
        now(store(self.blobs, "b", DATA))
        exchange = contents._exchange

        def removed_before(one: int, name: str, other: int, leaf: str) -> None:
            (self.path / "store/b").unlink()
            exchange(one, name, other, leaf)

        with mock.patch.object(contents, "_exchange", removed_before):
            now(self.blobs.deduplicate(named("b"), KEY))
        self.has("b", None)
        self.no_scratch()

    def test_replaced_meanwhile(self) -> None:
        """A file that is replaced by another in the middle of it keeps the other's bytes."""
        self.put("a")
        now(store(self.blobs, "b", DATA))
        exchange = contents._exchange

        def replaced_before(one: int, name: str, other: int, leaf: str) -> None:
            with mock.patch.object(contents, "_exchange", exchange):
                (self.path / "store/new").write_bytes(b"newer")
                (self.path / "store/new").rename(self.path / "store/b")
            mocked.side_effect = exchange
            exchange(one, name, other, leaf)

        with mock.patch.object(contents, "_exchange", side_effect=replaced_before) as mocked:
            now(self.blobs.deduplicate(named("b"), KEY))
        self.has("b", b"newer")
        self.no_scratch()

    def test_many_names(self) -> None:
        """When the file system gives the bytes no more names, a new copy begins."""
        self.put("a")
        self.put("a2")
        link = os.link
        failures = iter([False, True])

        def full(*args: object, **named_args: object) -> None:
            if next(failures, False):
                raise OSError(errno.EMLINK, "too many links")
            link(*args, **named_args)  # type: ignore[arg-type]

        now(store(self.blobs, "b", DATA))
        with mock.patch.object(os, "link", full):
            self.assertEqual(now(self.blobs.deduplicate(named("b"), KEY)), 0)
        self.assertEqual(self.put("c"), len(DATA))
        self.assertEqual(self.inode("c"), self.inode("b"))
        # Those of the first copy stay there.
        self.assertEqual(now(self.blobs.deduplicate(named("a"), KEY)), 0)
        for name in ("a", "a2", "b", "c"):
            self.has(name)
            now(self.blobs.remove(named(name)))
        self.assertEqual(self.kept(), [])

    def test_many_names_and_one_more(self) -> None:
        """A second name that the bytes cannot have is that of a copy."""
        self.put("a")
        version = named("a").version("1-a")
        link = os.link

        def full(name: str, *args: object, **named_args: object) -> None:
            if name == "a":
                raise OSError(errno.EMLINK, "too many links")
            link(name, *args, **named_args)  # type: ignore[arg-type]

        with mock.patch.object(os, "link", full):
            self.assertTrue(now(self.blobs.link(named("a"), version)))
            with self.assertRaises(NameExists):
                now(self.blobs.link(named("a"), version))
        self.assertNotEqual(self.inode(str(version)), self.inode("a"))
        self.has("a")
        self.assertEqual(now(content(self.blobs, version)), DATA)
        self.no_scratch()

    def test_threads(self) -> None:
        """Any number at once end with one copy."""
        names = [f"f{number}" for number in range(24)]
        for name in names:
            now(store(self.blobs, name, DATA))
        root = os.open(self.path / "store", os.O_RDONLY)
        scratch = os.open(self.path / "store/.hmacfs/stage", os.O_RDONLY)
        self.addCleanup(os.close, root)
        self.addCleanup(os.close, scratch)
        threads = [
            Thread(target=self.store.deduplicate, args=(root, name, KEY, scratch)) for name in names
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len({self.inode(name) for name in names}), 1)
        self.no_scratch()

    def test_sweep(self) -> None:
        """What a crash left without a file is swept away."""
        self.put("a")
        self.put("b", b"other")
        (self.path / "store/a").unlink()
        self.assertEqual(self.store.sweep(), len(DATA))
        self.assertEqual(len(self.kept()), 1)
        self.has("b", b"other")

    def test_sweep_of_others(self) -> None:
        """What somebody else has in the directory is not swept away."""
        self.put("a")
        (self.path / "store/a").unlink()
        own = self.store.directory
        (own / "photos").mkdir()
        strangers = [own / "notes", own / "photos/1.jpg", own / KEY.hex()[:2] / "notes"]
        strangers += [own / "photos" / KEY.hex(), own / KEY.hex()[:2] / ("f" * 64)]
        for path in strangers:
            path.write_bytes(DATA)
        self.assertEqual(self.store.sweep(), len(DATA))
        self.assertEqual(sorted(self.kept()), sorted(strangers))

    def test_other_file_system(self) -> None:
        """On another file system it is told, and every file keeps its own bytes."""
        self.assertTrue(self.store.fits(self.path))
        away = Path(tempfile.mkdtemp(dir="/dev/shm"))
        self.addCleanup(shutil.rmtree, away)
        self.store.directory = away / "contents"
        self.assertFalse(self.store.fits(self.path))
        self.assertEqual([self.put("a"), self.put("b")], [0, 0])
        self.has("a")
        self.has("b")


class BoundedTests(ContentCase):
    """A store that may not become any size."""

    most = len(DATA) + 5

    def test_full(self) -> None:
        """What does not fit is stored alone; what is there is still shared; room comes back."""
        self.put("a")
        self.assertEqual([self.put("b", b"others"), self.put("c", b"others")], [0, 0])
        self.assertNotEqual(self.inode("b"), self.inode("c"))
        self.assertEqual(self.put("d"), len(DATA))
        for name in ("a", "d"):
            now(self.blobs.remove(named(name)))
        self.assertEqual([self.put("e", b"others"), self.put("f", b"others")], [0, 6])
