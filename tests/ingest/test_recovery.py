"""Tests of the sweep at the start."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from attrs import evolve
from twisted.internet.defer import CancelledError
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile
from hmacfs.ingest import intent
from hmacfs.ingest.publication import Receipt
from hmacfs.stores.interfaces import StoreFailed
from tests.blobs.faulty import PowerLost, lost_after, never_synced
from tests.blobs.samples import named, published, staged
from tests.flow.held_pool import Crashed
from tests.ingest.bench import NOW, Bench, Delivery, Disk, LocalDisk, MemoryDisk

CONTENT = b"content"
NAME = named("folder/file")
FILE = StoredFile(NAME, 7, sha256(CONTENT).digest(), "text/plain", NOW)


class RecoveryTests(SynchronousTestCase):
    """:class:`Recovery`, over files in memory."""

    def setUp(self) -> None:
        self.bench = Bench(MemoryDisk())

    def publish(self, facts: bytes, name: StoredName = NAME) -> None:
        """Publish a file as an upload does that is interrupted then."""
        self.bench.at_once(lambda: published(self.bench.blobs, str(name), CONTENT, facts))

    def leftovers(self) -> int:
        """Tell how many leftovers there still are."""
        return len(self.bench.at_once(self.bench.blobs.leftovers))

    def test_nothing(self) -> None:
        """Where nothing is left, nothing is finished."""
        self.bench.store("folder/file", CONTENT)
        self.assertEqual(self.bench.recover(), 0)
        self.bench.check_agreement([NAME])

    def test_unpublished(self) -> None:
        """What was never published is cleared."""
        self.bench.at_once(lambda: staged(self.bench.blobs, CONTENT))
        self.assertEqual(self.bench.recover(), 0)
        self.bench.check_agreement([NAME])

    def test_not_recorded(self) -> None:
        """What was published is recorded with the facts kept with it, once."""
        self.publish(intent.encode(FILE))
        self.assertEqual(self.bench.recover(), 1)
        self.assertEqual(self.bench.row_of(NAME), FILE)
        self.assertEqual(self.bench.recover(), 0)
        self.bench.check_agreement([NAME])

    def test_blocked(self) -> None:
        """What was published and is blocked by now is taken back, and not counted."""
        self.publish(intent.encode(FILE))
        self.bench.at_once(lambda: self.bench.index.block(FILE.sha256, NOW))
        self.assertEqual(self.bench.recover(), 0)
        self.assertIsNone(self.bench.bytes_of(NAME))
        self.bench.check_agreement([NAME])

    def test_recorded(self) -> None:
        """What was recorded before the crash stays as it is."""
        self.publish(intent.encode(FILE))
        self.bench.at_once(lambda: self.bench.index.add(FILE))
        self.bench.recover()
        self.assertEqual(self.bench.row_of(NAME), FILE)
        self.bench.check_agreement([NAME])

    def test_several(self) -> None:
        """All that is left is finished, and told how much it was."""
        names = [named(f"folder/{number}") for number in range(3)]
        for name in names:
            self.publish(intent.encode(evolve(FILE, name=name)), name)
        self.assertEqual(self.bench.recover(), 3)
        self.bench.check_agreement(names)

    def test_unreadable(self) -> None:
        """Unreadable facts are told in the log, and keep no server from starting."""
        self.publish(b"garbage")
        with capturedLogs() as events:
            self.assertEqual(self.bench.recover(), 0)
        self.assertEqual([event["log_level"] for event in events], [LogLevel.error])
        self.assertEqual(self.leftovers(), 0)
        self.assertEqual(self.bench.bytes_of(NAME), CONTENT)
        self.assertIsNone(self.bench.row_of(NAME))

    def test_no_such_file(self) -> None:
        """Facts of a file that is not there are dropped, and not recorded."""
        self.publish(intent.encode(evolve(FILE, name=named("other"))))
        self.assertEqual(self.bench.recover(), 0)
        self.assertIsNone(self.bench.row_of(named("other")))
        self.assertEqual(self.leftovers(), 0)

    def test_index_fails(self) -> None:
        """When the index fails, so does the start, and the facts stay for the next one."""
        self.publish(intent.encode(FILE))
        self.bench.index.broken[NAME] = StoreFailed("broken")
        with self.assertRaises(StoreFailed):
            self.bench.recover()
        self.bench.index.broken.clear()
        self.assertEqual(self.bench.recover(), 1)
        self.bench.check_agreement([NAME])


class CrashTests(SynchronousTestCase):
    """A crash at each step of an upload: afterwards the file is whole and known, or absent."""

    def setUp(self) -> None:
        never_synced().install(self)

    def local(self) -> LocalDisk:
        """Make a directory, for this test."""
        disk = LocalDisk()
        self.addCleanup(disk.clear)
        return disk

    def check_recovered(self, bench: Bench, told: bool) -> bool:
        """Start again, check what there is, and tell whether it is the file."""
        bench.disk.end()
        bench.begin()
        bench.recover()
        bench.check_agreement([NAME])
        found = bench.bytes_of(NAME)
        self.assertIn(found, [CONTENT] if told else [CONTENT, None])
        self.assertEqual(bench.store(str(NAME), CONTENT).created, found is None)
        return found is not None

    def test_each_step(self) -> None:
        """The process ends between any two steps, or before one that was done was told."""
        disks: list[Callable[[], Disk]] = [MemoryDisk, self.local]
        for make in disks:
            steps, seen = 0, set()
            while True:
                bench = Bench(make())
                body = Delivery(CONTENT)
                upload = bench.upload(str(NAME), body, len(CONTENT))
                for _ in range(steps):
                    if bench.pool.busy:
                        bench.pool.step()
                told = upload.called
                with bench.pool.crash():
                    upload.cancel()
                upload.addErrback(lambda failure: failure.trap(CancelledError, Crashed))
                self.successResultOf(upload)
                seen.add((told, self.check_recovered(bench, told)))
                if told:
                    break
                steps += 1
            self.assertEqual(seen, {(False, False), (False, True), (True, True)})

    def test_each_call(self) -> None:
        """The process ends at any call of the system, also of the sweep that comes after."""
        calls, interrupted, swept = 0, True, 0
        while interrupted:
            bench = Bench(self.local())
            lost_after(calls).install(self)
            upload = bench.upload(str(NAME), Delivery(CONTENT), len(CONTENT))
            bench.pool.run_all()
            upload.addErrback(lambda failure: failure.trap(PowerLost))
            interrupted = not isinstance(self.successResultOf(upload), Receipt)
            never_synced().install(self)
            swept += self.interrupt_sweeps(bench)
            self.check_recovered(bench, not interrupted)
            calls += 1
        self.assertGreater(calls, 15)
        self.assertGreater(swept, 15)

    def interrupt_sweeps(self, bench: Bench) -> int:
        """Let the process end at each call of its sweep; tell how often it did."""
        calls = 0
        while True:
            bench.disk.end()
            bench.begin()
            lost_after(calls).install(self)
            try:
                bench.recover()
            except PowerLost:
                calls += 1
            else:
                return calls
            finally:
                never_synced().install(self)
