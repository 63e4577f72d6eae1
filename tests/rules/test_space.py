"""Tests of the room on the disk."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import NoSpace
from hmacfs.rules.space import LOOK_INTERVAL, Reservation, Space
from tests.flow.awaiting import begun, now


class SpaceTests(SynchronousTestCase):
    """:class:`Space`, on a disk with room for 1000 bytes of which 100 must stay free."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.free = 1000
        self.looks = 0
        self.space = Space(self.look, 100, self.clock.seconds)

    def look(self) -> Deferred[int]:
        """Look at the disk."""
        self.looks += 1
        return succeed(self.free)

    def reserve(self, size: int) -> Reservation:
        """Hold room."""
        return now(self.space.reserve(size))

    def test_enough(self) -> None:
        """What leaves the minimum free is granted."""
        self.reserve(900)
        self.assertEqual(self.space.reserved, 900)

    def test_too_much(self) -> None:
        """What would not is refused, and holds nothing; something smaller is still granted."""
        with self.assertRaises(NoSpace):
            self.reserve(901)
        self.assertEqual(self.space.reserved, 0)
        self.reserve(900)

    def test_nothing_left(self) -> None:
        """Below the minimum nothing is granted, not even an empty file; at the minimum that is."""
        self.free = 99
        with self.assertRaises(NoSpace):
            self.reserve(0)
        self.clock.advance(LOOK_INTERVAL)
        self.free = 100
        self.reserve(0)

    def test_together(self) -> None:
        """Uploads that run at the same time share the room."""
        self.reserve(500)
        self.reserve(400)
        with self.assertRaises(NoSpace):
            self.reserve(1)

    def test_given_back(self) -> None:
        """An upload that ends, well or not, gives back what it did not use."""
        with self.reserve(900):
            self.assertEqual(self.space.reserved, 900)
        with self.assertRaises(KeyError), self.reserve(900):
            raise KeyError
        self.assertEqual(self.space.reserved, 0)
        self.reserve(900)

    def test_given_back_in_part(self) -> None:
        """It gives back the room of the bytes that are not on the disk, and no more."""
        with self.reserve(900) as room:
            room.taken(600)
            self.assertEqual(self.space.reserved, 300)
        self.assertEqual(self.space.reserved, 0)
        with self.assertRaises(NoSpace):
            self.reserve(301)
        self.reserve(300)

    def test_on_the_disk(self) -> None:
        """Bytes that have reached the disk count until the next look sees them, and once then."""
        room = self.reserve(500)
        room.taken(500)
        with self.assertRaises(NoSpace):
            self.reserve(401)
        self.clock.advance(LOOK_INTERVAL)
        self.free = 500
        with self.assertRaises(NoSpace):
            self.reserve(401)
        self.reserve(400)

    def test_more_than_reserved(self) -> None:
        """An upload that has more bytes than it reserved takes no room of the others."""
        self.reserve(100)
        with self.reserve(50) as room:
            room.taken(30)
            room.taken(30)
            self.assertEqual(self.space.reserved, 100)
        self.assertEqual(self.space.reserved, 100)

    def test_refill(self) -> None:
        """Room is held anew for what was taken, as long as there is some."""
        with self.reserve(500) as room:
            room.taken(300)
            now(room.refill(500))
            self.assertEqual(self.space.reserved, 500)
            room.taken(400)
            with self.assertRaises(NoSpace):
                now(room.refill(500))
            self.assertEqual(self.space.reserved, 100)
        self.assertEqual(self.space.reserved, 0)

    def test_looks(self) -> None:
        """The disk is looked at when the last look is old, and not for each upload."""
        self.reserve(1)
        self.clock.advance(LOOK_INTERVAL / 2)
        self.free = 0
        self.reserve(1)
        self.assertEqual(self.looks, 1)
        self.clock.advance(LOOK_INTERVAL / 2)
        with self.assertRaises(NoSpace):
            self.reserve(1)
        self.assertEqual(self.looks, 2)

    def test_disk_fails(self) -> None:
        """When the disk cannot be looked at, that is told, and the next upload looks again."""

        async def fails() -> int:
            raise OSError("broken")

        space = Space(fails, 100, self.clock.seconds)
        for _ in range(2):
            with self.assertRaises(OSError):
                now(space.reserve(1))
        self.assertEqual(space.reserved, 0)

    def test_slow_look(self) -> None:
        """Uploads that wait for a look at the same time do not get the same room."""
        looks: list[Deferred[int]] = []

        def look() -> Deferred[int]:
            looks.append(Deferred())
            return looks[-1]

        space = Space(look, 100, self.clock.seconds)
        first, second, gone = (begun(space.reserve(500)) for _ in range(3))
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        for each in looks[:2]:
            each.callback(1000)
        self.successResultOf(first)
        self.failureResultOf(second, NoSpace)
        self.assertEqual(space.reserved, 500)
