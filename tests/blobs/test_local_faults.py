"""Tests of local files where the file system is full, read-only or broken, and of descriptors."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.names import INTERNAL_DIRECTORY
from hmacfs.blobs import handles
from hmacfs.blobs.interfaces import NameExists, StorageFailed, StorageFull
from hmacfs.blobs.local import LocalBlobs
from hmacfs.flow.pools import InlinePool
from tests.blobs.descriptors import close_below, open_below
from tests.blobs.faulty import FaultyOs, broken_once, failing
from tests.blobs.local_case import LocalCase
from tests.blobs.samples import content, named, published, staged, store
from tests.blobs.small_disk import forbid_writing, mount
from tests.flow.awaiting import begun, now
from tests.flow.held_pool import HeldPool


class SmallDiskTests(SynchronousTestCase):
    """A disk that is full, or may not be written to."""

    def blobs_on(self, options: str) -> tuple[Path, LocalBlobs]:
        """Keep files on a small file system."""
        path = mount(self, options).resolve()
        self.addCleanup(close_below, path)
        blobs = LocalBlobs(path, InlinePool())
        now(blobs.start())
        return path, blobs

    def test_full(self) -> None:
        """What has no room is refused, and takes none when it has settled."""
        _, blobs = self.blobs_on("size=256k")
        free = now(blobs.free_bytes())
        self.assertLessEqual(free, 256 * 1024)
        now(store(blobs, "kept", b"content"))
        blob = now(blobs.stage())
        with self.assertRaises(StorageFull):
            now(blob.lane.run(blob.write, b"x" * 512 * 1024))
        self.assertEqual(now(blobs.free_bytes()), 0)
        now(blobs.settle(blob))
        self.assertGreater(now(blobs.free_bytes()), 200 * 1024)
        now(store(blobs, "later", b"content"))
        self.assertEqual(now(content(blobs, named("kept"))), b"content")

    def test_no_file_more(self) -> None:
        """Where there is no room for a file or a folder, none is begun, and none is published."""
        path, blobs = self.blobs_on("size=256k,nr_inodes=8")
        stages = [now(staged(blobs, b"content"))]
        with self.assertRaises(StorageFull):
            while len(stages) < 8:
                stages.append(now(blobs.stage()))
        for blob, name in zip(stages, ("a/b", "c"), strict=False):
            with self.assertRaises(StorageFull):
                now(blobs.publish(blob, named(name), b"facts"))
        self.assertEqual([each.name for each in path.iterdir()], [INTERNAL_DIRECTORY])
        for blob in stages:
            now(blobs.settle(blob))
        now(store(blobs, "a/b", b"content"))
        self.assertEqual(now(content(blobs, named("a/b"))), b"content")

    def test_read_only(self) -> None:
        """Where nothing may be written, the server does not start, and tells why."""
        path, blobs = self.blobs_on("size=256k")
        now(blobs.close())
        forbid_writing(path)
        with self.assertRaisesRegex(StorageFailed, "cannot prepare .*: Read-only file system"):
            now(blobs.start())

    def test_becomes_read_only(self) -> None:
        """Where the system forbids to write later, files are read, and all else tells why not."""
        path, blobs = self.blobs_on("size=256k")
        now(store(blobs, "a", b"content"))
        # The file system cannot be made read-only while the lock is open for writing.
        for descriptor in open_below(path):
            if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_RDWR:
                os.close(descriptor)
        forbid_writing(path)
        for asked in (blobs.stage, lambda: blobs.remove(named("a")), blobs.free_bytes):
            with self.assertRaisesRegex(StorageFailed, "Read-only file system"):
                now(begun(asked()))
        self.assertEqual(now(content(blobs, named("a"))), b"content")


class RemovedStageTests(LocalCase):
    """Somebody who takes the server's own folders away under it."""

    def test_no_room(self) -> None:
        """There is no room where no file can be begun."""
        self.assertGreater(now(self.blobs.free_bytes()), 0)
        (self.path / INTERNAL_DIRECTORY / "stage").rmdir()
        with self.assertRaisesRegex(StorageFailed, "cannot store files: No such file"):
            now(self.blobs.free_bytes())


