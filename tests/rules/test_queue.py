"""Tests of hmacfs.rules.queue."""

from __future__ import annotations

from contextlib import ExitStack

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import Unavailable
from hmacfs.base.events import Events, UploadsChanged
from hmacfs.rules.queue import Scaling, UploadQueue


class QueueTests(SynchronousTestCase):
    """A queue of three beside two threads."""

    def setUp(self) -> None:
        self.events = Events()
        self.told: list[UploadsChanged] = []
        self.events.listen(UploadsChanged, self.told.append)
        self.queue = UploadQueue(2, 3, self.events, retry_after=7.0)

    def test_full(self) -> None:
        """Five are taken and no sixth, which is told when to come back; then there is a place."""
        with ExitStack() as uploads:
            for _ in range(5):
                self.queue.check()
                uploads.enter_context(self.queue.place())
            with self.assertRaises(Unavailable) as caught:
                self.queue.check()
            self.assertEqual(caught.exception.facts, {"retry_after": 7.0})
            self.assertRaises(Unavailable, self.queue.place().__enter__)
            self.assertEqual(self.queue.count, 5)
        with self.queue.place():
            self.assertEqual(self.queue.count, 1)

    def test_told(self) -> None:
        """Each change is told, with how many wait."""
        with self.queue.place(), self.queue.place(), self.queue.place():
            pass
        self.assertEqual(
            [(event.count, event.waiting) for event in self.told],
            [(1, 0), (2, 0), (3, 1), (2, 0), (1, 0), (0, 0)],
        )

    def test_memory(self) -> None:
        """Above its bound of memory it takes no upload, and goes on with those that it has."""
        used = [99.0]
        self.queue.memory = lambda: used[0]
        self.queue.most_memory = 100
        self.queue.retry_after = 30.0
        with self.queue.place():
            used[0] = 100.0
            with self.assertRaises(Unavailable) as caught:
                self.queue.check()
            self.assertEqual(caught.exception.facts, {"retry_after": 30.0})
            self.assertEqual(self.queue.count, 1)
        used[0] = 50.0
        self.queue.check()

    def test_made_smaller(self) -> None:
        """A queue that a reload makes smaller lets those go on that it has."""
        with self.queue.place(), self.queue.place(), self.queue.place():
            self.queue.size = 1
            self.assertRaises(Unavailable, self.queue.check)
        self.queue.check()


class ScalingTests(SynchronousTestCase):
    """Threads that follow a queue."""

    @given(st.lists(st.booleans(), max_size=60))
    def test_follows(self, changes: list[bool]) -> None:
        """There are most while it is long, least while it is short; in between all stays."""
        events = Events()
        queue = UploadQueue(4, 10, events)
        sizes = [4]
        scaling = Scaling(queue, sizes.append, 4, 16, up=40, down=10)
        events.listen(UploadsChanged, scaling.follow)
        places = []
        for more in changes:
            before = sizes[-1]
            if more and queue.count < 14:
                places.append(queue.place())
                places[-1].__enter__()
            elif places:
                places.pop().__exit__(None, None, None)
            if queue.count >= 8:
                expected = 16
            elif queue.count <= 4:
                expected = 4
            else:
                expected = before
            self.assertEqual(sizes[-1], expected)
