"""Tests of pulling: bytes that go around the reactor."""

from __future__ import annotations

import hashlib
import os
import pathlib
import socket
import threading
from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.flow import pull
from hmacfs.flow.pools import InlinePool, Lane, ThreadedPool
from hmacfs.flow.pull import WAITS, Pulls, Target
from hmacfs.flow.stage import HIGH_MARK, Stage
from tests.flow.awaiting import now
from tests.flow.held_pool import HeldPool
from tests.flow.test_stage import DiskFull, Memory, Network
from tests.octets import octets
from tests.stores.pump import Pump

SMALL = 8
"""The buffers of a pull in these tests, and what it takes in a turn, in bytes."""

PATIENCE = 60.0
"""Seconds after which a thread is taken to hang."""


def descriptors() -> int:
    """Return how many descriptors are open."""
    return len(list(pathlib.Path("/proc/self/fd").iterdir()))


class Line:
    """An inlet over a pair of sockets; ``client`` is the other side."""

    def __init__(self, length: int) -> None:
        self.client, self.server = socket.socketpair()
        self.server.setblocking(False)
        self.remaining = length

    def duplicate(self) -> int:
        """Duplicate the socket."""
        return os.dup(self.server.fileno())

    def left(self) -> int:
        """Tell what may be taken."""
        return self.remaining

    def took(self, length: int) -> None:
        """Count."""
        self.remaining -= length

    def close(self) -> None:
        """Close both sides."""
        self.client.close()
        self.server.close()


class PullCase(SynchronousTestCase):
    """A socket, a disk, and pulls with small buffers."""

    def setUp(self) -> None:
        self.patch(pull, "TURN_SIZE", SMALL)
        # Here no thread is about to begin.
        self.patch(pull, "START", 0)
        self.disk = Memory()
        self.hash = hashlib.sha256()
        self.wrote: list[int] = []
        self.wanted = 2**63
        self.pulls = Pulls(InlinePool(), 1, SMALL)

    def line(self, sent: bytes, length: int = 2**63) -> Line:
        """Make a socket on which bytes have come."""
        line = Line(length)
        self.addCleanup(line.close)
        line.client.sendall(sent)
        return line

    def target(self, lane: Lane | None = None) -> Target:
        """Make a target that stores and counts."""
        return Target(
            lane or Lane(InlinePool()),
            self.disk.write,
            self.hash.update,
            lambda: self.wanted - sum(self.wrote),
            self.wrote.append,
        )

    def assert_stored(self, expected: bytes) -> None:
        """Check the bytes, their digest, and how many were told."""
        self.assertEqual(self.disk.content, expected)
        self.assertEqual(self.hash.digest(), hashlib.sha256(expected).digest())
        self.assertEqual(sum(self.wrote), len(expected))


