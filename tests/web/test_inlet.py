"""Tests of the inlet: the body of a fast client, taken from its socket."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.testing import StringTransport
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.http import _IdentityTransferDecoder
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from hmacfs.base.events import Events
from hmacfs.flow.pools import Lane, ThreadedPool
from hmacfs.flow.pull import Inlet, Pulls, Target
from hmacfs.flow.stage import Stage
from hmacfs.web.body import Body
from hmacfs.web.inlet import SocketInlet
from hmacfs.web.patience import Patience
from hmacfs.web.peers import Peers
from hmacfs.web.site import Conduct, StreamingSite

SIZE = 16 * 1024 * 1024
NEXT = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
BODY = bytes(range(256)) * (SIZE // 256)


Client = Callable[[int, threading.Event], bytes]


class CountingPulls(Pulls):
    """Pulls that note how much went around the reactor."""

    pulled = 0

    async def run(self, inlet: Inlet, target: Target) -> None:
        """Pull, and note the bytes."""
        before = inlet.left()
        await super().run(inlet, target)
        self.pulled += before - inlet.left()


class SlowStart:
    """A sink whose first write waits until the client has sent what fits in its socket."""

    def __init__(self, sent: threading.Event) -> None:
        self._sent = sent

    def write(self, data: bytes | memoryview) -> None:
        """Wait, and keep nothing."""
        self._sent.wait(60)


class Digest(Resource):
    """Answers with the digest of a body."""

    isLeaf = True

    def __init__(self, make_stage: Callable[[], Stage]) -> None:
        super().__init__()
        self._make_stage = make_stage

    def render_PUT(self, request: Any) -> int:
        """Take the body."""
        stage = self._make_stage()
        done = request.body.deliver_to(stage).addCallback(lambda _: stage.finish())
        done.addCallback(lambda digest: request.write(digest.hex().encode()))
        done.addCallback(lambda _: request.finish())
        return NOT_DONE_YET

    def render_GET(self, request: Any) -> bytes:
        """Answer to whatever follows."""
        return b"the next request"


class OverTheNetworkTests(TestCase):
    """A body over a real socket."""

    def exchange(
        self, patience: Patience, client: Client | None = None
    ) -> tuple[CountingPulls, Deferred[bytes]]:
        """Serve a client on a thread; return the pulls, and what it will be answered."""
        sent = threading.Event()
        pool = ThreadedPool(cast(IReactorFromThreads, reactor), "disk", 4)
        pool.start()
        self.addCleanup(pool.stop)
        pulls = CountingPulls(pool, 1)

        def make_stage() -> Stage:
            return Stage(SlowStart(sent), Lane(pool), SIZE, pulls=pulls)

        conduct = Conduct(Peers([]), patience, 10, 16384)
        site = StreamingSite(Digest(make_stage), reactor, conduct, Events(lambda: None))
        sockets: Any = reactor
        port = sockets.listenTCP(0, site, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return pulls, deferToThread(client or converse, port.getHost().port, sent)

    async def test_around_the_reactor(self) -> None:
        """Most of a body that comes fast is pulled; all of it is there, and nothing behind it."""
        pulls, conversation = self.exchange(Patience())
        answers = await conversation
        self.assertIn(hashlib.sha256(BODY).hexdigest().encode(), answers)
        self.assertTrue(answers.endswith(b"the next request"), answers[-200:])
        self.assertGreater(pulls.pulled, SIZE // 2)

    async def test_chunked(self) -> None:
        """Of a body whose bytes are mixed with others nothing is pulled."""
        pulls, conversation = self.exchange(Patience(), converse_in_chunks)
        answers = await conversation
        self.assertIn(hashlib.sha256(BODY).hexdigest().encode(), answers)
        self.assertEqual(pulls.pulled, 0)

    async def test_held_back(self) -> None:
        """Where a rate is kept nothing is pulled."""
        pulls, conversation = self.exchange(Patience(fastest=10 * SIZE))
        answers = await conversation
        self.assertIn(hashlib.sha256(BODY).hexdigest().encode(), answers)
        self.assertEqual(pulls.pulled, 0)


def converse(port: int, sent: threading.Event) -> bytes:
    """Send a body, with a pause in it, and a request behind it; return all that is answered."""
    with connected(port) as client:
        client.sendall(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % SIZE)
        half = SIZE // 2
        threading.Timer(0.2, sent.set).start()
        client.sendall(BODY[:half])
        time.sleep(0.05)
        client.sendall(BODY[half:] + NEXT)
        return rest(client)


def converse_in_chunks(port: int, sent: threading.Event) -> bytes:
    """Send a body in chunks, and a request behind it; return all that is answered."""
    with connected(port) as client:
        client.sendall(b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        threading.Timer(0.2, sent.set).start()
        client.sendall(b"%x\r\n%b\r\n0\r\n\r\n" % (SIZE, BODY) + NEXT)
        return rest(client)


def connected(port: int) -> socket.socket:
    """Return a socket that is connected to the server."""
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def rest(client: socket.socket) -> bytes:
    """Return what comes until the end."""
    answers = b""
    while data := client.recv(65536):
        answers += data
    return answers


class BookkeepingTests(SynchronousTestCase):
    """What the inlet tells of itself."""

    def setUp(self) -> None:
        self.decoder = _IdentityTransferDecoder(10, lambda data: None, lambda data: None)
        self.body = Body(Unasked(), 10)

    def test_no_socket(self) -> None:
        """There is none where no plain socket is."""
        self.assertIsNone(SocketInlet.of(StringTransport(), self.decoder, self.body))

    def test_counts(self) -> None:
        """What was taken is missing from what is still to come, and counts as received."""
        inlet = SocketInlet(StringTransport(), self.decoder, self.body)
        self.assertEqual(inlet.left(), 9)
        inlet.took(4)
        self.assertEqual((inlet.left(), self.decoder.contentLength), (5, 6))
        self.assertEqual(self.body.received, 4)


class Unasked:
    """A channel of which nothing is asked."""

    def pause_body(self) -> None:
        """Fail."""
        raise AssertionError

    resume_body = pause_body

    def inlet(self, body: Body) -> None:
        """Fail."""
        raise AssertionError
