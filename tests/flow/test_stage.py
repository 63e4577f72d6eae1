"""Tests of the stage: bytes on their way to the disk."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from hmacfs.base.errors import SizeMismatch
from hmacfs.flow.pools import InlinePool, Lane
from hmacfs.flow.stage import HIGH_MARK, NullSink, Stage
from tests.flow.awaiting import now
from tests.flow.held_pool import HeldPool
from tests.octets import octets

UNLIMITED = 2**63
PIECE = b"x" * 65536
"""As much as one read of a socket brings."""


class DiskFull(Exception):
    """What the sink of these tests raises."""


class Memory:
    """A sink that keeps the writes apart, and is full at some size."""

    def __init__(self, capacity: int = UNLIMITED) -> None:
        self.writes: list[bytes] = []
        self.capacity = capacity

    def write(self, data: bytes | memoryview) -> None:
        """Append all of ``data``."""
        if len(self.content) + len(data) > self.capacity:
            raise DiskFull
        self.writes.append(bytes(data))

    @property
    def content(self) -> bytes:
        """All that was written."""
        return b"".join(self.writes)


@implementer(IPushProducer)
class Network:
    """A producer that notes what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    @property
    def paused(self) -> bool:
        """Whether it may send nothing."""
        return self.asked[-1:] == ["pause"]

    def pauseProducing(self) -> None:
        """Note it."""
        self.asked.append("pause")

    def resumeProducing(self) -> None:
        """Note it."""
        self.asked.append("resume")

    def stopProducing(self) -> None:
        """Note it."""
        self.asked.append("stop")


class StageCase(SynchronousTestCase):
    """A stage between a network and a disk that works when it is told to."""

    def setUp(self) -> None:
        self.pool = HeldPool()
        self.disk = Memory()
        self.network = Network()
        self.wrote: list[int] = []

    def stage(self, limit: int = UNLIMITED) -> Stage:
        """Make a stage."""
        stage = Stage(self.disk, Lane(self.pool), limit, self.wrote.append)
        stage.registerProducer(self.network, True)
        return stage

    def finished(self, stage: Stage) -> bytes:
        """Let the disk work, and return the digest."""
        result = stage.finish()
        self.pool.run_all()
        return now(result)


class WritingTests(StageCase):
    """What comes is written and hashed."""

    def test_empty(self) -> None:
        """Without a byte nothing is written; the digest is that of no bytes."""
        stage = self.stage()
        self.assertEqual(now(stage.finish()), hashlib.sha256().digest())
        self.assertEqual((self.disk.writes, stage.received, self.wrote), ([], 0, []))

    def test_one_at_a_time(self) -> None:
        """There is one write at a time; what comes meanwhile is gathered into the next one."""
        stage = self.stage()
        for data in (b"a", b"b", b"c"):
            stage.write(data)
            self.assertEqual(len(self.pool.held), 1)
        self.assertEqual(stage.received, 3)
        self.pool.run_next()
        stage.write(b"d")
        self.assertEqual(self.disk.writes, [b"a"])
        self.pool.run_all()
        self.assertEqual(self.disk.writes, [b"a", b"bc", b"d"])

    def test_finish_waits(self) -> None:
        """The end is told when all is written, and not before."""
        stage = self.stage()
        stage.write(b"a")
        stage.write(b"b")
        stage.unregisterProducer()
        result = stage.finish()
        while self.pool.busy:
            self.assertNoResult(result)
            self.pool.step()
        self.assertEqual(self.successResultOf(result), hashlib.sha256(b"ab").digest())

    def test_written_already(self) -> None:
        """Where all is written when the end comes, nobody waits."""
        stage = self.stage()
        stage.write(b"a")
        self.pool.run_all()
        self.assertEqual(now(stage.finish()), hashlib.sha256(b"a").digest())

    def test_told_what_is_written(self) -> None:
        """Bytes are told to be written when they are, and not while they wait."""
        stage = self.stage()
        stage.write(b"abc")
        stage.write(b"de")
        self.pool.do_next()
        self.assertEqual(self.wrote, [])
        self.pool.tell_next()
        self.assertEqual(self.wrote, [3])
        self.pool.run_all()
        self.assertEqual(self.wrote, [3, 2])

    def test_cancel(self) -> None:
        """Who no longer waits for the end harms nothing."""
        stage = self.stage()
        stage.write(b"a")
        result = stage.finish()
        result.cancel()
        self.failureResultOf(result, CancelledError)
        self.pool.run_all()
        self.assertEqual(self.disk.content, b"a")

    def test_null_sink(self) -> None:
        """Over a sink that keeps nothing there is the digest all the same."""
        stage = Stage(NullSink(), Lane(InlinePool()), UNLIMITED)
        stage.write(b"ab")
        stage.write(b"c")
        self.assertEqual(now(stage.finish()), hashlib.sha256(b"abc").digest())

    @given(st.lists(octets(max_size=40)), st.lists(st.integers(0, 3)))
    def test_any_pieces(self, pieces: Sequence[bytes], steps: Sequence[int]) -> None:
        """However a body is cut, and whenever the disk works, its bytes and digest are right."""
        pool, disk, wrote = HeldPool(), Memory(), list[int]()
        stage = Stage(disk, Lane(pool), UNLIMITED, wrote.append)
        waits = iter(steps)
        for piece in pieces:
            stage.write(piece)
            for _ in range(next(waits, 0)):
                if pool.busy:
                    pool.step()
        result = stage.finish()
        pool.run_all()
        body = b"".join(pieces)
        self.assertEqual(disk.content, body)
        self.assertEqual(now(result), hashlib.sha256(body).digest())
        self.assertEqual((stage.received, sum(wrote)), (len(body), len(body)))