class PullTests(PullCase):
    """What may be taken is taken, and nothing else."""

    def test_all(self) -> None:
        """Bytes are taken by as many turns as they need; the socket is then left."""
        line = self.line(b"abcdefgh12345678xyz")
        before = descriptors()
        now(self.pulls.run(line, self.target()))
        self.assert_stored(b"abcdefgh12345678xyz")
        self.assertEqual(self.wrote, [8, 8, 3])
        self.assertEqual(descriptors(), before)

    def test_long_turn(self) -> None:
        """Where nobody else waits a turn takes what there is, with the same buffers."""
        self.patch(pull, "TURN_SIZE", 100)
        now(self.pulls.run(self.line(b"abcdefgh12345678xyz"), self.target()))
        self.assert_stored(b"abcdefgh12345678xyz")
        self.assertEqual(self.wrote, [19])

    def test_others_wait(self) -> None:
        """Whoever waits for the same file has its turn when the buffers were filled once."""
        self.patch(pull, "TURN_SIZE", 100)
        pool = HeldPool()
        lane = Lane(pool)
        done = Deferred.fromCoroutine(
            self.pulls.run(self.line(b"abcdefgh12345678xyz"), self.target(lane))
        )
        seen = lane.run(lambda: self.disk.content)
        pool.run_all()
        self.successResultOf(done)
        self.assertEqual(self.successResultOf(seen), b"abcdefgh")
        self.assert_stored(b"abcdefgh12345678xyz")
        self.assertEqual(self.wrote, [8, 11])

    def test_left(self) -> None:
        """No byte is taken that the inlet does not allow: the next request may follow."""
        line = self.line(b"body-next", length=4)
        now(self.pulls.run(line, self.target()))
        self.assert_stored(b"body")
        self.assertEqual(line.server.recv(100), b"-next")

    def test_wanted(self) -> None:
        """No byte is taken that the target does not want."""
        self.wanted = 10
        line = self.line(b"0123456789more")
        now(self.pulls.run(line, self.target()))
        self.assert_stored(b"0123456789")
        self.assertEqual(line.server.recv(100), b"more")

    def test_ended(self) -> None:
        """A socket that has ended gives what it had."""
        line = self.line(b"last")
        line.client.close()
        now(self.pulls.run(line, self.target()))
        self.assert_stored(b"last")

    def test_broken(self) -> None:
        """So does one that is broken; the reactor meets the error."""
        line = self.line(b"")
        line.server.sendall(b"unread, so that the close is a reset")
        line.client.close()
        now(self.pulls.run(line, self.target()))
        self.assert_stored(b"")

    def test_disk(self) -> None:
        """What the disk raises is raised, and the socket let go."""
        self.disk.capacity = 10
        before = descriptors()
        line = self.line(b"0123456789abc")
        with self.assertRaises(DiskFull):
            now(self.pulls.run(line, self.target()))
        line.close()
        self.assertEqual(descriptors(), before)
        self.assertEqual(self.wrote, [8])

    def test_most(self) -> None:
        """Where too many pull already nothing is taken; when one has ended, another may."""
        pool = HeldPool()
        first, second = self.line(b"first"), self.line(b"second")
        under_way = Deferred.fromCoroutine(self.pulls.run(first, self.target(Lane(pool))))
        now(self.pulls.run(second, self.target()))
        self.assertEqual(self.wrote, [])
        pool.run_all()
        self.successResultOf(under_way)
        now(self.pulls.run(second, self.target()))
        self.assert_stored(b"firstsecond")

    def test_trickle(self) -> None:
        """A client that sends a byte at a time does not keep the thread."""
        line = self.line(b"")
        read = os.readv
        sent = iter(range(1000))

        def trickling(descriptor: int, buffers: Sequence[memoryview]) -> int:
            # A byte comes whenever the thread has found the socket empty and waits.
            try:
                return read(descriptor, buffers)
            except BlockingIOError:
                line.client.sendall(b"%d" % (next(sent) % 10))
                raise

        self.patch(os, "readv", trickling)
        pulls = Pulls(InlinePool(), 1)
        now(pulls.run(line, self.target()))
        self.assertEqual(self.wrote, [WAITS])

    @given(octets(max_size=200), st.integers(1, 20), st.lists(st.integers(0, 3)))
    def test_any_order(self, body: bytes, size: int, steps: Sequence[int]) -> None:
        """Whenever the threads work, the bytes and their digest are in order."""
        disk, digest, wrote = Memory(), hashlib.sha256(), list[int]()
        writing, hashing = HeldPool(), HeldPool()
        pulls = Pulls(hashing, 1, size)
        target = Target(
            Lane(writing), disk.write, digest.update, lambda: len(body) - sum(wrote), wrote.append
        )
        line = self.line(body)
        done = Deferred.fromCoroutine(pulls.run(line, target))
        for step in steps:
            pool = (writing, hashing)[step % 2]
            if pool.busy:
                pool.step()
        while writing.busy or hashing.busy:
            for pool in (writing, hashing):
                if pool.busy:
                    pool.step()
        self.successResultOf(done)
        line.close()
        self.assertEqual(disk.content, body)
        self.assertEqual(digest.digest(), hashlib.sha256(body).digest())


