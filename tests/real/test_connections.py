"""Connections: when they are kept and when they end, and that an answer is always readable."""

from __future__ import annotations

import http.client
import time
from typing import Final

from tests.real.case import MEGABYTE, ServerCase, noise
from tests.real.client import Answer, Connection, Headers, NoAnswer
from tests.real.daemon import eventually

DATA: Final = b"hello"
LARGE: Final = 3 * MEGABYTE
CHUNKED: Final[Headers] = {"Transfer-Encoding": "chunked", "X-File-Size": LARGE}
TRIES: Final = 20
HEADER_TIMEOUT: Final = 1.0


class KeptTests(ServerCase):
    """Several requests over one connection."""

    def setUp(self) -> None:
        self.daemon = self.start()
        self.connection = self.connect(self.daemon)

    def test_after_every_answer(self) -> None:
        """After an answer to a request that is all in, the next one is answered."""
        target = self.daemon.target("name", len(DATA))
        place = self.daemon.place("name")
        wrong = place + "?v2=" + "0" * 64
        asked: list[tuple[int, Answer]] = [
            (403, self.connection.put(wrong, b"")),
            (404, self.connection.request("GET", place)),
            (404, self.connection.request("HEAD", place)),
            (201, self.connection.put(target, DATA)),
            (200, self.connection.request("GET", place)),
            (200, self.connection.request("HEAD", place)),
            (206, self.connection.request("GET", place, {"Range": "bytes=1-2"})),
            (416, self.connection.request("GET", place, {"Range": "bytes=5-"})),
            (412, self.connection.request("GET", place, {"If-Match": '"other"'})),
            (201, self.connection.put(target, DATA)),
            (409, self.connection.put(target, b"HELLO")),
            (200, self.connection.request("OPTIONS", target)),
            (405, self.connection.request("FOO", place)),
            (400, self.connection.request("GET", "/%zz")),
            (200, self.connection.request("GET", "/health")),
        ]
        for status, answer in asked:
            self.assert_status(status, answer)
            self.assertFalse(answer.closes, status)
        etag = asked[4][1].headers["etag"]
        answer = self.connection.request("GET", place, {"If-None-Match": etag})
        self.assert_status(304, answer)
        self.assertTrue(self.connection.works())

    def test_pipelined(self) -> None:
        """Requests that are sent at once are answered in order, also after an upload."""
        place = self.daemon.place("name")
        head = b"GET %s HTTP/1.1\r\nHost: test\r\n\r\n" % place.encode()
        target = self.daemon.target("name", LARGE).encode()
        data = noise(LARGE)
        self.connection.send(
            head
            + b"PUT %s HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n" % (target, LARGE)
            + data
            + head
            + head.replace(b"GET", b"HEAD")
            + head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
            + head
        )
        self.assert_status(404, self.connection.answer())
        self.assert_status(201, self.connection.answer("PUT"))
        self.assertEqual(data, self.connection.answer().body)
        self.assert_status(200, self.connection.answer("HEAD"))
        self.assertEqual(data, self.connection.answer().body)
        self.assertTrue(self.connection.is_closed())

    def test_client_that_sends_no_more(self) -> None:
        """Who ends its own side of the connection gets all that is due, and then the end."""
        place = self.daemon.place("name").encode()
        target = self.daemon.target("name", LARGE).encode()
        data = noise(LARGE)
        head = b" %s HTTP/1.1\r\nHost: test\r\n"
        self.connection.send(b"PUT" + head % target + b"Content-Length: %d\r\n\r\n" % LARGE + data)
        self.connection.send((b"GET" + head % place + b"\r\n") * 2 + b"no request\r\n\r\n")
        self.connection.end()
        self.assert_status(201, self.connection.answer("PUT"))
        for _ in range(2):
            self.assertEqual(data, self.connection.answer().body)
        self.assert_status(400, self.connection.answer())
        self.assertTrue(self.connection.is_closed())
        idle = self.connect(self.daemon)
        self.assertTrue(idle.works())
        idle.end()
        self.assertTrue(idle.is_closed())
        refused = self.connect(self.daemon)
        refused.begin("PUT", place, {"Content-Length": 5})
        refused.end()
        self.assert_status(403, refused.answer("PUT"))
        self.assertTrue(refused.is_closed())

    def test_close_is_asked_for(self) -> None:
        """``Connection: close`` ends the connection after the answer."""
        answer = self.connection.request("GET", "/health", {"Connection": "close"})
        self.assertEqual((200, True), (answer.status, answer.closes))
        self.assertTrue(self.connection.is_closed())

    def test_empty_line_first(self) -> None:
        """An empty line before a request is passed over (RFC 9112, 2.2)."""
        for _ in range(3):
            self.connection.send(b"\r\nGET /health HTTP/1.1\r\nHost: test\r\n\r\n")
            self.assert_status(200, self.connection.answer())

    def test_byte_by_byte(self) -> None:
        """A request may come in any pieces."""
        target = self.daemon.target("name", len(DATA)).encode()
        head = b"PUT %s HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n" % target
        for byte in head + DATA:
            self.connection.send(bytes([byte]))
        self.assert_status(201, self.connection.answer("PUT"))
        self.assertTrue(self.connection.works())


