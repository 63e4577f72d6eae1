"""Connections: requests that start at their headers, and how they end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.flow.stage import HIGH_MARK
from hmacfs.web import channel
from hmacfs.web.patience import Patience
from hmacfs.web.request import StreamingRequest
from tests.flow.held_pool import HeldPool
from tests.web.wire import Conversation, Server, mac_v, request

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class ChannelCase(SynchronousTestCase):
    """What these tests share: a server and signed uploads."""

    def setUp(self) -> None:
        self.server = Server(Path(self.mktemp()))

    def upload(self, length: int, *headers: str, name: str = "x") -> bytes:
        """Write the headers of a good upload."""
        return request(
            "PUT",
            f"/upload/{name}?v={mac_v(name, length)}",
            [f"Content-Length: {length}", *headers],
        )


class ContinueTests(ChannelCase):
    """``Expect: 100-continue`` (RFC 9110, 10.1.1)."""

    def test_wanted_body(self) -> None:
        """The body of a good upload is asked for, once."""
        conversation = self.server.connect()
        conversation.send(self.upload(3, "Expect: 100-continue"))
        self.assertEqual(conversation.output(), CONTINUE)
        conversation.send(b"abc")
        self.assertEqual(conversation.response().status, 100)
        self.assertEqual(conversation.response().status, 201)

    def test_unwanted_body(self) -> None:
        """The body of a refused upload is never asked for, and the connection ends."""
        conversation = self.server.connect()
        conversation.send(
            request("PUT", "/upload/x?v=" + "0" * 64, ["Content-Length: 3", "Expect: 100-continue"])
        )
        response = conversation.response()
        self.assertEqual((response.status, response.headers["connection"]), (403, "close"))
        self.assertEqual(conversation.output(), b"")

    def test_body_that_did_not_wait(self) -> None:
        """A client that sends its body without waiting needs no 100."""
        conversation = self.server.connect()
        conversation.send(self.upload(3, "Expect: 100-continue") + b"abc")
        output = conversation.output()
        self.assertIn(b" 201 Created", output)

    def test_http_1_0(self) -> None:
        """An HTTP/1.0 client is sent no 100, which it would not understand."""
        conversation = self.server.connect()
        conversation.send(
            self.upload(3, "Expect: 100-continue").replace(b"HTTP/1.1", b"HTTP/1.0") + b"abc"
        )
        self.assertNotIn(b"100 Continue", conversation.output())
        self.assertEqual(conversation.response().status, 201)
        self.assertTrue(conversation.wire.disconnecting)


class PressureTests(ChannelCase):
    """A slow disk reaches the client's socket."""

    def test_pause_and_resume(self) -> None:
        """Reading stops while the disk is behind, without a time limit, and goes on after."""
        pool = HeldPool()
        server = Server(Path(self.mktemp()), pool=pool)
        pool.run_all()
        size = 3 * HIGH_MARK
        conversation = server.connect()
        conversation.send(self.upload(size))
        pool.run_all()
        block = bytes(range(256)) * 256
        sent = 0
        while conversation.wire.producerState == "producing" and sent < size:
            conversation.send(block)
            sent += len(block)
        self.assertEqual(conversation.wire.producerState, "paused")
        self.assertLessEqual(sent, HIGH_MARK + 3 * len(block))
        server.clock.advance(10_000)
        self.assertEqual(conversation.output(), b"")
        while sent < size:
            pool.run_all()
            self.assertEqual(conversation.wire.producerState, "producing")
            conversation.send(block)
            sent += len(block)
        pool.run_all()
        self.assertEqual(conversation.response().status, 201)
        conversation.send(request("GET", "/x"))
        pool.run_all()
        self.assertEqual(conversation.response().body, block * (size // len(block)))

    def test_nothing_is_read_before_the_stage_is_there(self) -> None:
        """Bytes that come before anyone takes them pause the socket after one read."""
        pool = HeldPool()
        server = Server(Path(self.mktemp()), pool=pool)
        pool.run_all()
        conversation = server.connect()
        conversation.send(self.upload(6) + b"abc")
        self.assertEqual(conversation.wire.producerState, "paused")
        pool.run_all()
        self.assertEqual(conversation.wire.producerState, "producing")
        conversation.send(b"def")
        pool.run_all()
        self.assertEqual(conversation.response().status, 201)


class OrderTests(ChannelCase):
    """Several requests on one connection."""

    def test_kept_connection(self) -> None:
        """After an upload the connection serves the next request."""
        conversation = self.server.connect()
        conversation.send(self.upload(3) + b"abc")
        self.assertEqual(conversation.response().status, 201)
        conversation.send(request("GET", "/x"))
        self.assertEqual(conversation.response().body, b"abc")
        self.assertFalse(conversation.wire.disconnecting)

    def test_pipeline(self) -> None:
        """Requests that come at once are answered in order, each by its own body."""
        conversation = self.server.connect()
        conversation.send(
            self.upload(3, name="one")
            + b"111"
            + self.upload(2, name="two")
            + b"22"
            + request("GET", "/one")
            + request("GET", "/two")
        )
        self.assertEqual(conversation.response().status, 201)
        self.assertEqual(conversation.response().status, 201)
        self.assertEqual(conversation.response().body, b"111")
        self.assertEqual(conversation.response().body, b"22")

    def test_close_is_honoured(self) -> None:
        """``Connection: close`` ends the connection after the answer."""
        for lines in (["close"], ["close, TE"], ["TE,\tClose"], ["TE", "close"]):
            conversation = self.server.connect()
            conversation.send(request("GET", "/health", [f"Connection: {line}" for line in lines]))
            self.assertEqual(conversation.response().headers.get("connection"), "close", lines)
            self.assertTrue(conversation.wire.disconnecting)
            conversation.close()

    def test_other_options_are_not_close(self) -> None:
        """What is no ``close`` leaves the connection open."""
        conversation = self.server.connect()
        conversation.send(request("GET", "/health", ["Connection: keep-alive, closed"]))
        self.assertNotIn("connection", conversation.response().headers)
        self.assertFalse(conversation.wire.disconnecting)


class RefusedBodyTests(ChannelCase):
    """Answers that come before the end of the body (RFC 9112, 9.6)."""

    def refused(self, length: int = 10_000_000) -> bytes:
        """Write the headers of an upload with a wrong signature."""
        return request("PUT", "/upload/x?v=" + "0" * 64, [f"Content-Length: {length}"])

    def test_staged_close(self) -> None:
        """The answer is sent, our side closed, and what still comes read and thrown away."""
        conversation = self.server.connect()
        conversation.send(self.refused() + b"x" * 1000)
        response = conversation.response()
        self.assertEqual((response.status, response.headers["connection"]), (403, "close"))
        wire = conversation.wire
        self.assertTrue(wire.half_closed)
        self.assertEqual((wire.disconnecting, wire.producerState), (False, "producing"))
        conversation.send(b"x" * 100_000)
        self.assertFalse(wire.aborted)
        self.server.clock.advance(5)
        self.assertTrue(wire.aborted)

    def test_bounded_reading(self) -> None:
        """No more than linger_bytes are thrown away before the connection is cut."""
        conversation = self.server.connect()
        conversation.send(self.refused())
        for _ in range(64):
            conversation.send(b"x" * 65536)
        self.assertFalse(conversation.wire.aborted)
        conversation.send(b"x")
        self.assertTrue(conversation.wire.aborted)

    def test_client_that_closes(self) -> None:
        """A client that reads the answer and closes leaves nothing running."""
        conversation = self.server.connect()
        conversation.send(self.refused())
        conversation.lose()
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_no_smuggling(self) -> None:
        """What follows a refused upload is never taken for a request."""
        conversation = self.server.connect()
        smuggled = self.upload(3, name="smuggled") + b"abc"
        conversation.send(self.refused(len(smuggled) + 10) + smuggled)
        conversation.send(b"0123456789" + smuggled)
        self.assertEqual(conversation.response().status, 403)
        self.assertEqual(conversation.output(), b"")
        self.assertEqual(self.server.ask("GET", "/smuggled").status, 404)

    def test_refused_upload_that_is_whole(self) -> None:
        """A refusal after the whole body came keeps the connection."""
        conversation = self.server.connect()
        conversation.send(request("PUT", "/upload/x", (), b""))
        self.assertEqual(conversation.response().status, 403)
        conversation.send(request("GET", "/health"))
        self.assertEqual(conversation.response().status, 200)


class MalformedTests(ChannelCase):
    """Requests that cannot be read."""

    CASES = (
        (b"GARBAGE\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 400),
        (b"GET x HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /#x HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nB\0d: x\r\n\r\n", 400),
        (b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1e3\r\n\r\n", 400),
        (b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: \r\n\r\n", 400),
        (b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 400),
        (b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (
            b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n",
            400,
        ),
        (b"PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        (b"PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n", 400),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 17_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 600 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 20_000, 431),
    )

    def test_answers(self) -> None:
        """Each gets a clear 4xx in text, then the staged close, and what follows is ignored."""
        for sent, status in self.CASES:
            conversation = self.server.connect()
            conversation.send(sent)
            response = conversation.response()
            self.assertEqual(response.status, status, sent[:100])
            self.assertTrue(response.body.endswith(b"\n"))
            self.assertIn("date", response.headers, sent[:100])
            conversation.send(request("GET", "/health"))
            if response.headers.get("connection") == "close":
                self.assertEqual(conversation.output(), b"", sent[:100])
            else:
                self.assertEqual(conversation.response().status, 200)
            conversation.close()
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_bad_chunks(self) -> None:
        """A broken chunked body is a 400, and nothing is kept of it."""
        for bad in (b"zz\r\n", b"-1\r\n", b"3\r\nabcd\r\n", b"0" * 3000, b"3;" + b"x" * 9000):
            conversation = self.server.connect()
            conversation.send(
                request(
                    "PUT",
                    f"/upload/x?v={mac_v('x', 100)}",
                    ["Transfer-Encoding: chunked", "X-File-Size: 100"],
                )
                + b"2\r\nab\r\n"
                + bad
            )
            response = conversation.response()
            self.assertEqual((response.status, response.headers["connection"]), (400, "close"))
            conversation.close()
        self.assertEqual(self.server.ask("GET", "/x").status, 404)
        self.assertEqual(self.flushLoggedErrors(), [])


class TrailerTests(ChannelCase):
    """What stands after a chunked body (RFC 9112, 7.1.2)."""

    def send(self, *trailers: bytes) -> tuple[Conversation, StreamingRequest]:
        """Send a chunked upload with trailers, all but its last line."""
        conversation = self.server.connect()
        headers = ["Transfer-Encoding: chunked", "X-File-Size: 2"]
        conversation.send(request("PUT", f"/upload/x?v={mac_v('x', 2)}", headers))
        streamed: StreamingRequest = conversation.channel.requests[-1]
        conversation.send(b"2\r\nab\r\n0\r\n" + b"".join(line + b"\r\n" for line in trailers))
        return conversation, streamed

    def test_kept(self) -> None:
        """The request has them when its body has ended, and not before."""
        conversation, streamed = self.send(b"Upload-Checksum: sha1 AA==", b"not a field")
        self.assertEqual(dict(streamed.trailers), {})
        conversation.send(b"\r\n")
        self.assertEqual(dict(streamed.trailers), {"upload-checksum": "sha1 AA=="})
        self.assertEqual(conversation.response().status, 201)

    def test_bounded(self) -> None:
        """They may be as long as headers may be; longer ones are a 400, and nothing is kept."""
        conversation, _ = self.send(*[b"A: " + b"x" * 5000] * 4)
        response = conversation.response()
        self.assertEqual((response.status, response.headers["connection"]), (400, "close"))
        self.assertEqual(self.server.ask("GET", "/x").status, 404)

    def test_line_without_an_end(self) -> None:
        """A line that does not end is bounded too."""
        conversation, _ = self.send()
        for _ in range(20):
            conversation.send(b"x" * 1000)
        self.assertEqual(conversation.response().status, 400)


class InterimTests(ChannelCase):
    """Responses before the final one."""

    def test_sent(self) -> None:
        """They go out at once, whatever is still to come of the body."""
        conversation = self.server.connect()
        conversation.send(self.upload(2))
        streamed: StreamingRequest = conversation.channel.requests[-1]
        streamed.interim(104, "Upload Resumption Supported", {"Upload-Offset": "1"})
        self.assertEqual(
            conversation.output(),
            b"HTTP/1.1 104 Upload Resumption Supported\r\nUpload-Offset: 1\r\n\r\n",
        )
        conversation.send(b"ab")
        self.assertEqual(conversation.response("HEAD").status, 104)
        self.assertEqual(conversation.response().status, 201)
        streamed.interim(104, "Upload Resumption Supported", {"Upload-Offset": "2"})
        self.assertEqual(conversation.output(), b"")

    def test_old_clients(self) -> None:
        """HTTP/1.0 has none."""
        conversation = self.server.connect()
        conversation.send(self.upload(2).replace(b"HTTP/1.1", b"HTTP/1.0"))
        streamed: StreamingRequest = conversation.channel.requests[-1]
        streamed.interim(104, "Upload Resumption Supported", {})
        self.assertEqual(conversation.output(), b"")


class PatienceTests(ChannelCase):
    """How long a client is waited for."""

    def setUp(self) -> None:
        self.server = Server(
            Path(self.mktemp()), patience=Patience(headers=10, body=30, write=40, idle=60)
        )

    def test_slow_headers(self) -> None:
        """A client that sends its headers byte by byte is cut when their time is over."""
        conversation = self.server.connect()
        for byte in request("GET", "/health")[:9]:
            conversation.send(bytes([byte]))
            self.server.clock.advance(1)
        self.assertEqual(conversation.output(), b"")
        self.server.clock.advance(1)
        self.assertEqual(conversation.response().status, 408)

    def test_silent_connection(self) -> None:
        """A connection without a request is cut without a word."""
        conversation = self.server.connect()
        self.server.clock.advance(10)
        self.assertEqual((conversation.output(), conversation.wire.aborted), (b"", True))

    def test_idle_connection(self) -> None:
        """A kept connection may rest longer, and then has the whole time for its headers."""
        conversation = self.server.connect()
        conversation.send(request("GET", "/health"))
        conversation.response()
        self.server.clock.advance(59)
        self.assertFalse(conversation.wire.aborted)
        conversation.send(b"G")
        self.server.clock.advance(9)
        self.assertEqual((conversation.output(), conversation.wire.aborted), (b"", False))
        self.server.clock.advance(1)
        self.assertEqual(conversation.response().status, 408)

    def test_idle_connection_that_stays_so(self) -> None:
        """A kept connection that rests too long is cut."""
        conversation = self.server.connect()
        conversation.send(request("GET", "/health"))
        conversation.response()
        self.server.clock.advance(60)
        self.assertTrue(conversation.wire.aborted)

    def test_each_byte_of_a_body_counts(self) -> None:
        """A slow body is no silence."""
        conversation = self.server.connect()
        conversation.send(self.upload(5))
        for byte in b"abcde":
            self.server.clock.advance(29)
            conversation.send(bytes([byte]))
        self.assertEqual(conversation.response().status, 201)

    def download(
        self, headers: Sequence[str] = (), body: Sequence[bytes] = ()
    ) -> tuple[Clock, Conversation]:
        """Begin a download, the answer to which has begun and is not at its end."""
        pool = HeldPool()
        server = Server(Path(self.mktemp()), pool=pool, patience=Patience(body=30, write=40))
        pool.run_all()
        conversation = server.connect()
        conversation.send(self.upload(300_000) + bytes(300_000))
        pool.run_all()
        conversation.response()
        conversation.send(request("GET", "/x", headers))
        for data in body:
            conversation.send(data)
        while not conversation.output():
            pool.step()
        self.addCleanup(pool.run_all)
        self.addCleanup(conversation.lose)
        return server.clock, conversation

    def test_client_that_takes_nothing(self) -> None:
        """A client that takes nothing of its download is cut."""
        clock, conversation = self.download()
        conversation.channel.pauseProducing()
        clock.advance(39)
        self.assertFalse(conversation.wire.aborted)
        clock.advance(1)
        self.assertTrue(conversation.wire.aborted)

    def test_client_that_takes_a_little(self) -> None:
        """A client is not cut while it takes something, be it less than it was sent in the time."""
        clock, conversation = self.download()
        left = iter([900_000, 800_000, 700_000, 700_000])
        self.patch(channel, "untaken", lambda _: next(left))
        conversation.channel.pauseProducing()
        for _ in range(2):
            clock.advance(40)
            self.assertFalse(conversation.wire.aborted)
        clock.advance(40)
        self.assertTrue(conversation.wire.aborted)

    def test_end_of_a_slow_answer(self) -> None:
        """A kept connection is not idle while its client still takes the last answer."""
        left = iter([200_000, 100_000, 0])
        self.patch(channel, "untaken", lambda _: next(left))
        conversation = self.server.connect()
        conversation.send(request("GET", "/health"))
        conversation.response()
        for seconds in (60, 40):
            self.server.clock.advance(seconds)
            self.assertFalse(conversation.wire.aborted)
        self.server.clock.advance(40)
        self.assertTrue(conversation.wire.aborted)

    def test_client_with_a_body_that_takes_nothing(self) -> None:
        """One whose request has a body that does not end, or is none, is cut as soon."""
        for rest in ((), (b"12345",), (b"12345", b"678")):
            clock, conversation = self.download(["Content-Length: 10"], rest)
            self.assertNotEqual(b"", conversation.output())
            conversation.channel.pauseProducing()
            clock.advance(39)
            self.assertFalse(conversation.wire.aborted)
            clock.advance(1)
            self.assertTrue(conversation.wire.aborted)

    def test_client_that_keeps_an_ended_connection(self) -> None:
        """A client that does not take the end of its connection, as over TLS it can, is cut."""
        conversation = self.server.connect()
        conversation.send(request("GET", "/health", ["Connection: close"]))
        conversation.response()
        self.server.clock.advance(4)
        self.assertEqual(
            (conversation.wire.disconnecting, conversation.wire.aborted), (True, False)
        )
        self.server.clock.advance(1)
        self.assertTrue(conversation.wire.aborted)


class SiteTests(ChannelCase):
    """All connections together."""

    def test_limit(self) -> None:
        """Connections over the limit are closed as they come; others may follow."""
        conversations = [self.server.connect() for _ in range(10)]
        self.assertRaises(ConnectionRefusedError, self.server.connect)
        conversations[0].close()
        self.server.connect()

    def test_drain(self) -> None:
        """A drain closes idle connections, lets a running upload end, and then is over."""
        idle = self.server.connect()
        idle.send(request("GET", "/health"))
        idle.response()
        busy = self.server.connect()
        busy.send(self.upload(6) + b"abc")
        drained = Deferred.fromCoroutine(self.server.site.drain(30))
        # Over TLS it need not follow, and is not waited for.
        self.assertTrue(idle.wire.disconnecting)
        self.assertNoResult(drained)
        busy.send(b"def")
        response = busy.response()
        self.assertEqual((response.status, response.headers["connection"]), (201, "close"))
        self.assertTrue(busy.wire.disconnecting)
        busy.close()
        self.successResultOf(drained)
        idle.close()

    def test_request_during_a_drain(self) -> None:
        """A request that comes while the server stops is told when to try again."""
        late = self.server.connect()
        late.send(b"GET /x HTTP/1.1\r\n")
        drained = Deferred.fromCoroutine(self.server.site.drain(30))
        late.send(b"Host: x\r\n\r\n")
        response = late.response()
        self.assertEqual((response.status, response.headers["retry-after"]), (503, "10"))
        self.assertEqual(response.headers["connection"], "close")
        self.assertTrue(late.wire.disconnecting)
        late.close()
        self.successResultOf(drained)

    def test_connections_during_a_drain(self) -> None:
        """One that was opened, before it or after, gets an answer, and is not waited for."""
        busy = self.server.connect()
        busy.send(self.upload(6) + b"abc")
        others = [self.server.connect()]
        drained = Deferred.fromCoroutine(self.server.site.drain(30))
        others += [self.server.connect(), self.server.connect()]
        silent = others.pop()
        for late in others:
            late.send(request("PUT", "/y", body=b""))
            response = late.response()
            self.assertEqual((response.status, response.headers["connection"]), (503, "close"))
            self.assertTrue(late.wire.disconnecting)
            late.close()
        busy.send(b"def")
        busy.close()
        self.successResultOf(drained)
        ended = Deferred.fromCoroutine(self.server.site.end(1))
        self.assertTrue(silent.wire.disconnecting)
        silent.close()
        self.successResultOf(ended)

    def test_drain_that_takes_too_long(self) -> None:
        """What is not done in time is cut."""
        busy = self.server.connect()
        busy.send(self.upload(6) + b"abc")
        drained = Deferred.fromCoroutine(self.server.site.drain(30))
        self.server.clock.advance(30)
        self.assertTrue(busy.wire.aborted)
        busy.lose()
        self.successResultOf(drained)


class PaceTests(ChannelCase):
    """How fast and how slow a body may come."""

    def setUp(self) -> None:
        patience = Patience(body=1000, slowest=100, fastest=100_000)
        self.server = Server(Path(self.mktemp()), patience=patience)

    def test_speed_limit(self) -> None:
        """Reading stops for as long as what came is worth, and a fast client takes its time."""
        conversation = self.server.connect()
        size = 500_000
        conversation.send(self.upload(size))
        sent = 0
        while sent < size:
            if conversation.wire.producerState == "producing":
                conversation.send(bytes(10_000))
                sent += 10_000
            else:
                self.server.clock.advance(0.05)
        self.assertEqual(conversation.response().status, 201)
        took = self.server.clock.seconds()
        self.assertTrue(4.5 <= took <= 5.5, took)

    def test_slow_body(self) -> None:
        """A body that drips is cut after a minute, with 408."""
        conversation = self.server.connect()
        conversation.send(self.upload(100_000))
        for _ in range(59):
            self.server.clock.advance(1)
            conversation.send(bytes(99))
        self.assertEqual(conversation.output(), b"")
        self.server.clock.advance(1)
        response = conversation.response()
        self.assertEqual(response.status, 408)
        self.assertIn(b"slower than 100 bytes a second", response.body)

    def test_fast_enough(self) -> None:
        """A body that brings the rate is not cut, however long it takes."""
        conversation = self.server.connect()
        conversation.send(self.upload(60_000))
        for _ in range(599):
            conversation.send(bytes(100))
            self.server.clock.advance(1)
        conversation.send(bytes(100))
        self.assertEqual(conversation.response().status, 201)
        self.assertEqual(self.pending_calls(), 1)

    def test_our_own_slowness(self) -> None:
        """While our disk is behind, the client is not to blame."""
        pool = HeldPool()
        server = Server(Path(self.mktemp()), patience=Patience(slowest=100), pool=pool)
        pool.run_all()
        conversation = server.connect()
        conversation.send(self.upload(6) + b"abc")
        self.assertEqual(conversation.wire.producerState, "paused")
        server.clock.advance(60)
        self.assertEqual(conversation.output(), b"")
        pool.run_all()
        conversation.send(b"def")
        pool.run_all()
        self.assertEqual(conversation.response().status, 201)

    def test_nothing_left_running(self) -> None:
        """Whatever ends a body, no timer of it is left."""
        for ending in ("whole", "lost", "refused"):
            conversation = self.server.connect()
            conversation.send(self.upload(100_000, name=ending) + bytes(50_000))
            if ending == "whole":
                self.server.clock.advance(1)
                conversation.send(bytes(50_000))
                self.assertEqual(conversation.response().status, 201)
            elif ending == "refused":
                self.server.clock.pump([60, 60])
                self.assertEqual(conversation.response().status, 408)
            conversation.close()
            self.assertEqual(self.pending_calls(), 0, ending)

    def pending_calls(self) -> int:
        """Tell how many timers run."""
        return len(self.server.clock.getDelayedCalls())
