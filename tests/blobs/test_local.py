"""Tests of the files of a local file system."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from twisted.internet import reactor as global_reactor
from twisted.internet.interfaces import IReactorFromThreads

from hmacfs.base.names import INTERNAL_DIRECTORY
from hmacfs.blobs.interfaces import Blobs, NameExists, StorageFailed
from hmacfs.blobs.local import INTENT_ATTRIBUTE, LocalBlobs
from hmacfs.blobs.memory import MemoryBlobs
from hmacfs.flow.pools import InlinePool, Pool, ThreadedPool
from tests.blobs.blobs_suite import make_blobs_tests
from tests.blobs.descriptors import close_below, open_below
from tests.blobs.faulty import FaultyOs, failing
from tests.blobs.local_case import LocalCase
from tests.blobs.samples import content, named, published, staged, store
from tests.flow.awaiting import now

reactor = cast(IReactorFromThreads, global_reactor)


class InlineStorage:
    """A directory whose user does all work at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pool: Pool = InlinePool()

    async def open(self) -> Blobs:
        """Begin to use it."""
        blobs = LocalBlobs(self.path, self.pool)
        await blobs.start()
        return blobs

    async def crash(self) -> None:
        """Let go of it as a process does that is gone."""
        close_below(self.path)

    async def close(self) -> None:
        """Let go of it after the test."""
        await self.crash()


