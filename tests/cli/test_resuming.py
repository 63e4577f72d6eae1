"""Tests of hmacfs.cli.resuming, against a server that fails in every way."""

from __future__ import annotations

import http.client
import io
import os
import socket
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.cli.resuming import RESUMED_FROM, Backoff, Resuming, token_of
from hmacfs.cli.upload import Answer

SIZE = RESUMED_FROM
CONTENT = os.urandom(SIZE)

Reply = Callable[[socket.socket, bytes, bytes], None]
"""Answers a connection, of which this head and the bytes after it have come."""


def says(status: str, *fields: str) -> Reply:
    """Read the body, if there is one, and answer."""

    def reply(connection: socket.socket, head: bytes, rest: bytes) -> None:
        _read(connection, head, rest)
        lines = [f"HTTP/1.1 {status}", *fields, "Content-Length: 0", "", ""]
        connection.sendall("\r\n".join(lines).encode())

    return reply


def cuts(length: int) -> Reply:
    """Cut the connection after some of the body."""

    def reply(connection: socket.socket, head: bytes, rest: bytes) -> None:
        while len(rest) < length:
            rest += connection.recv(65536)

    return reply


def _read(connection: socket.socket, head: bytes, rest: bytes) -> bytes:
    length = 0
    for line in head.split(b"\r\n"):
        if line.startswith(b"Content-Length: "):
            length = int(line[16:])
    while len(rest) < length:
        rest += connection.recv(65536)
    return rest


class Scripted:
    """
    A server that answers each connection by the next of its replies.

    :ivar heads: what was asked.
    """

    def __init__(self, *replies: Reply) -> None:
        self._replies = replies
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.heads: list[bytes] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        for reply in self._replies:
            connection, _ = self._socket.accept()
            with connection:
                connection.settimeout(60)
                data = b""
                while b"\r\n\r\n" not in data:
                    data += connection.recv(65536)
                head, _, rest = data.partition(b"\r\n\r\n")
                self.heads.append(head)
                reply(connection, head, rest)

    def stop(self) -> None:
        """Be gone."""
        self._socket.close()
        self._thread.join(10)