class BrokenDiskTests(LocalCase):
    """A disk that fails."""

    async def upload(self) -> None:
        """Store a file as the server does, which clears the stage whatever went wrong."""
        blob = await self.blobs.stage()
        try:
            await blob.lane.run(blob.write, b"content")
            await self.blobs.publish(blob, named("a/b"), b"facts")
            self.is_published = True
        finally:
            await self.blobs.settle(blob)

    def check_swept(self, publishes: set[bool]) -> None:
        """Check that the file is there or not, as may be, and that the sweep leaves nothing."""
        FaultyOs(lambda *_: None).install(self)
        self.blobs = self.crashed()
        for leftover in now(self.blobs.leftovers()):
            now(self.blobs.forget(leftover))
        found = now(content(self.blobs, named("a/b")))
        self.assertIn(found, {b"content" if each else None for each in publishes})
        self.assertEqual(self.stages(), [])

    def test_each_call(self) -> None:
        """Whichever call fails once, the file is there or not as was told; all else is let go."""
        failures: list[str] = []
        while True:
            self.is_published = False
            system = broken_once(len(failures))
            system.install(self)
            before = open_below(self.path)
            with contextlib.suppress(StorageFailed):
                now(self.upload())
            self.assertEqual(open_below(self.path), before)
            if len(system.calls) <= len(failures):
                break
            failures.append(system.calls[len(failures)])
            # Directories are closed last, when the file has its name for good.
            lenient = failures[-1] == "close" and "link" in failures
            self.check_swept({True, False} if lenient else {self.is_published})
            now(self.blobs.remove(named("a/b")))
            self.remove_folder()
        self.assertTrue(self.is_published)
        self.assertLess(
            {"open", "write", "setxattr", "fsync", "mkdir", "link", "unlink", "close"},
            {*failures, "all"},
        )

    def test_write(self) -> None:
        """An error of a write is told with its reason."""
        blob = now(self.blobs.stage())
        failing("write", errno.EIO).install(self)
        with self.assertRaisesRegex(StorageFailed, "cannot write to the stage: Input/output"):
            now(blob.lane.run(blob.write, b"content"))

    def test_write_back(self) -> None:
        """The disk is told of what it may begin with, each byte once, while more come."""
        told: list[tuple[int, int]] = []

        begin = handles.begin_writing

        def begin_writing(descriptor: int, offset: int, length: int) -> None:
            told.append((offset, length))
            begin(descriptor, offset, length)

        self.patch(handles, "WRITE_BACK_SIZE", 10)
        self.patch(handles, "begin_writing", begin_writing)
        blob = now(self.blobs.stage())
        for size in (4, 4, 4, 9, 25, 3):
            blob.write(bytes(size))
        self.assertEqual(told, [(0, 12), (12, 34)])
        self.assertEqual(blob.read_at(0, 100), bytes(49))

    def test_sync(self) -> None:
        """What cannot be made durable is not published, be it the file or its name."""
        for name, needed in (("a", 1), ("a", 2), ("folder/b", 3)):
            blob = now(staged(self.blobs, b"content"))
            syncs = iter(range(1, 10))

            def fails(
                call: str, _: int, needed: int = needed, syncs: Iterator[int] = syncs
            ) -> OSError | None:
                broken = call == "fsync" and next(syncs) == needed
                return OSError(errno.EIO, "broken") if broken else None

            FaultyOs(fails).install(self)
            with self.assertRaises(StorageFailed):
                now(self.blobs.publish(blob, named(name), b""))
            self.assertIsNone(now(content(self.blobs, named(name))))
            now(self.blobs.settle(blob))
            self.assertEqual(self.stages(), [])

    def test_read(self) -> None:
        """An error of a read is told with its reason."""
        now(store(self.blobs, "a", b"content"))
        failing("pread", errno.EIO).install(self)
        with self.assertRaisesRegex(StorageFailed, "cannot read a stored file: Input/output"):
            now(content(self.blobs, named("a")))

    def test_others(self) -> None:
        """So is one of all that is asked for besides."""
        now(published(self.blobs, "a", b"content"))
        self.blobs = self.crashed()
        (leftover,) = now(self.blobs.leftovers())
        calls: list[tuple[str, Callable[[], Deferred[Any]]]] = [
            ("open", lambda: self.blobs.open(named("a"))),
            ("fstat", lambda: self.blobs.open(named("a"))),
            ("unlink", lambda: self.blobs.remove(named("a"))),
            ("unlink", lambda: self.blobs.forget(leftover)),
            ("fsync", lambda: self.blobs.remove(named("a"))),
            ("listdir", self.blobs.leftovers),
            ("fstatvfs", self.blobs.free_bytes),
        ]
        for function, asked in calls:
            before = open_below(self.path)
            failing(function, errno.EIO).install(self)
            with self.assertRaisesRegex(StorageFailed, "Input/output error"):
                now(asked())
            self.assertEqual(open_below(self.path), before, function)


class DescriptorTests(LocalCase):
    """Descriptors are not left open, nor used when they are closed."""

    def setUp(self) -> None:
        super().setUp()
        now(store(self.blobs, "a/b", b"content"))
        (self.path / "link").symlink_to("a/b")
        os.mkfifo(self.path / "pipe")
        self.before = open_below(self.path)

    def test_refusals(self) -> None:
        """Nothing that is refused or not there leaves a descriptor open."""
        for name in ("a", "a/b", "a/b/c", "link", "link/x", "pipe"):
            blob = now(staged(self.blobs, b"content"))
            with self.assertRaises(NameExists):
                now(self.blobs.publish(blob, named(name), b""))
            now(self.blobs.settle(blob))
        for name in ("a", "a/c", "a/b/c", "link", "link/x", "pipe", "x/y"):
            self.assertIsNone(now(self.blobs.open(named(name))))
            now(self.blobs.remove(named(name)))
        self.assertEqual(open_below(self.path), self.before)

    def test_cancelled(self) -> None:
        """What is opened for someone who has gone is closed, whenever that was."""
        now(self.blobs.close())
        pool = HeldPool()
        with pool.at_once():
            self.blobs = self.opened(pool)
        before = open_below(self.path)
        for steps in range(2):
            for ask in (
                self.blobs.stage,
                lambda: self.blobs.open(named("a/b")),
                lambda: self.blobs.open(named("missing")),
            ):
                result = begun(ask())
                for _ in range(steps):
                    pool.step()
                result.cancel()
                self.failureResultOf(result, CancelledError)
                pool.run_all()
                self.assertEqual(open_below(self.path), before)
                self.assertEqual(self.stages(), [])

    def test_late_write(self) -> None:
        """A write that comes after its stage was dropped does not reach the file of another."""
        late = now(staged(self.blobs, b"mine"))
        now(self.blobs.settle(late))
        other = now(staged(self.blobs, b"its own"))
        with self.assertRaises(StorageFailed):
            now(late.lane.run(late.write, b"not its own"))
        now(self.blobs.publish(other, named("other"), b""))
        self.assertEqual(now(content(self.blobs, named("other"))), b"its own")
        now(self.blobs.settle(other))