class ThreadedStorage(InlineStorage):
    """One whose user has threads."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.threads: ThreadedPool | None = None

    async def open(self) -> Blobs:
        """Begin to use it."""
        self.pool = self.threads = ThreadedPool(reactor, "disk", 4)
        self.threads.start()
        return await super().open()

    async def crash(self) -> None:
        """Let go of it when the threads have nothing more to do."""
        if self.threads is not None:
            self.threads.stop()
        self.threads = None
        await super().crash()


BlobsTests = make_blobs_tests(InlineStorage)
ThreadedBlobsTests = make_blobs_tests(ThreadedStorage, "ThreadedBlobsTests")


class LayoutTests(LocalCase):
    """What lies where."""

    def test_files(self) -> None:
        """A file lies under its own name, closed to strangers and open to the group."""
        now(store(self.blobs, "folder/a b.txt", b"content"))
        path = self.path / "folder" / "a b.txt"
        self.assertEqual(path.read_bytes(), b"content")
        self.assertEqual(stat.S_IMODE(path.stat().st_mode) & 0o047, 0o040)
        self.assertEqual(path.parent.stat().st_mode & 0o007, 0)
        self.assertEqual(path.stat().st_nlink, 1)

    def test_own_files(self) -> None:
        """What the server has for itself lies in a directory of its own on the same disk."""
        self.assertEqual(self.blobs.internal_path, self.path / INTERNAL_DIRECTORY)
        now(staged(self.blobs, b"content"))
        (stage,) = self.stages()
        self.assertEqual(stage.read_bytes(), b"content")
        self.assertEqual([each.name for each in self.path.iterdir()], [INTERNAL_DIRECTORY])

    def test_existing_files(self) -> None:
        """Files that lie there already are files like others."""
        (self.path / "old").write_bytes(b"content")
        self.assertEqual(now(content(self.crashed(), named("old"))), b"content")

    def test_short_writes(self) -> None:
        """Where the system writes less than it was asked to, the rest is written too."""

        class Slow(FaultyOs):
            def write(self, descriptor: int, data: memoryview) -> int:
                return os.write(descriptor, data[:3])

        Slow(lambda *_: None).install(self)
        now(store(self.blobs, "a", b"0123456789"))
        self.assertEqual(now(content(self.blobs, named("a"))), b"0123456789")

    def test_folder_vanishes(self) -> None:
        """A folder whose last file goes while another file comes into it is made again."""
        now(store(self.blobs, "folder/old", b"old"))
        blob = now(staged(self.blobs, b"new"))

        class Pruned(FaultyOs):
            def link(system, *args: Any, **kwargs: Any) -> None:  # noqa: N805 - inside of a test
                if "unlink" not in system.calls:
                    now(self.blobs.remove(named("folder/old")))
                os.link(*args, **kwargs)

        Pruned(lambda *_: None).install(self)
        now(self.blobs.publish(blob, named("folder/new"), b""))
        self.assertEqual(now(content(self.blobs, named("folder/new"))), b"new")

    def test_free_bytes(self) -> None:
        """The room is what the file system has for users who are not root."""
        state = os.statvfs(self.path)
        free = now(self.blobs.free_bytes())
        self.assertLess(abs(free - state.f_bavail * state.f_frsize), 2**30)

    def test_foreign_stage(self) -> None:
        """The stage of another storage is a mistake of the program."""
        foreign = now(MemoryBlobs(InlinePool()).stage())
        with self.assertRaises(TypeError):
            self.blobs.settle(foreign)
        with self.assertRaises(TypeError):
            self.blobs.publish(foreign, named("a"), b"")


class StartTests(LocalCase):
    """The beginning and the end."""

    def test_second_daemon(self) -> None:
        """A second daemon is kept out with a sentence that says why; the first goes on."""
        second = LocalBlobs(self.path, InlinePool())
        with self.assertRaisesRegex(
            StorageFailed, f"another hmac-file-server is running on the storage {self.path}"
        ):
            now(second.start())
        now(second.close())
        now(store(self.blobs, "a", b"content"))
        self.assertEqual(now(content(self.blobs, named("a"))), b"content")

    def test_beside(self) -> None:
        """Who does not want to be alone reads and removes beside a daemon, and keeps none out."""
        now(store(self.blobs, "a", b"content"))
        beside = LocalBlobs(self.path, InlinePool())
        now(beside.start(alone=False))
        self.assertEqual(now(content(beside, named("a"))), b"content")
        self.assertTrue(now(beside.remove(named("a"))))
        now(self.blobs.close())
        self.blobs = self.opened()
        now(beside.close())

    def test_after_the_first(self) -> None:
        """When the first has let go, or is gone, another may come."""
        now(self.blobs.close())
        self.blobs = self.opened()
        self.crashed()

    def test_close(self) -> None:
        """Closing lets go of all descriptors, twice if need be, also after a failed start."""
        second = LocalBlobs(self.path, InlinePool())
        with self.assertRaises(StorageFailed):
            now(second.start())
        for blobs in (second, self.blobs, self.blobs):
            now(blobs.close())
        self.assertEqual(open_below(self.path), [])

    def test_closed(self) -> None:
        """Once it is closed nothing is done, for a descriptor may be another's by then."""
        blob = now(staged(self.blobs, b"content"))
        now(self.blobs.close())
        for result in (
            self.blobs.stage,
            lambda: self.blobs.open(named("a")),
            lambda: self.blobs.remove(named("a")),
            lambda: self.blobs.publish(blob, named("a"), b""),
            self.blobs.leftovers,
            self.blobs.free_bytes,
            self.blobs.walk().__anext__,
        ):
            with self.assertRaises(StorageFailed):
                now(result())

    def test_planted(self) -> None:
        """Where a link or a file takes the place of one of our own, there is no start."""
        outside = Path(self.mktemp()).resolve()
        outside.mkdir()
        own = self.path / INTERNAL_DIRECTORY
        for place in (own / "lock", own / "stage", own):
            now(self.blobs.close())
            aside = place.rename(place.with_suffix(".aside"))
            for plant in (
                lambda place: place.symlink_to(outside / "new"),
                lambda place: place.symlink_to(outside),
                os.mkfifo if place.name != "lock" else lambda place: place.mkdir(),
            ):
                plant(place)
                blobs = LocalBlobs(self.path, InlinePool())
                with self.assertRaises(StorageFailed):
                    now(blobs.start())
                now(blobs.close())
                place.rmdir() if place.is_dir() and not place.is_symlink() else place.unlink()
            aside.rename(place)
            self.blobs = self.opened()
        self.assertEqual(list(outside.iterdir()), [])


