"""Tests of hmacfs.library.forgetting."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.events import Events, FileRemoved
from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.blobs.interfaces import StorageFailed
from hmacfs.blobs.memory import MemoryBlobs
from hmacfs.flow.pools import InlinePool
from hmacfs.flow.turns import Turns
from hmacfs.library.forgetting import STEP, Forgetting, files_of
from hmacfs.library.pictures import Picture
from hmacfs.library.shelf import Shelf
from hmacfs.stores.memory import MemoryIndex
from tests.blobs.samples import content, named, store
from tests.flow.awaiting import now

NOW = 1_700_000_000.0
BOX = (64, 64)
ALICE = "a" * 40


class FailingBlobs(MemoryBlobs):
    """Files of which one cannot be removed, after some that can."""

    good = 10_000

    def remove(self, name: StoredName) -> Deferred[bool]:
        """Remove, or fail."""
        self.good -= 1
        return super().remove(name) if self.good >= 0 else self._pool.run(self._fail)

    def _fail(self) -> bool:
        raise StorageFailed("cannot remove it")


class ForgettingTests(SynchronousTestCase):
    """``Forgetting``."""

    def setUp(self) -> None:
        self.index = MemoryIndex()
        self.blobs = FailingBlobs(InlinePool())
        self.shelf = Shelf(Path(self.mktemp()))
        self.events = Events()
        self.told: list[str] = []
        self.names: list[StoredName] = []
        self.kept: dict[str, StoredName] = {}
        self.events.listen(FileRemoved, lambda event: self.told.append(event.reason))
        self.forgetting = Forgetting(
            self.index,
            self.blobs,
            Turns(),
            self.shelf,
            InlinePool(),
            lambda: NOW,
            self.events,
        )

    def add(self, name: StoredName, text: str, owner: str | None = ALICE, at: float = 0.0) -> None:
        """Store a file, of which there is a picture."""
        data = text.encode()
        digest = sha256(data).digest()
        # Versions are never published under their names.
        now(store(self.blobs, "new", data))
        now(self.blobs.link(named("new"), name))
        now(self.blobs.remove(named("new")))
        now(self.index.add(StoredFile(name, len(data), digest, "image/png", at, owner, None, None)))
        self.shelf.put(digest, [Picture(BOX, "image/png", b"a picture")])

    def forget(self) -> list[str]:
        """Forget her; return the names of what was removed."""

        async def work() -> list[str]:
            hers = [file async for file in files_of(self.index, ALICE, by_name=True)]
            return [str(file.name) for file in await self.forgetting.remove(hers)]

        return now(work())

    def left(self) -> set[str]:
        """Return the names that have bytes or a row that is one of hers."""

        async def work() -> set[str]:
            rows = {str(file.name) async for file in files_of(self.index, ALICE, by_name=True)}
            bytes_ = [name for name in self.names if await content(self.blobs, name) is not None]
            return rows | {str(name) for name in bytes_}

        return now(work())

    def fill(self) -> None:
        """Store files and versions, hers and of others."""
        hers, shared = named("hers"), named("shared")
        by_name = named(f"{ALICE}/photo")
        self.names = [hers, shared, by_name, hers.version("1"), hers.version("2")]
        self.add(hers, "new", at=3.0)
        self.add(hers.version("1"), "old", at=1.0)
        self.add(hers.version("2"), "not hers", "bob", at=2.0)
        self.add(shared, "same", at=4.0)
        self.add(by_name, "reindexed", None, at=5.0)
        self.kept = {"bobs": named("bobs"), "version": named("bobs").version("2")}
        self.add(self.kept["bobs"], "same", "bob")
        self.add(self.kept["version"], "bobs older one", "bob")
        self.add(named("bobs").version("1"), "hers", at=6.0)
        self.names.append(named("bobs").version("1"))

    def assert_forgotten(self) -> None:
        """Fail unless all of hers is gone, and nothing else is."""
        self.assertEqual(self.left(), set())
        for name in map(named, ("hers", "shared", f"{ALICE}/photo")):
            self.assertEqual(now(self.index.find(name)), Tombstone(name, NOW, "forgotten"))
        for name in self.kept.values():
            self.assertIsInstance(now(self.index.find(name)), StoredFile)
            self.assertIsNotNone(now(content(self.blobs, name)))
        pictures = {digest for folder in self.shelf.folders() for digest in folder}
        of_others = {sha256(text).digest() for text in (b"same", b"bobs older one")}
        self.assertEqual(pictures, of_others)

    def test_all(self) -> None:
        """Files go with versions and pictures; what others have of the same bytes stays."""
        self.fill()
        self.assertEqual(len(self.forget()), 6)
        self.assert_forgotten()
        self.assertEqual(self.told, ["forgotten"] * 6)
        self.assertEqual(self.forget(), [])
        self.assertEqual(len(self.told), 6)

    def test_cut_short(self) -> None:
        """Wherever it is cut short, the next time does the rest."""
        for good in range(6):
            with self.subTest(good):
                self.setUp()
                self.fill()
                self.blobs.good = good
                self.assertRaises(StorageFailed, self.forget)
                self.blobs.good = 10_000
                self.forget()
                self.assert_forgotten()

    def test_many(self) -> None:
        """There may be more than are asked for at once."""
        self.names = [named(f"file {number}") for number in range(STEP + 5)]
        for number, name in enumerate(self.names):
            self.add(name, str(number))
        self.assertEqual(len(self.forget()), STEP + 5)
        self.assertEqual(self.left(), set())

    def test_new_file(self) -> None:
        """A name that somebody uploads to again after its time is left alone."""
        self.fill()
        self.forget()
        self.add(named("hers"), "of bob", "bob")
        self.assertEqual(self.forget(), [])
        self.assertEqual(now(content(self.blobs, named("hers"))), b"of bob")
