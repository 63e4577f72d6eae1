"""What becomes of a file when another is uploaded under its name."""

from __future__ import annotations

from functools import partial
from hashlib import sha256

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import ContentBlocked, Gone, NameTaken, QuotaExceeded, Refusal, Unknown
from hmacfs.base.events import Events, FileRemoved
from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.ingest.publication import Receipt
from hmacfs.ingest.restoration import Restoration
from hmacfs.ingest.versions import Versions
from hmacfs.library.disposal import Disposal
from hmacfs.library.lookup import Lookup
from hmacfs.library.versions import clear_versions, remove_versions
from hmacfs.rules.quota import Limits, Quotas, Usage
from hmacfs.stores.interfaces import StoreFailed, versions_of
from tests.blobs.samples import named
from tests.flow.awaiting import begun, now
from tests.ingest.bench import TOMBSTONE_AGE, Bench, Delivery, Disk, LocalDisk, MemoryDisk

A = named("folder/a")


class VersionCase(SynchronousTestCase):
    """An intake that keeps two versions beside the present file."""

    most = 2

    def setUp(self) -> None:
        self.disk: Disk = self.make_disk()
        self.bench = Bench(self.disk)
        self.begin()

    def make_disk(self) -> Disk:
        """Make what keeps the files."""
        return MemoryDisk()

    def begin(self) -> None:
        """Begin as a new process."""
        bench = self.bench
        versions = Versions(bench.index, bench.blobs, self.most, bench.clock.seconds)
        bench.intake = evolve(bench.intake, versions=versions)

    def put(self, data: bytes, name: str = "folder/a", **facts: object) -> Receipt | Refusal:
        """Upload, a second later."""
        self.bench.clock.advance(1)
        upload = self.bench.upload(name, Delivery(data), len(data), **facts)  # type: ignore[arg-type]
        self.bench.pool.run_all()
        try:
            return now(upload)
        except Refusal as refusal:
            return refusal

    def restoration(self) -> Restoration:
        """Make what restores versions."""
        bench = self.bench
        lookup = Lookup(bench.index, bench.blobs, TOMBSTONE_AGE, bench.clock.seconds)
        return Restoration(bench.intake, lookup.seen)

    def kept(self) -> list[StoredFile]:
        """Tell the versions."""
        return self.bench.at_once(lambda: versions_of(self.bench.index, A))

    def check(self, present: bytes, *versions: bytes) -> None:
        """Check the bytes of the file and of its versions, and that rows agree with them."""
        self.assertEqual(self.bench.bytes_of(A), present)
        row = self.bench.row_of(A)
        assert isinstance(row, StoredFile)
        self.assertEqual(row.sha256, sha256(present).digest())
        found = [self.bench.bytes_of(each.name) for each in self.kept()]
        self.assertEqual(found, list(versions))
        self.assertEqual(
            [each.sha256 for each in self.kept()], [sha256(each).digest() for each in versions]
        )