class RefusedBodyTests(ServerCase):
    """An answer that comes before the body has."""

    def setUp(self) -> None:
        self.daemon = self.start()
        self.data = noise(LARGE)
        self.wrong = self.daemon.place("name") + "?v2=" + "0" * 64

    def assert_closed_answer(self, status: int, connection: Connection, answer: Answer) -> None:
        """Fail unless the answer has this status and its connection ends."""
        self.assert_status(status, answer)
        self.assertTrue(answer.closes)
        self.assertTrue(connection.is_closed())
        self.assert_nothing_stored(self.daemon)

    def test_readable(self) -> None:
        """A client that sends 3 MB before it looks reads the answer every time."""
        for _ in range(TRIES):
            with Connection(self.daemon.port) as connection:
                self.assert_closed_answer(403, connection, connection.put(self.wrong, self.data))

    def test_readable_by_a_library(self) -> None:
        """So does the client of Python's library, which sends in its own way."""
        for _ in range(TRIES):
            client = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=60)
            self.addCleanup(client.close)
            client.request("PUT", self.wrong, self.data, {"Content-Type": "image/png"})
            answer = client.getresponse()
            self.assertEqual((403, "close"), (answer.status, answer.getheader("Connection")))
            self.assertTrue(answer.read())

    def test_readable_with_chunks(self) -> None:
        """So is the answer to a body in chunks, and to one of an unknown method."""
        for method, status in (("PUT", 403), ("FOO", 405), ("GET", 404)):
            with Connection(self.daemon.port) as connection:
                connection.begin(method, self.wrong, CHUNKED)
                for _ in range(3):
                    connection.send(b"100000\r\n%s\r\n" % self.data[: 1 << 20])
                self.assert_closed_answer(status, connection, connection.answer())

    def test_readable_when_malformed(self) -> None:
        """So is the answer to a request that cannot be read, with 3 MB after it."""
        with Connection(self.daemon.port) as connection:
            connection.send(b"PUT\r\n\r\n" + self.data)
            self.assert_closed_answer(400, connection, connection.answer())

    def test_next_request_in_the_body(self) -> None:
        """What comes after a refused head is its body, and never taken for a request."""
        body = b"GET /health HTTP/1.1\r\nHost: test\r\n\r\n"
        with Connection(self.daemon.port) as connection:
            answer = connection.put(self.wrong, body * 1000)
            self.assert_closed_answer(403, connection, answer)
        self.assertNotIn("GET /health HTTP", self.daemon.log)

    def test_not_asked_for(self) -> None:
        """A client that waits for 100 Continue gets the refusal instead."""
        with Connection(self.daemon.port) as connection:
            connection.begin("PUT", self.wrong, {"Content-Length": LARGE, "Expect": "100-continue"})
            self.assert_closed_answer(403, connection, connection.answer("PUT"))

    def test_asked_for(self) -> None:
        """A client whose signature is good gets 100 Continue, once, and then the answer."""
        connection = self.connect(self.daemon)
        for expect in ("100-continue", "100-Continue"):
            target = self.daemon.target(expect, LARGE)
            connection.begin("PUT", target, {"Content-Length": LARGE, "Expect": expect})
            self.assert_status(100, connection.answer())
            self.assertTrue(connection.is_silent(0.1))
            connection.send(self.data)
            self.assert_status(201, connection.answer("PUT"))
        self.assertTrue(connection.works())

    def test_endless(self) -> None:
        """A client that goes on sending after the refusal is cut."""
        with Connection(self.daemon.port) as connection:
            connection.begin("PUT", self.wrong, {"Content-Length": 1 << 40})

            def is_cut() -> bool:
                try:
                    connection.send(self.data)
                except OSError:
                    return True
                return False

            eventually("the connection to be cut", is_cut)