class PaceTests(StageCase):
    """The network goes no faster than the disk."""

    def fill(self, stage: Stage, size: int) -> None:
        """Let so many bytes come in behind a write that has begun."""
        stage.write(b"first")
        stage.write(b"x" * size)

    def test_interface(self) -> None:
        """A producer is registered and let go as with any consumer; it must be a push producer."""
        stage = Stage(self.disk, Lane(self.pool), UNLIMITED)
        with self.assertRaises(ValueError):
            stage.registerProducer(self.network, False)
        stage.registerProducer(self.network, True)
        self.assertEqual(self.network.asked, [])

    def test_below_the_mark(self) -> None:
        """Less than the high mark waits without a pause."""
        self.fill(self.stage(), HIGH_MARK - 1)
        self.assertEqual(self.network.asked, [])

    def test_at_the_mark(self) -> None:
        """At the high mark the network pauses."""
        self.fill(self.stage(), HIGH_MARK)
        self.assertEqual(self.network.asked, ["pause"])

    def test_own_mark(self) -> None:
        """The mark is where it was asked for."""
        stage = Stage(self.disk, Lane(self.pool), UNLIMITED, high_mark=100)
        stage.registerProducer(self.network, True)
        self.fill(stage, 99)
        self.assertEqual(self.network.asked, [])
        stage.write(b"x")
        self.assertEqual(self.network.asked, ["pause"])

    def test_first_write(self) -> None:
        """What the disk has begun to write does not wait, however much it is."""
        self.stage().write(b"x" * 2 * HIGH_MARK)
        self.assertEqual(self.network.asked, [])

    def test_late_bytes(self) -> None:
        """Bytes that come after the pause are taken, and there is no second pause."""
        stage = self.stage()
        self.fill(stage, HIGH_MARK)
        stage.write(b"late")
        stage.write(b"later")
        self.assertEqual(self.network.asked, ["pause"])
        self.finished(stage)
        self.assertTrue(self.disk.content.endswith(b"xlatelater"))

    def test_resumes(self) -> None:
        """The network goes on when the disk has taken up what waited, and not before."""
        stage = self.stage()
        self.fill(stage, HIGH_MARK)
        self.pool.do_next()
        self.assertEqual(self.network.asked, ["pause"])
        self.pool.tell_next()
        self.assertEqual(self.network.asked, ["pause", "resume"])
        self.pool.run_all()
        self.assertEqual(self.network.asked, ["pause", "resume"])

    def test_again(self) -> None:
        """It may pause as often as it needs."""
        stage = self.stage()
        self.fill(stage, HIGH_MARK)
        self.pool.run_next()
        stage.write(b"x" * HIGH_MARK)
        self.assertEqual(self.network.asked, ["pause", "resume", "pause"])

    def test_without_a_producer(self) -> None:
        """Whoever writes without a producer is not paused, and loses nothing."""
        stage = Stage(self.disk, Lane(self.pool), UNLIMITED)
        self.fill(stage, HIGH_MARK)
        self.finished(stage)
        self.assertEqual(len(self.disk.content), len(b"first") + HIGH_MARK)

    def test_body_ended(self) -> None:
        """A producer that was let go is asked for nothing more."""
        stage = self.stage()
        self.fill(stage, HIGH_MARK)
        stage.unregisterProducer()
        self.finished(stage)
        self.assertEqual(self.network.asked, ["pause"])

    @given(st.data())
    def test_bounded(self, data: st.DataObject) -> None:
        """A network that heeds the pauses never has much more than two high marks in memory."""
        pool, disk, network, written = HeldPool(), Memory(), Network(), list[int]()
        stage = Stage(disk, Lane(pool), UNLIMITED, written.append)
        stage.registerProducer(network, True)
        for brings in data.draw(st.lists(st.integers(0, 40), max_size=30)):
            for _ in range(brings):
                if not network.paused:
                    stage.write(PIECE)
            self.assertLess(stage.received - sum(written), 2 * (HIGH_MARK + len(PIECE)))
            if pool.busy:
                pool.step()
        pool.run_all()
        self.assertFalse(network.paused)
        self.assertEqual(len(disk.content), stage.received)