class KeepingTests(VersionCase):
    """Uploads."""

    def test_new_version(self) -> None:
        """Other bytes become the file, the old ones a version; equal ones change nothing."""
        self.put(b"one", owner="romeo")
        receipt = self.put(b"twotwo", owner="romeo", content_type="image/png")
        assert isinstance(receipt, Receipt)
        self.assertTrue(receipt.created)
        self.assertEqual(receipt.file.content_type, "image/png")
        self.check(b"twotwo", b"one")
        again = self.put(b"twotwo", owner="romeo")
        assert isinstance(again, Receipt)
        self.assertFalse(again.created)
        self.check(b"twotwo", b"one")
        self.put(b"six666", owner="romeo")
        self.check(b"six666", b"one", b"twotwo")
        self.assertEqual(self.kept()[0].owner, "romeo")

    def test_of_others(self) -> None:
        """Nobody replaces a file of somebody else, or of nobody; the same bytes are a success."""
        self.put(b"one", owner="romeo")
        self.put(b"one", "folder/b")
        for name, owner in (("folder/a", "juliet"), ("folder/a", None), ("folder/b", "romeo")):
            for data in (b"two", b"longer"):
                self.assertIsInstance(self.put(data, name, owner=owner), NameTaken)
            again = self.put(b"one", name, owner=owner)
            assert isinstance(again, Receipt)
            self.assertFalse(again.created)
        self.check(b"one")

    def test_most(self) -> None:
        """The oldest go when there are too many."""
        for data in (b"1", b"2", b"3", b"4", b"5"):
            self.put(data)
        self.check(b"5", b"3", b"4")

    def test_off(self) -> None:
        """Without versions other bytes are a conflict."""
        self.put(b"1")
        self.bench.intake = evolve(self.bench.intake, versions=None)
        self.assertIsInstance(self.put(b"2"), NameTaken)
        self.check(b"1")

    def test_tombstone(self) -> None:
        """A name that was deleted stays taken all the same."""
        self.put(b"1")
        self.bench.at_once(
            lambda: self.bench.index.bury(Tombstone(A, self.bench.clock.seconds(), "deleted"))
        )
        self.assertIsInstance(self.put(b"2"), NameTaken)

    def test_index_fails(self) -> None:
        """When the new file cannot be recorded the old one is what it was."""
        self.put(b"1")
        self.bench.index.broken[A] = StoreFailed("no")
        self.bench.clock.advance(1)
        upload = self.bench.upload("folder/a", Delivery(b"22"), 2)
        self.bench.pool.run_all()
        self.failureResultOf(upload, StoreFailed)
        self.bench.index.broken.clear()
        self.check(b"1")

    def test_blocked(self) -> None:
        """Bytes that are blocked do not replace anything."""
        self.put(b"1")
        self.bench.at_once(lambda: self.bench.index.block(sha256(b"22").digest(), 0))
        self.assertIsInstance(self.put(b"22"), ContentBlocked)
        self.check(b"1")

    def test_removed(self) -> None:
        """Versions can be removed with their file."""
        for data in (b"1", b"2", b"3"):
            self.put(data)
        events = Events()
        gone: list[FileRemoved] = []
        events.listen(FileRemoved, gone.append)
        bench = self.bench
        bench.at_once(lambda: remove_versions(bench.index, bench.blobs, A, events, "age"))
        self.assertEqual([(each.file.size, each.reason) for each in gone], [(1, "age")] * 2)
        self.check(b"3")

    def test_others(self) -> None:
        """Each file has versions of its own."""
        self.put(b"1")
        self.put(b"2")
        self.put(b"other", "folder/b")
        self.put(b"another", "folder/b")
        self.check(b"2", b"1")


class RestoringTests(VersionCase):
    """:class:`Restoration`."""

    def restore(self, id: str) -> StoredFile | Refusal:
        """Restore a version."""
        self.bench.clock.advance(1)
        done = begun(self.restoration().restore(A, id, lambda known: None))
        self.bench.pool.run_all()
        try:
            return now(done)
        except Refusal as refusal:
            return refusal

    def test_restore(self) -> None:
        """A version becomes the file, with its facts and a new time; the file a version."""
        self.put(b"1", content_type="image/gif")
        self.put(b"2")
        file = self.restore(self.kept()[0].name.leaf)
        assert isinstance(file, StoredFile)
        self.assertEqual((file.name, file.content_type), (A, "image/gif"))
        self.assertEqual(file.uploaded_at, self.bench.clock.seconds())
        self.check(b"1", b"1", b"2")
        self.assertEqual(self.restore(self.kept()[0].name.leaf), file)
        self.check(b"1", b"1", b"2")

    def test_unknown(self) -> None:
        """What is no version cannot be restored."""
        self.assertIsInstance(self.restore("1-a"), Unknown)
        self.put(b"1")
        for id in ("1-a", "../../x", "", "x/y", "A" * 300):
            self.assertIsInstance(self.restore(id), Unknown, id)
        self.check(b"1")

    def test_expired(self) -> None:
        """A version that has expired is gone, and takes nothing else with it."""
        self.put(b"1", expires_at=self.bench.clock.seconds() + 5)
        self.put(b"2")
        self.bench.clock.advance(5)
        self.assertIsInstance(self.restore(self.kept()[0].name.leaf), Gone)
        self.check(b"2", b"1")