class ThreadsTests(PullCase):
    """Two threads, of which the one writes and the other makes the digest."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(pull, "TURN_SIZE", 100)
        self.patch(pull, "START", PATIENCE)
        pump = Pump()
        disk, digest = ThreadedPool(pump, "disk", 1), ThreadedPool(pump, "digest", 1)
        for pool in (disk, digest):
            pool.start()
            self.addCleanup(pool.stop)
        self.pulls = Pulls(digest, 1, SMALL)
        self.lane = Lane(disk)
        self.pump = pump
        self.digested = threading.Event()
        self.threads: list[str] = []

    def write(self, data: memoryview) -> None:
        """Write, but for the first bytes not before some have their digest."""
        if self.disk.content and not self.digested.wait(PATIENCE):
            raise TimeoutError
        self.disk.write(data)

    def digest(self, data: memoryview) -> None:
        """Note on which thread."""
        self.threads.append(threading.current_thread().name)
        self.hash.update(data)
        self.digested.set()

    def pull(self, sent: bytes, digest: Callable[[memoryview], object]) -> None:
        """Pull what was sent."""
        target = Target(self.lane, self.write, digest, lambda: self.wanted, self.wrote.append)
        self.pump.wait(Deferred.fromCoroutine(self.pulls.run(self.line(sent), target)))

    def test_beside(self) -> None:
        """While one writes the other makes the digest of what was written before."""
        body = bytes(range(90))
        self.pull(body, self.digest)
        self.assert_stored(body)
        self.assertTrue(all("digest" in name for name in self.threads), self.threads)

    def test_broken_digest(self) -> None:
        """What the digest raises is raised, nobody waits in vain, and the buffers serve again."""

        def broken(data: memoryview) -> None:
            self.digested.set()
            raise DiskFull

        with self.assertRaises(DiskFull):
            self.pull(bytes(90), broken)
        self.disk.writes.clear()
        self.pull(b"again", self.digest)
        self.assert_stored(b"again")


class Direct(Network):
    """A producer over a line."""

    def __init__(self, line: Line | None) -> None:
        super().__init__()
        self.line = line

    def inlet(self) -> Line | None:
        """Tell the line."""
        return self.line


class StageTests(PullCase):
    """A stage pulls from a producer that it has paused."""

    def setUp(self) -> None:
        super().setUp()
        self.pool = HeldPool()

    def paused(self, producer: Direct, limit: int = 2**63) -> Stage:
        """Make a stage that is behind, and has paused the producer."""
        stage = Stage(self.disk, Lane(self.pool), limit, self.wrote.append, self.pulls)
        stage.registerProducer(producer, True)
        stage.write(b"first")
        stage.write(b"x" * HIGH_MARK)
        self.assertEqual(producer.asked, ["pause"])
        return stage

    def test_pulls(self) -> None:
        """What waited is written, then what is on the socket; then the producer goes on."""
        producer = Direct(self.line(b"pulled"))
        stage = self.paused(producer)
        self.pool.run_next()
        self.pool.run_next()
        self.assertEqual(producer.asked, ["pause"])
        self.pool.run_all()
        self.assertEqual(producer.asked, ["pause", "resume"])
        stage.write(b"last")
        result = stage.finish()
        self.pool.run_all()
        body = b"first" + b"x" * HIGH_MARK + b"pulledlast"
        self.assertEqual(self.disk.content, body)
        self.assertEqual(self.successResultOf(result), hashlib.sha256(body).digest())
        self.assertEqual((stage.received, sum(self.wrote)), (len(body), len(body)))

    def test_no_inlet(self) -> None:
        """A producer without an inlet, as under TLS, goes on as soon as there is room."""
        producer = Direct(None)
        self.paused(producer)
        self.pool.run_next()
        self.assertEqual(producer.asked, ["pause", "resume"])
        self.pool.run_all()

    def test_gone(self) -> None:
        """From a client that has gone nothing is pulled."""
        producer = Direct(self.line(b"pulled"))
        stage = self.paused(producer)
        stage.unregisterProducer()
        self.pool.run_all()
        self.assertEqual(self.disk.content, b"first" + b"x" * HIGH_MARK)
        self.assertEqual(producer.asked, ["pause"])

    def test_goes_meanwhile(self) -> None:
        """When the client goes while its bytes are pulled, the end of the turn is the end."""
        producer = Direct(self.line(b"abcdefgh12345678"))
        stage = self.paused(producer)
        self.pool.run_next()
        self.pool.run_next()
        stage.unregisterProducer()
        self.pool.run_all()
        self.assertTrue(self.disk.content.endswith(b"xabcdefgh"))
        self.assertEqual(producer.asked, ["pause"])

    def test_limit(self) -> None:
        """Pulling stops at the limit, and the next byte is one too many."""
        producer = Direct(self.line(b"abcdefgh"))
        stage = self.paused(producer, limit=5 + HIGH_MARK + 3)
        self.pool.run_all()
        self.assertTrue(self.disk.content.endswith(b"xabc"))
        self.assertEqual(producer.asked, ["pause", "resume"])
        stage.write(b"d")
        self.assertEqual(producer.asked, ["pause", "resume", "stop"])
        self.failureResultOf(stage.finish())

    def test_disk_full(self) -> None:
        """An error of the disk while pulling stops the producer, and is raised at the end."""
        self.disk.capacity = 5 + HIGH_MARK + 3
        producer = Direct(self.line(b"abcdefgh"))
        stage = self.paused(producer)
        self.pool.run_all()
        self.assertEqual(producer.asked, ["pause", "stop"])
        self.failureResultOf(stage.finish(), DiskFull)