class ResumingTests(SynchronousTestCase):
    """:class:`Resuming`."""

    def setUp(self) -> None:
        self.waits: list[float] = []
        self.reached: list[int] = []
        self.said: list[str] = []

    def run_with(self, *replies: Reply, tries: int = 3, content: bytes = CONTENT) -> Answer:
        """Send a file to such a server."""
        self.server = Scripted(*replies)
        self.addCleanup(self.server.stop)
        return Resuming(
            lambda: http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60),
            "/x",
            {"X-Session-Token": "token"},
            io.BytesIO(content),
            len(content),
            Backoff(tries, lambda: 1.0, self.waits.append),
            self.reached.append,
            self.said.append,
        ).run()

    def asked(self) -> list[tuple[str, str]]:
        """Tell the methods that were asked, and the parts that were brought."""
        asked = []
        for head in self.server.heads:
            lines = head.decode().split("\r\n")
            self.assertIn("X-Session-Token: token", lines)
            parts = [line[15:] for line in lines if line.startswith("Content-Range: ")]
            asked.append((lines[0].split()[0], "".join(parts)))
        return asked

    def test_new(self) -> None:
        """What the server does not know is sent whole."""
        answer = self.run_with(says("404 Not Found"), says("201 Created"))
        self.assertEqual(answer.status, 201)
        self.assertEqual(self.asked(), [("HEAD", ""), ("PUT", "")])
        self.assertEqual((self.reached[0], self.reached[-1], self.waits), (0, SIZE, []))

    def test_small(self) -> None:
        """A small file is sent without a question."""
        self.run_with(says("201 Created"), content=b"small")
        self.assertEqual(self.asked(), [("PUT", "")])

    def test_goes_on(self) -> None:
        """What an earlier run has brought is not sent again."""
        half = SIZE // 2
        self.run_with(says("200 OK", f"Upload-Offset: {half}"), says("201 Created"))
        self.assertEqual(self.asked()[1], ("PUT", f"bytes {half}-{SIZE - 1}/{SIZE}"))
        self.assertEqual(self.reached[0], half)

    def test_all_there(self) -> None:
        """If all is there the last byte asks what became of it."""
        self.run_with(says("200 OK", f"Upload-Offset: {SIZE}"), says("201 Created"))
        self.assertEqual(self.asked()[1], ("PUT", f"bytes {SIZE - 1}-{SIZE - 1}/{SIZE}"))

    def test_break(self) -> None:
        """After a break it waits, asks, and goes on."""
        answer = self.run_with(
            says("404 Not Found"),
            cuts(1000),
            says("200 OK", "Upload-Offset: 1000"),
            says("201 Created"),
        )
        self.assertEqual(answer.status, 201)
        self.assertEqual(self.waits, [1.0])
        self.assertEqual(self.asked()[3], ("PUT", f"bytes 1000-{SIZE - 1}/{SIZE}"))
        self.assertRegex(self.said[0], "trying again in 1.0 s")

    def test_progress_counts(self) -> None:
        """Tries are counted anew with each byte more."""
        replies: list[Reply] = [says("404 Not Found"), cuts(1)]
        for offset in range(1, 6):
            replies += [says("200 OK", f"Upload-Offset: {offset}"), cuts(1)]
        replies += [says("200 OK", "Upload-Offset: 6"), says("201 Created")]
        self.assertEqual(self.run_with(*replies, tries=1).status, 201)
        self.assertEqual(self.waits, [1.0] * 6)

    def test_too_often(self) -> None:
        """Some time it gives up, having waited longer and longer."""
        broken = [says("404 Not Found"), cuts(1)] * 4
        with self.assertRaises((OSError, http.client.HTTPException)):
            self.run_with(*broken)
        self.assertEqual(self.waits, [1.0, 2.0, 4.0])

    def test_busy(self) -> None:
        """A server that cannot now is asked again, when it says."""
        answer = self.run_with(
            says("503 Service Unavailable", "Retry-After: 7"),
            says("503 Service Unavailable", "Retry-After: 7"),
            says("404 Not Found"),
            says("201 Created"),
        )
        self.assertEqual(answer.status, 201)
        self.assertEqual(self.waits, [8.0])

    def test_elsewhere(self) -> None:
        """A server that wants the bytes from elsewhere on is asked from where."""
        answer = self.run_with(
            says("200 OK", "Upload-Offset: 10"),
            says("409 Conflict", "Upload-Offset: 5"),
            says("200 OK", "Upload-Offset: 5"),
            says("201 Created"),
        )
        self.assertEqual(answer.status, 201)

    def test_refused(self) -> None:
        """A refusal is not asked for twice."""
        answer = self.run_with(says("403 Forbidden"), says("403 Forbidden"))
        self.assertEqual((answer.status, self.waits), (403, []))

    def test_never_met(self) -> None:
        """A server that was never there is not waited for."""
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        sending = Resuming(
            lambda: http.client.HTTPConnection("127.0.0.1", port, timeout=60),
            "/x",
            {},
            io.BytesIO(CONTENT),
            SIZE,
            Backoff(3, lambda: 1.0, self.waits.append),
            self.reached.append,
            self.said.append,
        )
        with self.assertRaises(ConnectionRefusedError):
            sending.run()
        self.assertEqual(self.waits, [])


class BackoffTests(SynchronousTestCase):
    """:class:`Backoff`."""

    def test_jitter(self) -> None:
        """The waits double up to a bound, and lie anywhere in their upper half."""
        for random, waits in ((b"\x01", [1, 2, 4, 8, 8]), (b"\x00", [0.5, 1, 2, 4, 4])):
            backoff = Backoff(5, partial(int.from_bytes, random), lambda _: None, longest=8)
            self.assertEqual([backoff.wait(n, 0) for n in range(1, 6)], waits)


class TokenTests(SynchronousTestCase):
    """:func:`token_of`."""

    def test_same(self) -> None:
        """The token is the same for the same file and URL, and another for any other."""
        path = Path(self.mktemp())
        path.write_bytes(b"content")
        token = token_of("http://a/b", path, path.stat())
        self.assertEqual(token, token_of("http://a/b", path.resolve(), path.stat()))
        self.assertRegex(token, r"\A[0-9a-f]{64}\Z")
        others = {token_of("http://a/c", path, path.stat())}
        path.write_bytes(b"content!")
        others.add(token_of("http://a/b", path, path.stat()))
        self.assertEqual(len(others - {token}), 2)
