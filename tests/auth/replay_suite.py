"""What every memory of signatures that count once must do, as one set of tests."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from hmacfs.auth.replay import Replays

T = TypeVar("T")


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


class ReplayTests(TestCase):
    """The rules of ``Replays``; derive from it by its module, so that it is not run."""

    def make_replays(self, clock: Clock) -> Replays:
        """Make an empty memory that tells the time by this clock."""
        raise NotImplementedError

    def setUp(self) -> None:
        self.clock = Clock()
        self.replays = self.make_replays(self.clock)

    def find(self, key: str) -> Deferred[bytes | None]:
        """Look a key up."""
        return ensureDeferred(_awaited(self.replays.find(key)))

    def claim(self, key: str, record: bytes, until: float = 100.0) -> Deferred[bytes]:
        """Claim a key."""
        return ensureDeferred(_awaited(self.replays.claim(key, until, record)))

    async def test_unknown(self) -> None:
        """A key that was never claimed has no record."""
        self.assertIsNone(await self.find("a"))

    async def test_claimed(self) -> None:
        """The first claim is remembered byte by byte, and told."""
        record = bytes(range(256))
        self.assertEqual(record, await self.claim("a", record))
        self.assertEqual(record, await self.find("a"))

    async def test_first_wins(self) -> None:
        """A later claim changes nothing, and is told the first."""
        await self.claim("a", b"first")
        self.assertEqual(b"first", await self.claim("a", b"second"))
        self.assertEqual(b"first", await self.find("a"))

    async def test_at_the_same_time(self) -> None:
        """Of claims at the same time all are told the same one."""
        claims = [self.claim("a", b"%d" % number) for number in range(10)]
        told = {await claim for claim in claims}
        self.assertEqual({await self.find("a")}, told)

    async def test_keys_are_apart(self) -> None:
        """Claims of other keys do not touch each other."""
        await self.claim("a", b"first")
        await self.claim("b", b"second")
        self.assertEqual((b"first", b"second"), (await self.find("a"), await self.find("b")))

    async def test_remembers(self) -> None:
        """A key is remembered to the last moment of its signature, whatever is claimed beside."""
        await self.claim("b", b"longer", until=200.0)
        await self.claim("a", b"shorter", until=100.0)
        self.clock.advance(100.0)
        self.assertEqual(b"shorter", await self.claim("a", b"other"))
        self.assertEqual(b"shorter", await self.find("a"))
        self.clock.advance(100.0)
        self.assertEqual(b"longer", await self.find("b"))
