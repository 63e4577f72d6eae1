"""Tests of the steps of an upload whose grant depends on its bytes, and of what it has to meet."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.permit import Once, Permit
from hmacfs.base.errors import (
    DigestMismatch,
    NameTaken,
    NoSpace,
    QuotaExceeded,
    Refusal,
    Replayed,
    SizeMismatch,
    TooLarge,
)
from hmacfs.base.events import UploadFailed, UploadStored
from hmacfs.base.values import Grant, Tombstone
from hmacfs.blobs.memory import MemoryBlobs
from hmacfs.ingest.publication import Receipt
from hmacfs.ingest.staged import Staged
from hmacfs.rules.conditions import UNCONDITIONAL, Conditions
from tests.blobs.samples import named
from tests.flow.awaiting import begun, now
from tests.ingest.bench import CAPACITY, LARGEST, NOW, Bench, Delivery, MemoryDisk

T = TypeVar("T")

ONCE = Once("key", NOW + 60)
NAMES = [named(name) for name in ("a", "b", "c")]


def grant(name: str, size: int, **facts: Any) -> Grant:
    """Make a grant."""
    return Grant(named(name), size, **{"content_type": "text/plain", "scheme": "query"} | facts)


class BenchCase(SynchronousTestCase):
    """Tests on a bench in memory, where nothing is under way or left at the end."""

    def setUp(self) -> None:
        self.bench = Bench(MemoryDisk())
        self.addCleanup(self.bench.check_agreement, NAMES)
        self.told: list[object] = []
        self.bench.intake.events.listen(UploadStored, self.told.append)
        self.bench.intake.events.listen(UploadFailed, self.told.append)

    def finished(self, begin: Callable[[], Awaitable[T]]) -> T:
        """Return what comes of something when all that it waits for has come."""
        result = begun(begin())
        self.bench.pool.run_all()
        return now(result)

    def refused(
        self, kind: type[Refusal], begin: Callable[[], Awaitable[object]]
    ) -> dict[str, str | int | float]:
        """Fail unless something is refused in this way; return the facts."""
        with self.assertRaises(kind) as caught:
            self.finished(begin)
        facts: dict[str, str | int | float] = caught.exception.facts
        return facts


class StagedTests(BenchCase):
    """:meth:`Intake.staged` and :meth:`Intake.store`."""

    async def upload(
        self,
        body: Delivery,
        limit: int = LARGEST,
        name: str = "a",
        conditions: Conditions = UNCONDITIONAL,
        **facts: Any,
    ) -> Receipt:
        """Take a file in, and grant it when its size is known."""
        async with self.bench.intake.staged(body, limit) as staged:
            return await self.bench.intake.store(
                staged, grant(name, staged.size, **facts), conditions
            )

    def test_facts(self) -> None:
        """What is staged is known by size and digest, and is not visible."""

        async def look() -> tuple[int, bytes]:
            async with self.bench.intake.staged(Delivery(b"con", b"tent"), LARGEST) as staged:
                self.assertIsNone(self.bench.bytes_of(named("a")))
                return staged.size, staged.sha256

        self.assertEqual(self.finished(look), (7, sha256(b"content").digest()))
        self.assertEqual(self.told, [])

    def test_stored(self) -> None:
        """What is stored is a file like any other, with all that the grant says."""
        facts: dict[str, Any] = {"owner": "romeo", "expires_at": NOW + 9, "metadata": '{"a":1}'}
        receipt = self.finished(lambda: self.upload(Delivery(b"content"), **facts))
        self.assertTrue(receipt.created)
        self.assertEqual(self.bench.row_of(named("a")), receipt.file)
        self.assertEqual(self.bench.bytes_of(named("a")), b"content")
        file = receipt.file
        self.assertEqual((file.owner, file.expires_at, file.metadata), tuple(facts.values()))
        self.assertEqual(self.told, [UploadStored(file, True, 0.0)])

    def test_limit(self) -> None:
        """As many bytes as the limit are taken, and not one more; the rest is not asked for."""
        self.assertEqual(self.finished(lambda: self.upload(Delivery(b"1234"), 4)).file.size, 4)
        body = Delivery(b"1234", b"5", b"6", held=True)
        upload = begun(self.upload(body, 4, "b"))
        self.bench.pool.run_all()
        body.come()
        self.assertTrue(body.ready)
        body.come()
        self.assertFalse(body.ready)
        self.bench.pool.run_all()
        self.assertEqual(self.failureResultOf(upload, TooLarge).value.facts, {"limit": 4})
        self.assertEqual(self.told[1:], [UploadFailed("too-large")])

    def test_fewer(self) -> None:
        """Fewer bytes than the limit are fine, even none; the room that was kept is free again."""
        self.assertEqual(self.finished(lambda: self.upload(Delivery(), 100)).file.size, 0)
        self.assertEqual(self.bench.space.reserved, 0)

    def test_refused_meanwhile(self) -> None:
        """When whoever looked at the bytes refuses them, they are gone and it is told."""

        async def refuse() -> None:
            async with self.bench.intake.staged(Delivery(b"content"), LARGEST):
                raise DigestMismatch("no")

        self.refused(DigestMismatch, refuse)
        self.assertEqual(self.told, [UploadFailed("digest-mismatch")])

    def test_no_space(self) -> None:
        """Room is asked for before the bytes."""
        blobs = self.bench.blobs
        assert isinstance(blobs, MemoryBlobs)
        blobs.capacity = 6
        body = Delivery(b"content")
        self.refused(NoSpace, lambda: self.upload(body, 7))
        self.assertFalse(body.asked)
        blobs.capacity = CAPACITY

    def test_other_size(self) -> None:
        """A grant of another size than the bytes have is of no use."""

        async def store() -> Receipt:
            async with self.bench.intake.staged(Delivery(b"content"), LARGEST) as staged:
                return await self.bench.intake.store(staged, grant("a", 6))

        facts = self.refused(SizeMismatch, store)
        self.assertEqual(facts, {"expected": 6, "received": 7})

    def test_again(self) -> None:
        """The same bytes again are a success that changes nothing; others are refused."""
        first = self.finished(lambda: self.upload(Delivery(b"content"), owner="romeo"))
        again = self.finished(lambda: self.upload(Delivery(b"content"), owner="juliet"))
        self.assertEqual(again, Receipt(first.file, created=False))
        self.refused(NameTaken, lambda: self.upload(Delivery(b"CONTENT")))
        self.assertEqual(self.bench.row_of(named("a")), first.file)

    def test_deleted_meanwhile(self) -> None:
        """A name that was deleted while the bytes came is taken."""
        body = Delivery(b"content", held=True)
        upload = begun(self.upload(body))
        self.bench.pool.run_all()
        now(self.bench.index.stored.bury(Tombstone(named("a"), NOW, "deleted")))
        while body.ready:
            body.come()
        self.bench.pool.run_all()
        self.failureResultOf(upload, NameTaken)

    def test_client_goes_while_staging(self) -> None:
        """When nobody waits any more for bytes that still come, they are gone."""
        body = Delivery(b"content", held=True)
        upload = begun(self.upload(body))
        self.bench.pool.run_all()
        upload.addErrback(lambda _: None)
        upload.cancel()
        self.bench.pool.run_all()
        self.assertEqual(self.told, [UploadFailed("aborted")])

    def test_client_goes_while_storing(self) -> None:
        """When nobody waits any more for a file that is being stored, it is stored."""
        upload = begun(self.upload(Delivery(b"content")))
        while not self.stores():
            self.bench.pool.step()
        upload.addErrback(lambda _: None)
        upload.cancel()
        self.bench.pool.run_all()
        self.assertEqual(self.bench.bytes_of(named("a")), b"content")
        self.assertEqual([type(each) for each in self.told], [UploadStored])

    def stores(self) -> bool:
        """Tell whether somebody has a turn at a name."""
        return self.bench.intake.turns.count > 0


class DigestTests(BenchCase):
    """:attr:`Conditions.sha256`."""

    GOOD = Conditions(sha256=sha256(b"content").digest())

    def test_right(self) -> None:
        """The announced bytes are taken, and taken again."""
        for created in (True, False):
            receipt = self.finished(self.upload)
            self.assertEqual(receipt.created, created)

    def upload(self) -> Awaitable[Receipt]:
        """Upload the announced bytes."""
        return self.bench.intake.receive(grant("a", 7), Delivery(b"content"), self.GOOD)

    def test_wrong(self) -> None:
        """Other bytes are refused, also if they are those of the file that is there."""
        receive = self.bench.intake.receive
        self.refused(
            DigestMismatch, lambda: receive(grant("a", 7), Delivery(b"CONTENT"), self.GOOD)
        )
        self.bench.store("a", b"CONTENT")
        self.refused(
            DigestMismatch, lambda: receive(grant("a", 7), Delivery(b"CONTENT"), self.GOOD)
        )


class OnceTests(BenchCase):
    """:attr:`Conditions.once`."""

    def upload(self, name: str, content: bytes, body: Delivery | None = None) -> Deferred[Receipt]:
        """Upload under the one signature."""
        body = Delivery(content) if body is None else body
        conditions = Conditions(once=ONCE)
        upload = begun(self.bench.intake.receive(grant(name, len(content)), body, conditions))
        self.bench.pool.run_all()
        return upload

    def test_same(self) -> None:
        """The same upload again is a success."""
        self.assertTrue(now(self.upload("a", b"content")).created)
        self.assertFalse(now(self.upload("a", b"content")).created)

    def test_other_announced(self) -> None:
        """Another name or size is refused before the body."""
        now(self.upload("a", b"content"))
        for name, content in (("b", b"content"), ("a", b"other size")):
            body = Delivery(content)
            self.failureResultOf(self.upload(name, content, body), Replayed)
            self.assertFalse(body.asked)

    def test_other_bytes(self) -> None:
        """Other bytes of the same size are refused when they are known."""
        now(self.upload("a", b"content"))
        self.failureResultOf(self.upload("a", b"CONTENT"), Replayed)
        self.assertEqual(self.bench.bytes_of(named("a")), b"content")

    def test_other_bytes_of_a_file_that_is_gone(self) -> None:
        """What a signature led to is remembered beyond the life of the file."""
        now(self.upload("a", b"content"))
        now(self.bench.index.stored.bury(Tombstone(named("a"), NOW - LARGEST, "deleted")))
        self.bench.at_once(lambda: self.bench.blobs.remove(named("a")))
        self.failureResultOf(self.upload("a", b"CONTENT"), Replayed)

    def test_race(self) -> None:
        """Of two uploads at the same time under one signature one is stored."""
        conditions = Conditions(once=ONCE)
        uploads = [
            begun(self.bench.intake.receive(grant(name, 7), Delivery(b"content"), conditions))
            for name in ("a", "b")
        ]
        self.bench.pool.run_all()
        self.assertTrue(now(uploads[0]).created)
        self.failureResultOf(uploads[1], Replayed)
        self.assertIsNone(self.bench.bytes_of(named("b")))


class QuotaTests(BenchCase):
    """:attr:`Conditions.quota`."""

    def upload(
        self, name: str, content: bytes, owner: str | None = "romeo", body: Delivery | None = None
    ) -> Deferred[Receipt]:
        """Begin an upload of somebody who may have ten bytes."""
        body = Delivery(content) if body is None else body
        conditions = Conditions(quota=10)
        return begun(
            self.bench.intake.receive(grant(name, len(content), owner=owner), body, conditions)
        )

    def test_before_the_body(self) -> None:
        """What does not fit is refused before its body, with what is used and what may be."""
        self.bench.store("a", b"content", owner="romeo")
        body = Delivery(b"1234")
        upload = self.upload("b", b"1234", body=body)
        self.bench.pool.run_all()
        refusal = self.failureResultOf(upload, QuotaExceeded).value
        self.assertEqual(refusal.facts, {"used": 7, "limit": 10, "requested": 4})
        self.assertFalse(body.asked)

    def test_just_fits(self) -> None:
        """The quota may be used up."""
        self.bench.store("a", b"content", owner="romeo")
        upload = self.upload("b", b"123")
        self.bench.pool.run_all()
        self.assertTrue(now(upload).created)

    def test_others(self) -> None:
        """What others have does not count, and nobody's files have no quota."""
        self.bench.store("a", b"content", owner="juliet")
        uploads = [self.upload("b", b"0123456789"), self.upload("c", b"0" * 20, owner=None)]
        self.bench.pool.run_all()
        self.assertTrue(all(now(upload).created for upload in uploads))

    def test_again(self) -> None:
        """To repeat an upload uses nothing."""
        for created in (True, False):
            upload = self.upload("a", b"0123456789")
            self.bench.pool.run_all()
            self.assertEqual(now(upload).created, created)

    def test_race(self) -> None:
        """Two uploads at the same time that fit the quota each for itself do not both fit."""
        uploads = [self.upload("a", b"123456"), self.upload("b", b"1234567")]
        self.bench.pool.run_all()
        self.assertTrue(now(uploads[0]).created)
        self.failureResultOf(uploads[1], QuotaExceeded)
        self.assertIsNone(self.bench.bytes_of(named("b")))


class ConditionsTests(SynchronousTestCase):
    """:meth:`Conditions.of`."""

    def test_permit(self) -> None:
        """They are those bounds of a permit that a grant does not hold."""
        permit = Permit("query", sha256=bytes(32), quota=5, once=ONCE, allowed_types=("image/*",))
        self.assertEqual(Conditions.of(permit), Conditions(bytes(32), 5, ONCE, ("image/*",)))
        self.assertEqual(Conditions.of(Permit("v")), UNCONDITIONAL)


class StagedReprTests(BenchCase):
    """:class:`Staged`."""

    def test_repr(self) -> None:
        """It shows what it is, and not where."""

        async def look() -> Staged:
            async with self.bench.intake.staged(Delivery(b"content"), LARGEST) as staged:
                return staged

        self.assertIn("size=7", repr(self.finished(look)))