class PlantedTests(LocalCase):
    """What others put into the tree leads nowhere."""

    def setUp(self) -> None:
        super().setUp()
        self.outside = Path(self.mktemp()).resolve()
        self.outside.mkdir()
        (self.outside / "secret").write_bytes(b"secret")
        self.addCleanup(self.check_outside)

    def check_outside(self) -> None:
        """Nothing that lies elsewhere was touched."""
        self.assertEqual([each.name for each in self.outside.iterdir()], ["secret"])
        self.assertEqual((self.outside / "secret").read_bytes(), b"secret")

    def is_in_the_way(self, name: str) -> None:
        """Check that there is no such file, and that none can be published."""
        self.assertIsNone(now(content(self.blobs, named(name))))
        blob = now(staged(self.blobs, b"content"))
        with self.assertRaises(NameExists):
            now(self.blobs.publish(blob, named(name), b""))
        now(self.blobs.settle(blob))

    def test_link_to_folder(self) -> None:
        """A symbolic link to a folder is not followed, to read, to write or to remove."""
        (self.path / "a").mkdir()
        for link in ("link", "a/link"):
            (self.path / link).symlink_to(self.outside)
            for name in (f"{link}/secret", f"{link}/new", f"{link}/new/new", link):
                self.is_in_the_way(name)
            self.assertFalse(now(self.blobs.remove(named(f"{link}/secret"))))

    def test_link_to_file(self) -> None:
        """Nor is one to a file, there or not."""
        (self.path / "link").symlink_to(self.outside / "secret")
        (self.path / "dangling").symlink_to(self.outside / "new")
        for name in ("link", "link/a", "dangling", "dangling/a"):
            self.is_in_the_way(name)

    def test_remove_link(self) -> None:
        """Where a link is removed, it is the link that goes."""
        (self.path / "link").symlink_to(self.outside / "secret")
        now(self.blobs.remove(named("link")))
        self.assertFalse((self.path / "link").is_symlink())

    def test_pipe(self) -> None:
        """A pipe is no file, and nobody waits for its writer."""
        os.mkfifo(self.path / "pipe")
        for name in ("pipe", "pipe/a"):
            self.is_in_the_way(name)

    def test_in_the_stage(self) -> None:
        """What was planted among the staged files is cleared, and not followed."""
        stage = self.path / INTERNAL_DIRECTORY / "stage"
        # Else it would look as if it were published.
        Path(self.mktemp()).hardlink_to(self.outside / "secret")
        os.setxattr(self.outside / "secret", INTENT_ATTRIBUTE, b"facts")
        (stage / "link").symlink_to(self.outside / "secret")
        (stage / "folder").symlink_to(self.outside)
        os.mkfifo(stage / "pipe")
        self.assertEqual(now(self.crashed().leftovers()), [])
        self.assertEqual(self.stages(), [])


