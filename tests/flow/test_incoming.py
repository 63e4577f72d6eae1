"""Tests of hmacfs.flow.incoming."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionLost
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.flow.incoming import Chunks, Valve
from tests.ingest.bench import Delivery


class ChunksTests(SynchronousTestCase):
    """:class:`Chunks`."""

    def taken(self, chunks: Chunks) -> bytes:
        """Return the next chunk, which is there."""
        return self.successResultOf(chunks.next())

    def test_all(self) -> None:
        """The chunks come in order, then the end, however often it is asked for."""
        chunks = Chunks(Delivery(b"a", b"bc", b"d"))
        self.assertEqual([self.taken(chunks) for _ in range(5)], [b"a", b"bc", b"d", b"", b""])

    def test_not_before_it_is_wanted(self) -> None:
        """Nobody asks for the body before somebody waits for it."""
        body = Delivery(b"a")
        chunks = Chunks(body)
        self.assertFalse(body.asked)
        self.taken(chunks)
        self.assertTrue(body.asked)

    def test_waits(self) -> None:
        """What has not come yet is waited for, and so is the end."""
        body = Delivery(b"a", held=True)
        chunks = Chunks(body)
        for expected in (b"a", b""):
            waiting = chunks.next()
            self.assertNoResult(waiting)
            body.come()
            self.assertEqual(self.successResultOf(waiting), expected)

    def test_pressure(self) -> None:
        """What comes though nobody waits is held, and the body paused until somebody does."""
        body = Delivery(b"a", b"b", b"c", held=True)
        chunks = Chunks(body)
        waiting = chunks.next()
        body.come()
        self.assertEqual(self.successResultOf(waiting), b"a")
        body.come()
        self.assertFalse(body.ready)
        self.assertEqual(self.taken(chunks), b"b")
        self.assertFalse(body.ready)
        waiting = chunks.next()
        self.assertTrue(body.ready)
        body.come()
        self.assertEqual(self.successResultOf(waiting), b"c")

    def test_broken(self) -> None:
        """What breaks the body is told after what came, every time."""
        body = Delivery(b"a", b"b", held=True)
        chunks = Chunks(body)
        first = chunks.next()
        body.come()
        body.come()
        body.break_off()
        self.assertEqual(self.successResultOf(first), b"a")
        self.assertEqual(self.taken(chunks), b"b")
        for _ in range(2):
            self.failureResultOf(chunks.next(), ConnectionLost)

    def test_broken_while_waiting(self) -> None:
        """Who waits when the body breaks is told why."""
        body = Delivery(b"a", held=True)
        waiting = Chunks(body).next()
        body.break_off()
        self.failureResultOf(waiting, ConnectionLost)

    def test_stop(self) -> None:
        """Who wants no more gets the end, and the body is let go."""
        body = Delivery(b"a", b"b", b"c", held=True)
        chunks = Chunks(body)
        chunks.next()
        body.come()
        body.come()
        chunks.stop()
        self.assertFalse(body.ready)
        self.assertEqual(self.taken(chunks), b"")
        Chunks(body).stop()

    def test_cancelled(self) -> None:
        """Who stops waiting loses nothing: the chunk is there for the next."""
        body = Delivery(b"a", held=True)
        chunks = Chunks(body)
        waiting = chunks.next()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        body.come()
        self.assertEqual(self.taken(chunks), b"a")

    def test_pull_producer(self) -> None:
        """Only what pushes can be taken."""
        self.assertRaises(ValueError, Chunks(Delivery()).registerProducer, object(), False)


class ValveTests(SynchronousTestCase):
    """:class:`Valve`."""

    def passes(self, valve: Valve) -> bool:
        """Tell whether one can pass at once."""
        waiting = valve.open()
        if waiting.called:
            self.successResultOf(waiting)
            return True
        waiting.addErrback(lambda _: None)
        waiting.cancel()
        return False

    def test_turned(self) -> None:
        """It is open at first, and whenever it was opened last."""
        valve = Valve()
        self.assertTrue(self.passes(valve))
        valve.pauseProducing()
        self.assertFalse(self.passes(valve))
        valve.pauseProducing()
        valve.resumeProducing()
        self.assertTrue(self.passes(valve))
        valve.resumeProducing()
        self.assertTrue(self.passes(valve))

    def test_waits(self) -> None:
        """Who waits passes when it is opened."""
        valve = Valve()
        valve.pauseProducing()
        waiting: Deferred[None] = valve.open()
        self.assertNoResult(waiting)
        valve.resumeProducing()
        self.successResultOf(waiting)

    def test_stopped(self) -> None:
        """When nobody wants more nobody waits, whatever it was before."""
        valve = Valve()
        valve.pauseProducing()
        waiting = valve.open()
        valve.stopProducing()
        self.successResultOf(waiting)
        self.assertTrue(valve.stopped)
        self.assertTrue(self.passes(valve))
        valve.pauseProducing()
        self.assertTrue(self.passes(valve))