class ErrorTests(StageCase):
    """What goes wrong is kept for whoever waits for the end."""

    def test_disk(self) -> None:
        """An error of the disk stops the network at once, and is raised at the end."""
        self.disk.capacity = 2
        stage = self.stage()
        stage.write(b"abc")
        self.pool.run_next()
        self.assertEqual(self.network.asked, ["stop"])
        self.failureResultOf(stage.finish(), DiskFull)
        self.assertEqual(self.wrote, [])

    def test_disk_at_the_end(self) -> None:
        """So is one that comes while the end is waited for."""
        self.disk.capacity = 2
        stage = self.stage()
        stage.write(b"abc")
        result = stage.finish()
        self.pool.run_all()
        self.failureResultOf(result, DiskFull)

    def test_later_bytes(self) -> None:
        """After an error nothing is written, neither what waited nor what still comes."""
        self.disk.capacity = 2
        stage = self.stage()
        stage.write(b"abc")
        stage.write(b"d")
        self.pool.run_next()
        self.disk.capacity = UNLIMITED
        stage.write(b"e")
        self.failureResultOf(stage.finish(), DiskFull)
        self.assertFalse(self.pool.busy)
        self.assertEqual(self.disk.writes, [])

    def test_paused(self) -> None:
        """A network that was stopped by an error is not told to go on."""
        self.disk.capacity = 2
        stage = self.stage()
        stage.write(b"abc")
        stage.write(b"x" * HIGH_MARK)
        self.pool.run_all()
        self.assertEqual(self.network.asked, ["pause", "stop"])

    def test_longest(self) -> None:
        """A body may be as long as the limit."""
        stage = self.stage(limit=4)
        stage.write(b"abc")
        stage.write(b"d")
        self.assertEqual(self.finished(stage), hashlib.sha256(b"abcd").digest())
        self.assertEqual(self.network.asked, [])

    def test_too_long(self) -> None:
        """A byte more than the limit is refused, and the network stopped, as soon as it comes."""
        stage = self.stage(limit=4)
        stage.write(b"abcde")
        self.assertEqual(self.network.asked, ["stop"])
        error = self.failureResultOf(stage.finish(), SizeMismatch).value
        self.assertEqual(error.facts, {"expected": 4})
        self.assertFalse(self.pool.busy)

    def test_too_long_while_writing(self) -> None:
        """The end waits for the write that has begun; what waited behind it is dropped."""
        stage = self.stage(limit=4)
        for data in (b"ab", b"cd", b"e", b"f"):
            stage.write(data)
        self.assertEqual(self.network.asked, ["stop"])
        result = stage.finish()
        self.assertNoResult(result)
        self.pool.run_all()
        self.failureResultOf(result, SizeMismatch)
        self.assertEqual(self.disk.writes, [b"ab"])

    def test_stops_once(self) -> None:
        """A network is stopped once, even when the disk fails after a body that is too long."""
        self.disk.capacity = 1
        stage = self.stage(limit=4)
        stage.write(b"ab")
        stage.write(b"cde")
        self.pool.run_all()
        self.assertEqual(self.network.asked, ["stop"])
        with self.assertRaises((SizeMismatch, DiskFull)):
            now(stage.finish())

    def test_let_go(self) -> None:
        """An error after the body has ended asks nothing of the producer that was let go."""
        self.disk.capacity = 1
        stage = self.stage()
        stage.write(b"ab")
        stage.unregisterProducer()
        self.pool.run_all()
        self.assertEqual(self.network.asked, [])
        self.failureResultOf(stage.finish(), DiskFull)

    def test_nobody_asks(self) -> None:
        """An error that nobody asks for is no loose end."""
        self.disk.capacity = 1
        stage = self.stage()
        stage.write(b"ab")
        result: Deferred[bytes] = stage.finish()
        result.cancel()
        self.failureResultOf(result, CancelledError)
        self.pool.run_all()
        del stage
        self.assertEqual(self.flushLoggedErrors(), [])
