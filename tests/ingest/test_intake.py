"""Tests of how an upload becomes a stored file."""

from __future__ import annotations

import errno
from hashlib import sha256

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import (
    ContentBlocked,
    NameTaken,
    NoSpace,
    Refusal,
    SizeMismatch,
    TooLarge,
)
from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.blobs.interfaces import StorageFailed
from hmacfs.blobs.memory import MemoryBlobs
from hmacfs.ingest import publication
from hmacfs.ingest.publication import Receipt
from hmacfs.stores.interfaces import StoreFailed, StoreFull
from tests.blobs.faulty import failing, never_synced
from tests.blobs.samples import named, store
from tests.flow.awaiting import now
from tests.ingest.bench import (
    CAPACITY,
    LARGEST,
    NOW,
    TOMBSTONE_AGE,
    Bench,
    Delivery,
    LocalDisk,
    MemoryDisk,
)

NAMES = [named(name) for name in ("a", "a/b", "a/b/c", "d")]


class IntakeCase(SynchronousTestCase):
    """An intake over files in memory."""

    def setUp(self) -> None:
        self.disk = MemoryDisk()
        self.bench = Bench(self.disk)
        self.addCleanup(self.bench.check_agreement, NAMES)

    def finished(self, upload: Deferred[Receipt]) -> Receipt:
        """Let the disk and the index work, and return what came of an upload."""
        self.bench.pool.run_all()
        return now(upload)

    def check(self, name: str, content: bytes | None) -> None:
        """Check the bytes of a file; ``None`` means that there is none."""
        self.assertEqual(self.bench.bytes_of(named(name)), content)

    def refused(
        self, kind: type[Refusal], name: str, size: int, *, asked: bool, body: Delivery
    ) -> Refusal:
        """Check that an upload is refused, before its body was asked for or after."""
        upload = self.bench.upload(name, body, size)
        self.bench.pool.run_all()
        error = self.failureResultOf(upload, kind).value
        self.assertEqual(body.asked, asked)
        assert isinstance(error, Refusal)
        return error


