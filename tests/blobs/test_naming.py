"""Tests of files that lie under digests of their names."""

from __future__ import annotations

from hmacfs.base.names import OBJECTS
from hmacfs.blobs.interfaces import Blobs, NameExists, StorageFailed
from hmacfs.blobs.local import LocalBlobs
from hmacfs.blobs.naming import KEY_FILE, Naming
from hmacfs.flow.pools import InlinePool
from tests.blobs.blobs_suite import make_blobs_tests
from tests.blobs.descriptors import close_below
from tests.blobs.local_case import LocalCase
from tests.blobs.samples import content, named, store
from tests.blobs.test_local import InlineStorage
from tests.flow.awaiting import now

HIDDEN = Naming(keyed=True, secret=b"a secret")
OPEN = Naming()


class KeyedStorage(InlineStorage):
    """A directory whose files are hidden."""

    async def open(self) -> Blobs:
        """Begin to use it."""
        blobs = LocalBlobs(self.path, self.pool, naming=HIDDEN)
        await blobs.start()
        return blobs


class KeyedBlobsTests(make_blobs_tests(KeyedStorage)):  # type: ignore[misc]
    """They are as any others, but for folders, which there are none of."""

    async def test_walk(self) -> None:
        """Who looks through the storage comes across none of them."""
        blobs = await self.open()
        await store(blobs, "folder/file", b"content")
        self.assertEqual(await self.walked(blobs), {})

    test_walk_intent = test_walk_broken_off = test_versions_are_not_found = test_walk

    async def test_file_as_folder(self) -> None:
        """A name gets in the way of no other."""
        blobs = await self.open()
        for name in ("a/b", "a", "a/b/c"):
            await store(blobs, name, name.encode())
        for name in ("a/b", "a", "a/b/c"):
            await self.has(blobs, name, name.encode())

    test_folder_as_file = test_file_as_folder


class NamingTests(LocalCase):
    """Where files lie."""

    def begin(self, naming: Naming) -> LocalBlobs:
        """Begin to keep files, as a new process."""
        close_below(self.path)
        blobs = LocalBlobs(self.path, InlinePool(), naming=naming)
        now(blobs.start())
        return blobs

    def listing(self) -> list[str]:
        """Tell the files, as ``find`` does."""
        return [
            str(path.relative_to(self.path))
            for path in self.path.rglob("*")
            if path.is_file() and path.name not in ("lock", KEY_FILE)
        ]

    def test_hidden(self) -> None:
        """A listing tells no name, not even that of a version; the file is found by its own."""
        blobs = self.begin(HIDDEN)
        now(store(blobs, "folder/holiday.jpg", b"content"))
        now(blobs.link(named("folder/holiday.jpg"), named("folder/holiday.jpg").version("1-a")))
        places = self.listing()
        self.assertEqual(len(places), 2)
        for place in places:
            folder, objects, bucket, digest = place.split("/")
            self.assertEqual(((folder, objects), bucket, len(digest)), (OBJECTS, digest[:2], 64))
        self.assertEqual(now(content(blobs, named("folder/holiday.jpg"))), b"content")
        self.assertTrue(now(blobs.remove(named("folder/holiday.jpg"))))
        self.assertEqual(len(self.listing()), 1)

    def test_key(self) -> None:
        """Another key gives other names; the key is private, and outlives the secret."""
        blobs = self.begin(HIDDEN)
        now(store(blobs, "a", b"content"))
        (place,) = self.listing()
        key = blobs.internal_path / KEY_FILE
        self.assertEqual(key.stat().st_mode & 0o777, 0o600)
        for secret in (b"another secret", None):
            blobs = self.begin(Naming(keyed=True, secret=secret))
            self.assertEqual(now(content(blobs, named("a"))), b"content")
        key.unlink()
        blobs = self.begin(Naming(keyed=True, secret=b"another secret"))
        self.assertIsNone(now(content(blobs, named("a"))))
        key.unlink()
        blobs = self.begin(HIDDEN)
        self.assertEqual(now(content(blobs, named("a"))), b"content")
        self.assertEqual(self.listing(), [place])

    def test_changed(self) -> None:
        """When the rule is changed, and changed back, every file is where it was, and found."""
        now(store(self.blobs, "a", b"open"))
        blobs = self.begin(HIDDEN)
        now(store(blobs, "b", b"hidden"))
        for naming in (OPEN, HIDDEN, OPEN):
            blobs = self.begin(naming)
            for name, data in (("a", b"open"), ("b", b"hidden")):
                self.assertEqual(now(content(blobs, named(name))), data)
                with self.assertRaises(NameExists):
                    now(store(blobs, name, b"other"))
        now(store(blobs, "c", b"open again"))
        self.assertIn("c", self.listing())
        for name in "abc":
            self.assertTrue(now(blobs.remove(named(name))))
            self.assertIsNone(now(content(blobs, named(name))))

    def test_damaged_key(self) -> None:
        """A key that is none keeps the storage closed, whatever the rule: names would be lost."""
        for text in ("", "00", "x" * 64):
            (self.blobs.internal_path / KEY_FILE).write_text(text)
            for naming in (OPEN, HIDDEN):
                with self.assertRaisesRegex(StorageFailed, KEY_FILE):
                    self.begin(naming)

    def test_planted_link(self) -> None:
        """A symbolic link in the place of a file, or of a key, leads nowhere."""
        blobs = self.begin(HIDDEN)
        now(store(blobs, "a", b"content"))
        (place,) = self.listing()
        (self.path / place).unlink()
        (self.path / place).symlink_to("/etc/passwd")
        self.assertIsNone(now(content(blobs, named("a"))))
        key = blobs.internal_path / KEY_FILE
        key.rename(key.with_suffix(".moved"))
        key.symlink_to(key.with_suffix(".moved"))
        with self.assertRaises(StorageFailed):
            self.begin(HIDDEN)
        self.assertTrue(key.is_symlink())
