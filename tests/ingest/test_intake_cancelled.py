"""Tests of uploads that are cancelled, as they are when their connection is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import NameTaken
from hmacfs.ingest.publication import Receipt
from hmacfs.stores.interfaces import StoreFailed
from tests.blobs.faulty import never_synced
from tests.blobs.samples import named, store
from tests.ingest.bench import Bench, Delivery, Disk, LocalDisk, MemoryDisk

NAME = named("folder/file")
NAMES = [NAME]
PIECES = (b"con", b"te", b"nt")
CONTENT = b"".join(PIECES)

Begin = Callable[[Bench], object]


def empty(bench: Bench) -> None:
    """Nothing is there."""


def network_first(bench: Bench, body: Delivery) -> bool:
    """Let one thing happen, with a disk that is slower than the network; tell if there was one."""
    if body.ready:
        body.come()
    elif bench.pool.busy:
        bench.pool.step()
    else:
        return False
    return True


def disk_first(bench: Bench, body: Delivery) -> bool:
    """Let one thing happen, with a network that is slower than the disk; tell if there was one."""
    if bench.pool.busy:
        bench.pool.step()
    elif body.ready:
        body.come()
    else:
        return False
    return True


class CancellingTests(SynchronousTestCase):
    """At each step of an upload it is cancelled, on each disk, however fast the network is."""

    def setUp(self) -> None:
        never_synced().install(self)

    def local(self) -> LocalDisk:
        """Make a directory, for this test."""
        disk = LocalDisk()
        self.addCleanup(disk.clear)
        return disk

    def cancelled_uploads(self, before: Begin) -> Iterator[tuple[Bench, Deferred[Receipt]]]:
        """Cancel an upload after one step, and one after two, and so on until one ends before."""
        disks: list[Callable[[], Disk]] = [MemoryDisk, self.local]
        for make in disks:
            for happen in (network_first, disk_first):
                steps = 0
                while True:
                    bench = Bench(make())
                    before(bench)
                    body = Delivery(*PIECES, held=True)
                    upload = bench.upload("folder/file", body, len(CONTENT))
                    went_on = all(happen(bench, body) for _ in range(steps))
                    if went_on:
                        upload.cancel()
                    while happen(bench, body):
                        pass
                    yield bench, upload
                    if not went_on:
                        break
                    steps += 1

    def test_new(self) -> None:
        """A file is whole and known, or absent; nothing else is left, in memory or on the disk."""
        seen = set()
        for bench, upload in self.cancelled_uploads(empty):
            bench.check_agreement(NAMES)
            found = bench.bytes_of(NAME)
            self.assertIn(found, [None, CONTENT])
            upload.addErrback(lambda failure: failure.trap(CancelledError))
            cancelled = not isinstance(self.successResultOf(upload), Receipt)
            if not cancelled:
                self.assertEqual(found, CONTENT)
            seen.add((cancelled, found is None))
        self.assertEqual(seen, {(True, True), (True, False), (False, False)})

    def test_commit(self) -> None:
        """Once the body is there and right, the file is stored, whoever has gone."""
        stored = 0
        for make in (MemoryDisk, self.local):
            bench = Bench(make())
            body = Delivery(*PIECES, held=True)
            upload = bench.upload("folder/file", body, len(CONTENT))
            while network_first(bench, body):
                if bench.intake.turns.count:
                    upload.cancel()
                    self.failureResultOf(upload, CancelledError)
                    stored += 1
                    break
            idle = bench.intake.pending.idle()
            self.assertNoResult(idle)
            bench.pool.run_all()
            self.successResultOf(idle)
            self.assertEqual(bench.bytes_of(NAME), CONTENT)
            bench.check_agreement(NAMES)
        self.assertEqual(stored, 2)

    def test_again(self) -> None:
        """To cancel the repetition of an upload changes nothing."""

        def before(bench: Bench) -> None:
            bench.store("folder/file", CONTENT, owner="romeo")

        for bench, upload in self.cancelled_uploads(before):
            upload.addErrback(lambda failure: failure.trap(CancelledError))
            self.successResultOf(upload)
            bench.check_agreement(NAMES)
            row = bench.row_of(NAME)
            self.assertEqual(row and row.owner, "romeo")

    def test_unknown_file(self) -> None:
        """A file of which the index knew nothing is known afterwards, or not; it stays."""
        known = set()

        def before(bench: Bench) -> None:
            bench.at_once(lambda: store(bench.blobs, "folder/file", CONTENT))

        for bench, upload in self.cancelled_uploads(before):
            upload.addErrback(lambda failure: failure.trap(CancelledError))
            self.successResultOf(upload)
            self.assertEqual(bench.bytes_of(NAME), CONTENT)
            known.add(bench.row_of(NAME) is not None)
            bench.store("folder/file", CONTENT)
            bench.check_agreement(NAMES)
        self.assertEqual(known, {True, False})

    def test_other_file(self) -> None:
        """A file with other bytes stays as it is."""

        def before(bench: Bench) -> None:
            bench.at_once(lambda: store(bench.blobs, "folder/file", b"CONTENT"))

        for bench, upload in self.cancelled_uploads(before):
            upload.addErrback(lambda failure: failure.trap(CancelledError, NameTaken))
            self.successResultOf(upload)
            self.assertEqual(bench.bytes_of(NAME), b"CONTENT")
            self.assertIsNone(bench.row_of(NAME))
            bench.store("folder/file", b"CONTENT")
            bench.check_agreement(NAMES)

    def test_index_fails(self) -> None:
        """When the index fails for one who has gone, the file is taken back all the same."""

        def before(bench: Bench) -> None:
            bench.index.broken[NAME] = StoreFailed("broken")

        for bench, upload in self.cancelled_uploads(before):
            upload.addErrback(lambda failure: failure.trap(CancelledError, StoreFailed))
            self.successResultOf(upload)
            self.assertIsNone(bench.bytes_of(NAME))
            bench.check_agreement(NAMES)
        # With nobody left to tell, the log is told.
        self.assertNotEqual(self.flushLoggedErrors(StoreFailed), [])
