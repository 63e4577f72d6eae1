"""Tests of the source: bytes on their way to the network."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer, IProducer
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from hmacfs.flow.pools import Lane
from hmacfs.flow.source import READ_SIZE, Source, Truncated
from tests.flow.held_pool import HeldPool
from tests.octets import octets


class Disk:
    """Bytes that can be read at an offset; notes each read."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.reads: list[tuple[int, int]] = []

    def read_at(self, offset: int, length: int) -> bytes:
        """Read up to ``length`` bytes at ``offset``."""
        self.reads.append((offset, length))
        return self.content[offset : offset + length]


class BrokenDisk(Disk):
    """A disk that cannot be read."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Fail."""
        raise OSError("unreadable")


@implementer(IConsumer)
class Network:
    """Takes bytes, and may do something at each write."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.at_write: Callable[[], object] = lambda: None

    @property
    def content(self) -> bytes:
        """All that was taken."""
        return b"".join(self.writes)

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """Take no notice: the tests ask the producer themselves."""

    def unregisterProducer(self) -> None:
        """Take no notice."""

    def write(self, data: bytes) -> None:
        """Take bytes."""
        self.writes.append(data)
        self.at_write()


LONG = bytes(range(256)) * 4 * (READ_SIZE // 1024) + b"end"
"""A read and three bytes."""


class SourceTests(SynchronousTestCase):
    """:class:`Source`."""

    def setUp(self) -> None:
        self.pool = HeldPool()
        self.network = Network()

    def source(self, disk: Disk) -> Source:
        """Make a source."""
        return Source(disk, Lane(self.pool), self.network)

    def copy(self, source: Source, start: int, stop: int) -> Deferred[None]:
        """Begin to copy."""
        return Deferred.fromCoroutine(source.copy(start, stop))

    def test_nothing(self) -> None:
        """To copy no bytes reads and writes nothing."""
        disk = Disk(b"abc")
        self.successResultOf(self.copy(self.source(disk), 2, 2))
        self.assertEqual((disk.reads, self.network.writes), ([], []))

    def test_reads(self) -> None:
        """Reads are bounded in size, follow one another and end where the span does."""
        disk = Disk(LONG + b"more")
        copied = self.copy(self.source(disk), 0, len(LONG))
        self.assertNoResult(copied)
        self.assertEqual(len(self.pool.held), 1)
        self.pool.run_all()
        self.successResultOf(copied)
        self.assertEqual(self.network.content, LONG)
        self.assertEqual(disk.reads, [(0, READ_SIZE), (READ_SIZE, 3)])

    def test_read_size(self) -> None:
        """The size of a read may be chosen."""
        disk = Disk(b"abcdefg")
        source = Source(disk, Lane(self.pool), self.network, 3)
        copied = self.copy(source, 0, 7)
        self.pool.run_all()
        self.successResultOf(copied)
        self.assertEqual(disk.reads, [(0, 3), (3, 3), (6, 1)])

    def test_short_reads(self) -> None:
        """A read that brings less than was asked for is followed by one for the rest."""

        class Slow(Disk):
            def read_at(self, offset: int, length: int) -> bytes:
                return super().read_at(offset, min(2, length))

        copied = self.copy(self.source(Slow(b"abcdefg")), 1, 6)
        self.pool.run_all()
        self.successResultOf(copied)
        self.assertEqual(self.network.writes, [b"bc", b"de", b"f"])

    def test_spans(self) -> None:
        """One source copies several spans, one after another."""
        source = self.source(Disk(b"abcdefg"))
        for start, stop in ((5, 7), (0, 2)):
            copied = self.copy(source, start, stop)
            self.pool.run_all()
            self.successResultOf(copied)
        self.assertEqual(self.network.content, b"fgab")

    def test_pause(self) -> None:
        """While the network pauses nothing is written; one read ahead is held, and no more."""
        disk = Disk(LONG)
        source = self.source(disk)
        copied = self.copy(source, 0, len(LONG))
        source.pauseProducing()
        self.pool.run_all()
        self.assertEqual((self.network.writes, len(disk.reads)), ([], 1))
        source.resumeProducing()
        self.pool.run_all()
        self.successResultOf(copied)
        self.assertEqual(self.network.content, LONG)

    def test_pause_in_write(self) -> None:
        """A network that pauses at each write gets one write for each resume."""
        source = self.source(Disk(LONG))
        self.network.at_write = source.pauseProducing
        copied = self.copy(source, 0, len(LONG))
        self.pool.run_all()
        self.assertEqual(len(self.network.writes), 1)
        source.resumeProducing()
        self.assertEqual(len(self.network.writes), 2)
        self.successResultOf(copied)
        self.assertEqual(self.network.content, LONG)

    def test_pause_twice(self) -> None:
        """Two pauses are one; a resume without a pause is none."""
        source = self.source(Disk(b"abc"))
        source.resumeProducing()
        copied = self.copy(source, 0, 3)
        source.pauseProducing()
        source.pauseProducing()
        self.pool.run_all()
        source.pauseProducing()
        source.resumeProducing()
        self.successResultOf(copied)
        self.assertEqual(self.network.content, b"abc")

    def test_resumed_before_the_read(self) -> None:
        """A pause that is over when the read ends holds nothing back."""
        source = self.source(Disk(b"abc"))
        copied = self.copy(source, 0, 3)
        source.pauseProducing()
        source.resumeProducing()
        self.pool.run_all()
        self.successResultOf(copied)
        self.assertEqual(self.network.content, b"abc")

    def test_stop_while_reading(self) -> None:
        """After a stop nothing is written or read, and the copying ends."""
        disk = Disk(LONG)
        source = self.source(disk)
        copied = self.copy(source, 0, len(LONG))
        source.stopProducing()
        self.pool.run_all()
        self.successResultOf(copied)
        self.assertEqual((self.network.writes, len(disk.reads)), ([], 1))

    def test_stop_while_paused(self) -> None:
        """A stop ends a pause, without a write."""
        source = self.source(Disk(LONG))
        copied = self.copy(source, 0, len(LONG))
        source.pauseProducing()
        self.pool.run_all()
        self.assertNoResult(copied)
        source.stopProducing()
        self.successResultOf(copied)
        self.assertEqual(self.network.writes, [])

    def test_stopped_for_good(self) -> None:
        """Nothing more is copied once it was stopped."""
        disk = Disk(b"abc")
        source = self.source(disk)
        source.stopProducing()
        source.resumeProducing()
        self.successResultOf(self.copy(source, 0, 3))
        self.assertEqual((disk.reads, self.network.writes), ([], []))

    def test_truncated(self) -> None:
        """A file that ends too early is told, after all that there was has been written."""
        copied = self.copy(self.source(Disk(b"abc")), 1, 5)
        self.pool.run_all()
        error = self.failureResultOf(copied, Truncated).value
        self.assertEqual(str(error), "the file ends at 3, 2 bytes too early")
        self.assertEqual(self.network.content, b"bc")

    def test_unreadable(self) -> None:
        """An error of the disk goes to whoever copies."""
        copied = self.copy(self.source(BrokenDisk(b"")), 0, 1)
        self.pool.run_all()
        self.failureResultOf(copied, OSError)

    def test_cancel_while_reading(self) -> None:
        """Who cancels during a read gets no byte of it."""
        copied = self.copy(self.source(Disk(b"abc")), 0, 3)
        copied.cancel()
        self.failureResultOf(copied, CancelledError)
        self.pool.run_all()
        self.assertEqual(self.network.writes, [])

    def test_cancel_while_paused(self) -> None:
        """Who cancels during a pause may be told to go on without harm."""
        source = self.source(Disk(b"abc"))
        copied = self.copy(source, 0, 3)
        source.pauseProducing()
        self.pool.run_all()
        copied.cancel()
        self.failureResultOf(copied, CancelledError)
        source.resumeProducing()
        source.stopProducing()
        self.assertEqual(self.network.writes, [])

    @given(octets(max_size=20), st.integers(0, 25), st.integers(0, 25), st.data())
    def test_any_span(self, content: bytes, start: int, stop: int, data: st.DataObject) -> None:
        """Of any span, with pauses anywhere, the bytes that there are come, once and in order."""
        pool, network = HeldPool(), Network()
        source = Source(Disk(content), Lane(pool), network)
        outcomes: list[object] = []
        self.copy(source, start, stop).addBoth(outcomes.append)
        while not outcomes:
            match data.draw(st.sampled_from(["pause", "resume", "step"])):
                case "pause":
                    source.pauseProducing()
                case "resume":
                    source.resumeProducing()
                case _ if pool.busy:
                    pool.step()
                case _:
                    source.resumeProducing()
        self.assertEqual(network.content, content[start:stop])
        self.assertEqual(outcomes == [None], stop <= max(len(content), start))
