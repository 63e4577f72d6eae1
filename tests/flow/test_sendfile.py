"""Bytes from a file to a socket, on the real reactor and real sockets."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import cast

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.testing import MemoryReactorClock
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from hmacfs.base.errors import ClientGone
from hmacfs.flow.pools import InlinePool, Lane, ThreadedPool
from hmacfs.flow.sendfile import SEND_SIZE, SendReactor, send
from hmacfs.flow.source import Truncated

BODY = bytes(range(256)) * (5 * SEND_SIZE // 256) + b"the end"


def descriptors() -> list[str]:
    """Tell the sockets that are open."""
    targets = (str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.exists())
    return sorted(target for target in targets if target.startswith("socket:"))


class Output:
    """A socket with nothing buffered before it, but for a number of flushes that do not suffice."""

    def __init__(self, wire: socket.socket, busy: int = 0) -> None:
        self._wire = wire
        self._busy = busy
        self.count = 0

    def duplicate(self) -> int:
        """Make a descriptor of the socket."""
        return os.dup(self._wire.fileno())

    def flush(self) -> bool:
        """Pretend to flush."""
        self._busy -= 1
        return self._busy < 0

    def sent(self, length: int) -> None:
        """Count."""
        self.count += length


class Unheard:
    """A lane whose work is done, and nobody hears of it."""

    def run(self, work: Callable[..., object], *arguments: object) -> Deferred[object]:
        """Do it."""
        work(*arguments)
        return Deferred()


class SendTests(TestCase):
    """``send``."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.path.write_bytes(BODY)
        self.file = os.open(self.path, os.O_RDONLY)
        self.addCleanup(os.close, self.file)
        self.ours, self.theirs = socket.socketpair()
        self.ours.setblocking(False)
        self.theirs.settimeout(60)
        self.addCleanup(self.ours.close)
        self.addCleanup(self.theirs.close)
        self.pool = ThreadedPool(cast(IReactorFromThreads, reactor), "test", 2)
        self.pool.start()
        self.addCleanup(self.pool.stop)
        self.descriptors = descriptors()

    def send(
        self, output: Output, start: int = 0, stop: int = len(BODY), patience: float = 30
    ) -> Deferred[None]:
        """Begin to send."""
        return Deferred.fromCoroutine(
            send(
                cast(SendReactor, reactor),
                Lane(self.pool),
                self.file,
                (start, stop),
                output,
                patience,
            )
        )

    def receive(self, length: int) -> Deferred[bytes]:
        """Read from the other side, on a thread."""

        def read() -> bytes:
            got = b""
            while len(got) < length and (more := self.theirs.recv(65536)):
                got += more
            return got

        return deferToThread(read)

    async def test_whole_and_part(self) -> None:
        """Exactly the bytes of the span arrive, and are counted."""
        for start, stop in ((0, len(BODY)), (1000, SEND_SIZE + 1), (len(BODY) - 7, len(BODY))):
            output = Output(self.ours)
            sent = self.send(output, start, stop)
            self.assertEqual(await self.receive(stop - start), BODY[start:stop])
            await sent
            self.assertEqual(output.count, stop - start)
        self.assertEqual(descriptors(), self.descriptors)

    def test_counted_at_once(self) -> None:
        """What was sent is counted before the reactor hears of it: the client may be gone then."""
        output = Output(self.ours)
        lane = cast(Lane, Unheard())
        sending = Deferred.fromCoroutine(
            send(cast(SendReactor, MemoryReactorClock()), lane, self.file, (0, 10), output, 30)
        )
        self.assertEqual(output.count, 10)
        sending.cancel()
        self.assertEqual(descriptors(), self.descriptors)

    async def test_header_first(self) -> None:
        """Nothing is sent before what the consumer has buffered has gone."""
        output = Output(self.ours, busy=3)
        sent = self.send(output, 0, 10)
        self.assertEqual(await self.receive(10), BODY[:10])
        await sent
        self.assertEqual(output._busy, -1)

    async def test_patience(self) -> None:
        """A client that takes nothing is given up."""
        sent = self.send(Output(self.ours), patience=0.05)
        await self.assertFailure(sent, ClientGone)
        self.assertEqual(descriptors(), self.descriptors)

    def test_client_that_takes_a_little(self) -> None:
        """A client is not given up while it takes something, be it too little to send more."""
        clock = MemoryReactorClock()
        output = Output(self.ours)
        sent = Deferred.fromCoroutine(
            send(
                cast(SendReactor, clock),
                Lane(InlinePool()),
                self.file,
                (0, len(BODY)),
                output,
                30,
            )
        )
        for _ in range(3):
            self.assertNotEqual(b"", self.theirs.recv(64 * 1024))
            clock.advance(30)
            self.assertNoResult(sent)
        clock.advance(30)
        self.failureResultOf(sent, ClientGone)
        self.assertEqual(descriptors(), self.descriptors)

    async def test_client_that_closes(self) -> None:
        """A client that closes is noticed."""
        sent = self.send(Output(self.ours))
        await self.receive(1000)
        self.theirs.close()
        await self.assertFailure(sent, ClientGone)

    async def test_cancelled(self) -> None:
        """When nobody wants the answer any more, the socket is let go and nothing waits for it."""
        sent = self.send(Output(self.ours))
        await self.receive(1000)
        sent.cancel()
        await self.assertFailure(sent, CancelledError)
        self.assertEqual(descriptors(), self.descriptors)

    async def test_truncated(self) -> None:
        """A file that is shorter than promised is an error, never silence."""
        sent = self.send(Output(self.ours), len(BODY) - 3, len(BODY) + 1)
        self.assertEqual(await self.receive(3), b"end")
        await self.assertFailure(sent, Truncated)