class SlowClientTests(ServerCase):
    """Clients that take their time with the headers, or send none."""

    def setUp(self) -> None:
        self.daemon = self.start({"server": {"header_timeout": f"{HEADER_TIMEOUT:g}s"}})
        self.begun = time.monotonic()

    def assert_cut_in_time(self) -> None:
        """Fail unless the time that headers may take is over, and not for long."""
        taken = time.monotonic() - self.begun
        self.assertGreater(taken, 0.9 * HEADER_TIMEOUT)
        self.assertLess(taken, 5 * HEADER_TIMEOUT)

    def test_stops(self) -> None:
        """Headers that do not end get 408, and the connection ends."""
        connection = self.connect(self.daemon)
        connection.send(b"GET /health HTTP/1.1\r\nHost: test\r\n")
        answer = connection.answer()
        self.assertEqual((408, True), (answer.status, answer.closes))
        self.assertTrue(connection.is_closed())
        self.assert_cut_in_time()

    def test_drips(self) -> None:
        """Headers of which a little comes now and then are cut at the same time."""
        connection = self.connect(self.daemon)
        connection.send(b"GET /health HTTP/1.1\r\nHost: test\r\n")
        while connection.is_silent(0.1):
            connection.send(b"X-Header: x\r\n")
        self.assert_cut_in_time()
        answer = connection.answer()
        self.assertEqual((408, True), (answer.status, answer.closes))

    def test_later_request(self) -> None:
        """The second request of a connection has no more time for its headers."""
        connection = self.connect(self.daemon)
        self.assertTrue(connection.works())
        self.begun = time.monotonic()
        connection.send(b"GET /hea")
        while connection.is_silent(0.1):
            connection.send(b"l")
        self.assert_cut_in_time()
        self.assert_status(408, connection.answer())

    def test_says_nothing(self) -> None:
        """A connection over which nothing ever comes is ended without an answer."""
        connection = self.connect(self.daemon)
        self.assertRaises(NoAnswer, connection.answer)
        self.assert_cut_in_time()

    def test_line_feeds_only(self) -> None:
        """Lines that end otherwise than the standard says never end; they are cut like that."""
        connection = self.connect(self.daemon)
        connection.send(b"GET /health HTTP/1.1\nHost: test\n\n")
        self.assert_status(408, connection.answer())


class CrowdTests(ServerCase):
    """More connections than there may be."""

    def test_too_many(self) -> None:
        """A connection beyond max_connections is ended; when others go there is room again."""
        daemon = self.start({"server": {"max_connections": 10}})
        connections = [self.connect(daemon) for _ in range(10)]
        self.assertTrue(all(connection.works() for connection in connections))
        with Connection(daemon.port) as one_more:
            self.assertTrue(one_more.is_closed())
        connections.pop().close()

        def has_room() -> bool:
            with Connection(daemon.port) as connection:
                try:
                    return connection.works()
                except (NoAnswer, OSError):
                    return False

        eventually("room for a connection", has_room)
        self.assertTrue(all(connection.works() for connection in connections))
