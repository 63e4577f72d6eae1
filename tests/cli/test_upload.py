"""Tests of hmacfs.cli.upload."""

from __future__ import annotations

import http.client
import io
import socket
import threading
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.cli.upload import BLOCK, Answer, Place, UrlWrong, put

STORED = b"HTTP/1.1 201 Created\r\nLocation: /upload/x\r\nContent-Length: 0\r\n\r\n"
REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n"


class PlaceTests(SynchronousTestCase):
    """``Place.parse``."""

    def test_places(self) -> None:
        """Host, port and scheme are told apart; path and query stay as they are."""
        for url, place in (
            ("http://a", Place(False, "a", None, "/")),
            (
                "https://a:8443/b%20c/%2B+?v=1&x=%3D",
                Place(True, "a", 8443, "/b%20c/%2B+?v=1&x=%3D"),
            ),
            ("HTTP://[::1]:80/a//b", Place(False, "::1", 80, "/a//b")),
            ("http://a/ü x?y=ö#z", Place(False, "a", None, "/%C3%BC%20x?y=%C3%B6")),
        ):
            self.assertEqual(Place.parse(url), place)

    def test_refused(self) -> None:
        """What is no such URL is said to be none."""
        for url in (
            "",
            "x",
            "/a",
            "ftp://a/b",
            "http://",
            "http:///a",
            "http://a:b/",
            "http://a:99999/",
            "http://u:p@a/",
            "http://[::1/",
        ):
            with self.assertRaises(UrlWrong):
                Place.parse(url)

    def test_connection(self) -> None:
        """The connection is of the scheme, and not made yet."""
        plain, secure = (
            Place.parse(f"{scheme}://a:81/").connection() for scheme in ("http", "https")
        )
        self.assertEqual(
            (type(plain), plain.host, plain.port), (http.client.HTTPConnection, "a", 81)
        )
        self.assertIsInstance(secure, http.client.HTTPSConnection)
        self.assertIsNone(plain.sock)


class PutTests(SynchronousTestCase):
    """``put``, to a server at the other end of a pair of sockets."""

    def setUp(self) -> None:
        self.connection = http.client.HTTPConnection("server")
        self.connection.sock, self.other = socket.socketpair()
        self.addCleanup(self.connection.close)
        self.addCleanup(self.other.close)
        self.other.settimeout(60)
        self.sent: list[int] = []
        self.received = b""

    def put(self, content: bytes, size: int | None = None) -> Answer:
        """Upload bytes."""
        size = len(content) if size is None else size
        headers = {"Content-Type": "a/b", "X-Y": "z"}
        return put(self.connection, "/x?v=1", headers, io.BytesIO(content), size, self.sent.append)

    def serve(self, size: int, answer: bytes) -> Callable[[], None]:
        """Read so many bytes of a body on a thread, then answer; the result waits for it."""

        def work() -> None:
            data = b""
            while b"\r\n\r\n" not in data:
                data += self.other.recv(65536)
            while len(data) - data.index(b"\r\n\r\n") - 4 < size:
                data += self.other.recv(65536)
            self.received = data
            self.other.sendall(answer)
            if b"close" in answer:
                self.other.close()

        thread = threading.Thread(target=work)
        thread.start()
        return thread.join

    def test_whole(self) -> None:
        """All bytes are sent with their length, block by block, and the answer is told."""
        content = b"x" * (2 * BLOCK + 5)
        wait = self.serve(len(content), STORED)
        answer = self.put(content)
        wait()
        self.assertEqual((answer.status, answer.headers["location"]), (201, "/upload/x"))
        self.assertEqual(self.sent, [BLOCK, BLOCK, 5])
        head, _, body = self.received.partition(b"\r\n\r\n")
        self.assertEqual(body, content)
        lines = head.split(b"\r\n")
        self.assertEqual(lines[0], b"PUT /x?v=1 HTTP/1.1")
        for line in (b"Content-Length: %d" % len(content), b"Content-Type: a/b", b"X-Y: z"):
            self.assertIn(line, lines)

    def test_empty(self) -> None:
        """A file of no bytes is announced as such."""
        wait = self.serve(0, STORED)
        self.assertEqual(self.put(b"").status, 201)
        wait()
        self.assertIn(b"Content-Length: 0", self.received)

    def test_early_refusal(self) -> None:
        """An answer that is there before the body ends it."""
        self.other.sendall(REFUSED)
        answer = self.put(b"x" * 10 * BLOCK)
        self.assertEqual((answer.status, answer.body), (403, b"no\n"))
        self.assertEqual(self.sent, [])

    def test_refused_in_the_middle(self) -> None:
        """A server that answers and closes while the file comes is heard."""
        wait = self.serve(BLOCK, REFUSED)
        answer = self.put(b"x" * 100 * BLOCK)
        wait()
        self.assertEqual(answer.status, 403)
        self.assertLess(sum(self.sent), 100 * BLOCK)

    def test_short_file(self) -> None:
        """A file that has become shorter is a failure, and never padded."""
        with self.assertRaises(EOFError):
            self.put(b"x" * 5, 7)

    def test_silence(self) -> None:
        """A server that goes away without an answer is a failure."""
        self.other.close()
        with self.assertRaises((OSError, http.client.HTTPException)):
            self.put(b"x")