class SharingTests(IntakeCase):
    """Equal files have their bytes together."""

    def store_pieces(self, at_once: int) -> tuple[list[str], Deferred[None]]:
        """Store a file, whose sharing the test lets begin; tell in which order what happened."""
        happened: list[str] = []
        gate: Deferred[None] = Deferred()

        def deduplicate(name: StoredName, digest: bytes) -> Deferred[int]:
            happened.append("sharing")
            return gate.addCallback(lambda _: 0)

        self.patch(publication, "SHARED_AT_ONCE", at_once)
        self.patch(self.disk.begin(self.bench.pool), "deduplicate", deduplicate)
        upload = self.bench.upload("d", Delivery(b"bytes"), 5)
        upload.addCallback(lambda _: happened.append("answer"))
        self.bench.pool.run_all()
        return happened, gate

    def test_small(self) -> None:
        """The answer to a small upload comes when its bytes are shared."""
        happened, gate = self.store_pieces(5)
        self.assertEqual(happened, ["sharing"])
        gate.callback(None)
        self.bench.pool.run_all()
        self.assertEqual(happened, ["sharing", "answer"])

    def test_large(self) -> None:
        """That to a large one comes before; a stop waits for the sharing."""
        happened, gate = self.store_pieces(4)
        self.assertEqual(happened, ["sharing", "answer"])
        idle = self.bench.intake.pending.idle()
        self.assertNoResult(idle)
        gate.callback(None)
        self.successResultOf(idle)

    def test_fails(self) -> None:
        """What nobody foresaw in the sharing of a large one is logged, and nothing else."""
        happened, gate = self.store_pieces(4)
        gate.errback(ZeroDivisionError())
        self.assertEqual(happened, ["sharing", "answer"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.check("d", b"bytes")


class StoringTests(IntakeCase):
    """What is stored."""

    def test_receipt(self) -> None:
        """A file is stored with the facts of its grant, its digest and the time."""
        receipt = self.bench.store(
            "a/b", b"content", content_type="image/png", owner="romeo", expires_at=NOW + 5
        )
        expected = StoredFile(
            named("a/b"), 7, sha256(b"content").digest(), "image/png", NOW, "romeo", NOW + 5
        )
        self.assertEqual(receipt, Receipt(expected, created=True))
        self.assertEqual(self.bench.row_of(named("a/b")), expected)
        self.check("a/b", b"content")

    def test_no_bytes(self) -> None:
        """A file may have no bytes."""
        self.assertTrue(self.bench.store("a", b"").created)
        self.check("a", b"")

    def test_pieces(self) -> None:
        """A body may come in any pieces."""
        upload = self.bench.upload("a", Delivery(b"con", b"", b"t", b"ent"), 7)
        self.assertEqual(self.finished(upload).file.size, 7)
        self.check("a", b"content")

    def test_told_last(self) -> None:
        """The upload is told to be done when the file is there, known, and has settled."""
        upload = self.bench.upload("a", Delivery(b"content"), 7)
        while self.bench.pool.busy:
            self.assertNoResult(upload)
            self.bench.pool.step()
        self.successResultOf(upload)
        self.bench.check_agreement(NAMES)

    def test_largest(self) -> None:
        """A file may be as large as the limit."""
        self.assertTrue(self.bench.store("a", b"x" * LARGEST).created)

    def test_room_is_given_back(self) -> None:
        """While a body comes it holds room; the bytes on the disk need none any more."""
        body = Delivery(b"0123", b"456", held=True)
        upload = self.bench.upload("a", body, 7)
        self.bench.pool.run_all()
        self.assertEqual(self.bench.space.reserved, 7)
        body.come()
        self.bench.pool.run_all()
        self.assertEqual(self.bench.space.reserved, 3)
        while body.ready:
            body.come()
        self.finished(upload)
        self.assertEqual(self.bench.space.reserved, 0)


class RefusalTests(IntakeCase):
    """What is refused; where that is known before the body, nobody asks for it."""

    def test_too_large(self) -> None:
        """A grant of more than the limit is refused with the limit."""
        error = self.refused(TooLarge, "a", LARGEST + 1, asked=False, body=Delivery(b"x"))
        self.assertEqual(error.facts, {"limit": LARGEST})

    def test_no_space(self) -> None:
        """A file for which there is no room is refused; one for which there is just room is not."""
        blobs = self.bench.blobs
        assert isinstance(blobs, MemoryBlobs)
        blobs.capacity = 6
        self.refused(NoSpace, "a", 7, asked=False, body=Delivery(b"content"))
        self.assertTrue(self.bench.store("a", b"conten").created)
        blobs.capacity = CAPACITY

    def test_disk_fills(self) -> None:
        """When the disk is full in the middle of a body, that is no space, and nothing is left."""
        blobs = self.bench.blobs
        assert isinstance(blobs, MemoryBlobs)
        body = Delivery(b"con", b"tent", held=True)
        upload = self.bench.upload("a", body, 7)
        self.bench.pool.run_all()
        blobs.capacity = 4
        body.come()
        body.come()
        self.bench.pool.run_all()
        self.failureResultOf(upload, NoSpace)
        self.assertFalse(body.ready)
        blobs.capacity = CAPACITY
        self.check("a", None)

    def test_short(self) -> None:
        """A body that ends too early is refused, with both sizes, and nothing is left."""
        error = self.refused(SizeMismatch, "a", 8, asked=True, body=Delivery(b"content"))
        self.assertEqual(error.facts, {"expected": 8, "received": 7})
        self.check("a", None)

    def test_long(self) -> None:
        """A body that goes on too long is refused when it does, and nothing is left."""
        body = Delivery(b"content", b"more", b"and more")
        error = self.refused(SizeMismatch, "a", 7, asked=True, body=body)
        self.assertEqual(error.facts, {"expected": 7})
        self.check("a", None)

    def test_broken(self) -> None:
        """Of a body that breaks nothing is left, and the reason goes to whoever waits."""
        self.failureResultOf(self.bench.broken_off("a", b"content"), ConnectionLost)
        self.check("a", None)

    def test_deleted(self) -> None:
        """A name that was deleted lately is taken, and the reason told; later it is not."""
        now(self.bench.index.stored.bury(Tombstone(named("a"), NOW, "taken-down")))
        self.bench.clock.advance(TOMBSTONE_AGE - 1)
        error = self.refused(NameTaken, "a", 7, asked=False, body=Delivery(b"content"))
        self.assertIn("taken-down", error.detail)
        self.bench.clock.advance(1)
        self.assertTrue(self.bench.store("a", b"content").created)

    def test_expired(self) -> None:
        """A name whose file has expired is taken, by the same bytes too, from that moment on."""
        self.bench.store("a", b"content", expires_at=NOW + 5)
        self.bench.clock.advance(4)
        self.assertFalse(self.bench.store("a", b"content").created)
        self.bench.clock.advance(1)
        self.refused(NameTaken, "a", 7, asked=False, body=Delivery(b"content"))

    def test_folder(self) -> None:
        """A file cannot have the name of a folder, nor lie below a file."""
        self.bench.store("a/b", b"content")
        for name in ("a", "a/b/c"):
            self.refused(NameTaken, name, 7, asked=True, body=Delivery(b"content"))
            self.check(name, None)


class AgainTests(IntakeCase):
    """A name that is used again."""

    def setUp(self) -> None:
        super().setUp()
        self.first = self.bench.store("a", b"content", content_type="image/png", owner="romeo")

    def test_same_bytes(self) -> None:
        """The same bytes again are a success that changes nothing, whatever their type is now."""
        self.bench.clock.advance(50)
        again = self.bench.store("a", b"content", content_type="text/plain", expires_at=NOW + 99)
        self.assertEqual(again, Receipt(self.first.file, created=False))
        self.assertEqual(self.bench.row_of(named("a")), self.first.file)

    def test_other_size(self) -> None:
        """A file of another size is refused before its body."""
        self.refused(NameTaken, "a", 6, asked=False, body=Delivery(b"conten"))
        self.check("a", b"content")

    def test_other_bytes(self) -> None:
        """Other bytes of the same size are refused when they are known; the file stays."""
        self.refused(NameTaken, "a", 7, asked=True, body=Delivery(b"CONTENT"))
        self.check("a", b"content")

    def test_size(self) -> None:
        """The body must be as long as granted, as if it were the first."""
        self.refused(SizeMismatch, "a", 7, asked=True, body=Delivery(b"conten"))
        self.refused(SizeMismatch, "a", 7, asked=True, body=Delivery(b"content", b"x"))

    def test_broken(self) -> None:
        """A body that breaks has no effect."""
        self.failureResultOf(self.bench.broken_off("a", b"content"), ConnectionLost)
        self.check("a", b"content")

    def test_full_disk(self) -> None:
        """To repeat an upload takes no room."""
        blobs = self.bench.blobs
        assert isinstance(blobs, MemoryBlobs)
        blobs.capacity = 0
        self.assertFalse(self.bench.store("a", b"content").created)
        blobs.capacity = CAPACITY

    def test_lost_bytes(self) -> None:
        """Where the bytes are gone though the index knows them, the upload stores them anew."""
        self.bench.at_once(lambda: self.bench.blobs.remove(named("a")))
        again = self.bench.store("a", b"CONTENT!")
        self.assertTrue(again.created)
        self.assertEqual(self.bench.row_of(named("a")), again.file)
        self.check("a", b"CONTENT!")

    def damage(self, content: bytes) -> None:
        """Put other bytes in the place of the file, behind the back of the index."""
        self.bench.at_once(lambda: self.bench.blobs.remove(named("a")))
        self.bench.at_once(lambda: store(self.bench.blobs, "a", content))

    def test_damaged_bytes(self) -> None:
        """Where the bytes are damaged no upload is told that it was stored: none can be read."""
        self.damage(b"conte")
        self.refused(NameTaken, "a", 7, asked=True, body=Delivery(b"content"))
        self.refused(NameTaken, "a", 5, asked=True, body=Delivery(b"CONTE"))
        self.check("a", b"conte")
        self.bench.store("a", b"conte")

    def test_outdated_row(self) -> None:
        """Where the bytes are others than the index knows, who brings these corrects the index."""
        self.damage(b"CONTENT!")
        again = self.bench.store("a", b"CONTENT!", content_type="text/html")
        self.assertFalse(again.created)
        self.assertEqual(again.file.content_type, "text/html")
        self.assertEqual(self.bench.row_of(named("a")), again.file)


class UnknownFileTests(IntakeCase):
    """A file that is there, and of which the index knows nothing."""

    def setUp(self) -> None:
        super().setUp()
        self.bench.at_once(lambda: store(self.bench.blobs, "a", b"content"))

    def test_same_bytes(self) -> None:
        """Who brings the same bytes tells the index what they are."""
        receipt = self.bench.store("a", b"content", owner="juliet")
        self.assertFalse(receipt.created)
        self.assertEqual(self.bench.row_of(named("a")), receipt.file)
        self.assertEqual(receipt.file.owner, "juliet")

    def test_other_bytes(self) -> None:
        """Other bytes are refused, of whatever size; the file stays and is not known."""
        for content in (b"CONTENT", b"conten", b"content!", b""):
            self.refused(NameTaken, "a", len(content), asked=True, body=Delivery(content))
            self.check("a", b"content")
            self.assertIsNone(self.bench.row_of(named("a")))
        self.bench.store("a", b"content")

    def test_index_fails(self) -> None:
        """When it cannot be recorded the file stays: this upload did not bring it."""
        self.bench.index.broken[named("a")] = StoreFailed("broken")
        with self.assertRaises(StoreFailed):
            self.bench.store("a", b"content")
        self.check("a", b"content")
        self.bench.index.broken.clear()
        self.assertFalse(self.bench.store("a", b"content").created)


class RaceTests(IntakeCase):
    """Two uploads of one name at the same time."""

    def race(self, first: bytes, second: bytes) -> tuple[Deferred[Receipt], Deferred[Receipt]]:
        """Begin two uploads before either has ended, and let them end."""
        bodies = [Delivery(each, held=True) for each in (first, second)]
        uploads = [
            self.bench.upload("a/b", body, len(content), owner=owner)
            for body, content, owner in zip(bodies, (first, second), "12", strict=True)
        ]
        self.bench.pool.run_all()
        for body in bodies:
            while body.ready:
                body.come()
        return uploads[0], uploads[1]

    def test_same_bytes(self) -> None:
        """Both succeed, and one of them has created the file, whose facts both are told."""
        uploads = self.race(b"content", b"content")
        self.bench.pool.run_all()
        receipts = [now(upload) for upload in uploads]
        self.assertEqual([receipt.created for receipt in receipts], [True, False])
        self.assertEqual(receipts[0].file, receipts[1].file)
        self.check("a/b", b"content")

    def test_other_bytes(self) -> None:
        """One succeeds, and its bytes stay; the other is refused."""
        first, second = self.race(b"content", b"CONTENT")
        self.bench.pool.run_all()
        self.assertTrue(now(first).created)
        self.failureResultOf(second, NameTaken)
        self.check("a/b", b"content")

    def test_first_is_taken_back(self) -> None:
        """When the index fails for the first, the second does not rely on its file."""
        first, second = self.race(b"content", b"content")
        self.bench.index.broken[named("a/b")] = StoreFailed("broken")
        while self.bench.bytes_of(named("a/b")) is None:
            self.bench.pool.step()
        while not first.called:
            self.bench.pool.step()
        self.bench.index.broken.clear()
        self.bench.pool.run_all()
        self.failureResultOf(first, StoreFailed)
        self.assertTrue(now(second).created)
        self.check("a/b", b"content")
        row = self.bench.row_of(named("a/b"))
        assert row is not None
        self.assertEqual(row.owner, "2")


class FailureTests(IntakeCase):
    """The index or the disk fails."""

    def test_index(self) -> None:
        """A file that cannot be recorded is taken back; a later upload can store it."""
        self.bench.index.broken[named("a")] = StoreFailed("broken")
        with self.assertRaises(StoreFailed):
            self.bench.store("a", b"content")
        self.check("a", None)
        self.bench.index.broken.clear()
        self.assertTrue(self.bench.store("a", b"content").created)

    def test_blocked(self) -> None:
        """Blocked bytes are taken back, and nothing is left of them; others take the name."""
        now(self.bench.index.stored.block(sha256(b"content").digest(), NOW))
        with self.assertRaises(ContentBlocked):
            self.bench.store("a", b"content")
        self.check("a", None)
        self.bench.check_agreement([named("a")])
        self.assertTrue(self.bench.store("a", b"another").created)

    def test_index_is_full(self) -> None:
        """An index on a full disk is no space, for the file as well."""
        self.bench.index.broken[named("a")] = StoreFull("full")
        with self.assertRaises(NoSpace):
            self.bench.store("a", b"content")
        self.check("a", None)

    def test_doubtful_record(self) -> None:
        """A record of which nobody knows whether it was made does not keep the name."""
        self.bench.index.doubtful.add(named("a"))
        with self.assertRaises(StoreFailed):
            self.bench.store("a", b"content")
        self.check("a", None)
        self.bench.index.doubtful.clear()
        self.assertTrue(self.bench.store("a", b"CONTENT!").created)
        self.check("a", b"CONTENT!")


class BrokenDiskTests(SynchronousTestCase):
    """The disk fails."""

    def test_each_call(self) -> None:
        """Whatever fails is told, the rest of the body is not wanted, and nothing is left."""
        for function in ("open", "write", "setxattr", "fsync", "mkdir", "link"):
            disk = LocalDisk()
            self.addCleanup(disk.clear)
            bench = Bench(disk)
            system = failing(function, errno.EIO)
            system.install(self)
            upload = bench.upload("a/b", Delivery(b"content"), 7)
            bench.pool.run_all()
            self.failureResultOf(upload, StorageFailed)
            self.assertIn(function, system.calls)
            never_synced().install(self)
            bench.check_agreement(NAMES)
            self.assertTrue(bench.store("a/b", b"content").created)

    def test_full(self) -> None:
        """A disk that fills at any step is no space, and nothing is left."""
        for function in ("open", "write", "fsync", "mkdir", "link"):
            disk = LocalDisk()
            self.addCleanup(disk.clear)
            bench = Bench(disk)
            failing(function, errno.ENOSPC).install(self)
            upload = bench.upload("a/b", Delivery(b"content"), 7)
            bench.pool.run_all()
            self.failureResultOf(upload, NoSpace)
            never_synced().install(self)
            bench.check_agreement(NAMES)
            self.assertTrue(bench.store("a/b", b"content").created)