class QuotaTests(VersionCase):
    """Owners who may have ten bytes."""

    def limit(self, *, drops: bool) -> None:
        """Set the quota."""
        bench = self.bench
        disposal = Disposal(bench.index, bench.blobs, bench.clock.seconds, bench.intake.turns)
        seconds = bench.clock.seconds
        quotas = Quotas(
            bench.index,
            Usage(seconds),
            seconds,
            Limits(10, drops=drops),
            lambda file: disposal.dispose(file, "quota"),
        )
        bench.intake = evolve(bench.intake, quotas=quotas)

    def restored(self) -> StoredFile | Refusal:
        """Restore the oldest version."""
        self.bench.clock.advance(1)
        id = self.kept()[0].name.leaf
        done = begun(self.restoration().restore(A, id, lambda known: None))
        self.bench.pool.run_all()
        try:
            return now(done)
        except Refusal as refusal:
            return refusal

    def test_refused(self) -> None:
        """Versions count: what does not fit beside them is refused, and changes nothing."""
        self.limit(drops=False)
        self.put(b"12345", owner="romeo")
        self.put(b"6789", owner="romeo")
        self.assertIsInstance(self.put(b"ab", owner="romeo"), QuotaExceeded)
        self.assertIsInstance(self.restored(), QuotaExceeded)
        self.check(b"6789", b"12345")
        self.assertEqual(self.bench.intake.quotas.usage.owners, 0)

    def test_dropped(self) -> None:
        """Where the oldest go for the newest, versions go first, and leave the name alone."""
        self.limit(drops=True)
        self.put(b"12345", owner="romeo")
        self.put(b"6789", owner="romeo")
        self.put(b"ab", owner="romeo")
        self.check(b"ab", b"6789")
        self.assertIsInstance(self.restored(), StoredFile)
        self.check(b"6789", b"6789", b"ab")


class LocalTests(VersionCase):
    """On a real file system."""

    def make_disk(self) -> Disk:
        """Make what keeps the files."""
        disk = LocalDisk()
        self.bench_path = disk.path
        self.addCleanup(disk.end)
        return disk

    def test_crash_anywhere(self) -> None:
        """Killed at any moment, the file is the old or the new, whole, and no room is lost."""
        for steps in range(60):
            for older in (b"oldest", b"older", b"old"):
                self.put(older, f"{steps}")
            self.bench.clock.advance(1)
            upload = self.bench.upload(f"{steps}", Delivery(b"newer"), 5)
            upload.addBoth(lambda _: None)
            for _ in range(steps):
                if self.bench.pool.busy:
                    self.bench.pool.step()
            with self.bench.pool.crash():
                upload.cancel()
            self.disk.end()
            self.bench.begin()
            self.bench.recover()
            self.begin()
            self.clear()
            row = self.bench.row_of(named(f"{steps}"))
            data = self.bench.bytes_of(named(f"{steps}"))
            assert isinstance(row, StoredFile)
            assert data is not None
            self.assertIn(data, (b"old", b"newer"))
            self.assertEqual(row.sha256, sha256(data).digest())
            self.assertLessEqual(self.on_disk(), self.recorded())
            kept = self.bench.at_once(partial(versions_of, self.bench.index, row.name))
            self.assertNotIn(row.sha256, [each.sha256 for each in kept], "it counts twice")
            self.assertGreaterEqual(len(kept), 2)

    def clear(self, *, before: float = 1) -> int:
        """Remove what a crash has left."""
        bench = self.bench
        moment = bench.clock.seconds() + before
        return bench.at_once(lambda: clear_versions(bench.index, bench.blobs, moment, lambda: True))

    def test_cleared(self) -> None:
        """Nothing is cleared that may be under way, and nothing while the files are away."""
        receipt = self.put(b"1")
        assert isinstance(receipt, Receipt)
        name = A.next_version(self.bench.clock.seconds())
        self.bench.at_once(lambda: self.bench.index.add(evolve(receipt.file, name=name)))
        self.assertEqual(self.clear(before=0), 0)
        away = self.bench_path / "away"
        (self.bench_path / "folder").rename(away)
        self.assertEqual(self.clear(), 0)
        away.rename(self.bench_path / "folder")
        self.assertEqual(self.clear(), 1)
        self.check(b"1")

    def test_cut_short(self) -> None:
        """A version that has lost bytes does not become the file."""
        self.put(b"1234")
        self.put(b"5")
        (version,) = self.kept()
        (self.bench_path / str(version.name)).write_bytes(b"123")
        done = begun(self.restoration().restore(A, version.name.leaf, lambda known: None))
        self.bench.pool.run_all()
        self.failureResultOf(done, Unknown)
        self.assertEqual(self.bench.bytes_of(A), b"5")
        self.assertEqual(self.kept(), [version])

    def on_disk(self) -> set[str]:
        """Tell the versions that take room."""
        found = self.bench_path.glob(".hmacfs/versions/*/*")
        return {str(path.relative_to(self.bench_path)) for path in found}

    def recorded(self) -> set[str]:
        """Tell the versions that are known."""
        rows = now(self.bench.index.stored.page(".hmacfs/versions/", 999))
        return {str(row.name) for row in rows if row.name.is_version}