class IntentTests(LocalCase):
    """What the index will have to know is kept with the staged file."""

    def test_kept(self) -> None:
        """It is kept from publishing until the stage settles, and no longer."""
        blob = now(published(self.blobs, "a", b"content", b"facts"))
        (stage,) = self.stages()
        self.assertEqual(self.intent(stage), b"facts")
        self.assertTrue(stage.samefile(self.path / "a"))
        now(self.blobs.settle(blob))
        self.assertEqual((self.intent(self.path / "a"), self.stages()), (None, []))

    def test_forgotten(self) -> None:
        """It is gone from the file also when it was a leftover."""
        now(published(self.blobs, "a", b"content", b"facts"))
        blobs = self.crashed()
        (leftover,) = now(blobs.leftovers())
        now(blobs.forget(leftover))
        self.assertEqual((self.intent(self.path / "a"), self.stages()), (None, []))

    def without(self, intent: bytes = b"facts") -> None:
        """Check that publishing works where the facts cannot be kept, and the sweep after it."""
        now(published(self.blobs, "a", b"content", intent))
        (stage,) = self.stages()
        self.assertIsNone(self.intent(stage))
        blobs = self.crashed()
        self.assertEqual(now(blobs.leftovers()), [])
        self.assertEqual(self.stages(), [])
        self.assertEqual(now(content(blobs, named("a"))), b"content")

    def test_no_attributes(self) -> None:
        """A file system without attributes keeps files all the same."""
        failing("setxattr", errno.ENOTSUP).install(self)
        self.without()

    def test_no_room_for_attributes(self) -> None:
        """So does one in which these facts are too large for an attribute."""
        self.without(b"x" * 100_000)

    def test_broken(self) -> None:
        """When they cannot be kept because the disk is broken, nothing is published."""
        failing("setxattr", errno.EIO).install(self)
        blob = now(staged(self.blobs, b"content"))
        with self.assertRaises(StorageFailed):
            now(self.blobs.publish(blob, named("a"), b"facts"))
        now(self.blobs.settle(blob))
        self.assertIsNone(now(content(self.blobs, named("a"))))

    def test_unreadable(self) -> None:
        """When a broken disk hides them, the sweep fails rather than to lose them."""
        now(published(self.blobs, "a", b"content", b"facts"))
        self.blobs = self.crashed()
        failing("getxattr", errno.EIO).install(self)
        with self.assertRaises(StorageFailed):
            now(self.blobs.leftovers())
        self.assertEqual(len(self.stages()), 1)


class SweepTests(LocalCase):
    """The sweep after a crash at each step of an upload, with the steps done by hand."""

    def crash_after(self, steps: int) -> tuple[list[bytes | None], bytes | None]:
        """Do so many steps; return the facts of what is left, and the bytes of the file."""
        key = self.path / INTERNAL_DIRECTORY / "stage" / ("0" * 32)
        todo: list[Callable[[], object]] = [
            lambda: key.write_bytes(b""),
            lambda: key.write_bytes(b"cont"),
            lambda: key.write_bytes(b"content"),
            lambda: os.setxattr(key, INTENT_ATTRIBUTE, b"facts"),
            (self.path / "a").mkdir,
            lambda: (self.path / "a/b").hardlink_to(key),
            lambda: os.removexattr(key, INTENT_ATTRIBUTE),
            key.unlink,
        ]
        for step in todo[:steps]:
            step()
        blobs = self.crashed()
        left = [leftover.intent for leftover in now(blobs.leftovers())]
        self.assertEqual(len(self.stages()), len(left))
        return left, now(content(blobs, named("a/b")))

    def test_nothing_done(self) -> None:
        """Before an upload nothing is left."""
        self.assertEqual(self.crash_after(0), ([], None))

    def test_staged(self) -> None:
        """Of a stage, empty or in part or whole, nothing is left."""
        for steps in (1, 2, 3):
            self.assertEqual(self.crash_after(steps), ([], None))

    def test_intent(self) -> None:
        """Nor is there of one that has its facts, with or without a folder to be in."""
        for steps in (4, 5):
            self.assertEqual(self.crash_after(steps), ([], None))
            self.remove_folder()

    def test_linked(self) -> None:
        """A file that has its name is whole, and its facts are told."""
        self.assertEqual(self.crash_after(6), ([b"facts"], b"content"))

    def test_settling(self) -> None:
        """One that was being settled was recorded; it is whole, and nothing is told."""
        self.assertEqual(self.crash_after(7), ([], b"content"))

    def test_settled(self) -> None:
        """So is one that had settled."""
        self.assertEqual(self.crash_after(8), ([], b"content"))
