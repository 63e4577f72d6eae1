"""Signatures that count once."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from hmacfs.auth.permit import Once
from hmacfs.auth.replay import (
    Ledger,
    MemoryReplays,
    Replays,
    Upload,
    check_announced,
    check_stored,
)
from hmacfs.base.errors import Replayed
from hmacfs.base.names import StoredName
from tests.auth import replay_suite
from tests.auth.scheme_suite import PROPERTY

UPLOAD = Upload(StoredName.parse("a/bücher.txt".encode()), 5, b"\1" * 32)
OTHER_NAME = StoredName.parse(b"other.txt")
ONCE = Once.of("x", "1", until=100.0)


class MemoryReplaysTests(replay_suite.ReplayTests):
    """The memory of one process."""

    def make_replays(self, clock: Clock) -> Replays:
        """Make an empty memory."""
        return MemoryReplays(clock.seconds)

    async def test_forgets(self) -> None:
        """When the last moment is over a key is forgotten, and can be claimed anew."""
        for key in ("a", "b"):
            await self.claim(key, b"first")
        self.clock.advance(100.1)
        self.assertEqual(b"second", await self.claim("a", b"second", until=200.0))
        self.clock.advance(50.0)
        self.assertEqual(b"second", await self.find("a"))
        self.assertIsNone(await self.find("b"))


class UploadTests(SynchronousTestCase):
    """``Upload`` and its record."""

    @PROPERTY
    @given(st.integers(0, 1 << 60), st.binary(min_size=32, max_size=32))
    def test_round_trip(self, size: int, digest: bytes) -> None:
        """What is written is read back."""
        upload = Upload(UPLOAD.name, size, digest)
        self.assertEqual(upload, Upload.decode(upload.encode()))

    def test_no_record(self) -> None:
        """What is no record is a ValueError, whatever is wrong with it."""
        good = UPLOAD.encode()
        for record in (
            b"",
            b"\xff",
            b"[]",
            b"1",
            b"{}",
            good[:-1],
            good.replace(b"a/b", b"../b"),
            good.replace(b'"a/b\xc3\xbccher.txt"', b"1"),
            good.replace(b":5", b":null"),
            good.replace(b"01" * 32, b"01"),
            good.replace(b"01" * 32, b"xx" * 32),
        ):
            self.assertRaises(ValueError, Upload.decode, record)

    def test_digest(self) -> None:
        """A digest has 32 bytes."""
        for digest in (b"", b"\1" * 31, b"\1" * 33):
            self.assertRaises(ValueError, Upload, UPLOAD.name, 5, digest)


class AnnouncedTests(SynchronousTestCase):
    """``check_announced``."""

    def test_again(self) -> None:
        """The same upload may come again, also where its size is not told yet."""
        check_announced(UPLOAD, UPLOAD.name, 5)
        check_announced(UPLOAD, UPLOAD.name, None)

    def test_other(self) -> None:
        """Another name or size is refused before the body."""
        self.assertRaises(Replayed, check_announced, UPLOAD, OTHER_NAME, 5)
        self.assertRaises(Replayed, check_announced, UPLOAD, OTHER_NAME, None)
        self.assertRaises(Replayed, check_announced, UPLOAD, UPLOAD.name, 6)
        self.assertRaises(Replayed, check_announced, UPLOAD, UPLOAD.name, 0)


class StoredTests(SynchronousTestCase):
    """``check_stored``."""

    def test_same(self) -> None:
        """Identical bytes under the same name are answered as the first time."""
        check_stored(UPLOAD, evolve(UPLOAD))

    def test_other(self) -> None:
        """Other bytes, another size or another name are refused."""
        for other in (
            evolve(UPLOAD, sha256=b"\2" * 32),
            evolve(UPLOAD, size=6),
            evolve(UPLOAD, name=OTHER_NAME),
        ):
            self.assertRaises(Replayed, check_stored, UPLOAD, other)


class LedgerTests(TestCase):
    """``Ledger``, over the memory of one process."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.ledger = Ledger(MemoryReplays(self.clock.seconds))

    async def assert_replayed(self, *, before_body: bool, upload: Upload) -> None:
        """Fail unless an upload is refused, before its body or after."""
        with self.assertRaises(Replayed):
            if before_body:
                await self.ledger.check(ONCE, upload.name, upload.size)
            else:
                await self.ledger.settle(ONCE, upload)

    async def test_first(self) -> None:
        """A signature that led to nothing may lead to anything; looking at it uses nothing up."""
        await self.ledger.check(ONCE, UPLOAD.name, 5)
        await self.ledger.check(ONCE, OTHER_NAME, 6)
        await self.ledger.settle(ONCE, UPLOAD)

    async def test_again(self) -> None:
        """The same upload comes through again and again."""
        for _ in range(3):
            await self.ledger.check(ONCE, UPLOAD.name, 5)
            await self.ledger.settle(ONCE, UPLOAD)

    async def test_other(self) -> None:
        """Another upload does not, and does not take the place of the first."""
        await self.ledger.settle(ONCE, UPLOAD)
        await self.assert_replayed(before_body=True, upload=evolve(UPLOAD, size=6))
        await self.assert_replayed(before_body=True, upload=evolve(UPLOAD, name=OTHER_NAME))
        for other in (evolve(UPLOAD, size=6), evolve(UPLOAD, sha256=b"\2" * 32)):
            await self.assert_replayed(before_body=False, upload=other)
        await self.ledger.settle(ONCE, UPLOAD)

    async def test_race(self) -> None:
        """Of two uploads that were both let in, the first that is whole is published."""
        other = evolve(UPLOAD, sha256=b"\2" * 32)
        for upload in (UPLOAD, other):
            await self.ledger.check(ONCE, upload.name, upload.size)
        await self.ledger.settle(ONCE, other)
        await self.assert_replayed(before_body=False, upload=UPLOAD)

    async def test_forgets(self) -> None:
        """When the signature has expired it is forgotten."""
        await self.ledger.settle(ONCE, UPLOAD)
        self.clock.advance(100.1)
        await self.ledger.check(ONCE, OTHER_NAME, 6)
