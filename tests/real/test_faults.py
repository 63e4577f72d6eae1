"""Uploads that go wrong leave nothing, and a server that is told to stop ends what it began."""

from __future__ import annotations

import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tests.real.case import MEGABYTE, ServerCase, noise
from tests.real.client import Connection, Headers, ask, put
from tests.real.daemon import Daemon, DidNotStart, eventually

SIZE: Final = 2 * MEGABYTE
CHUNKED: Final[Headers] = {"Transfer-Encoding": "chunked", "X-File-Size": SIZE}


def chunk(data: bytes) -> bytes:
    """Return a chunk of a body in chunks."""
    return b"%x\r\n%s\r\n" % (len(data), data)


class BrokenUploadTests(ServerCase):
    """A client stops, lies about the length, or goes away."""

    def setUp(self) -> None:
        self.daemon = self.start({"timeouts": {"readtimeout": "1s"}})
        self.data = noise(SIZE)
        self.target = self.daemon.target("name", SIZE)

    def begin(self, sent: int, headers: Headers | None = None) -> Connection:
        """Return a connection over which an upload has begun, of which so many bytes are sent."""
        connection = self.connect(self.daemon)
        connection.begin("PUT", self.target, headers or {"Content-Length": SIZE})
        connection.send(self.data[:sent])
        eventually("a stage", self.daemon.stages)
        return connection

    def assert_nothing_left(self) -> None:
        """Fail unless the stage goes, no file is seen, and the same upload succeeds after all."""
        eventually("the stage to go", lambda: not self.daemon.stages())
        self.assert_nothing_stored(self.daemon)
        self.assert_status(404, ask(self.daemon.port, "GET", self.daemon.place("name")))
        self.assert_status(201, put(self.daemon.port, self.target, self.data))
        self.assert_comes_back(self.daemon, self.daemon.place("name"), self.data)

    def test_aborted(self) -> None:
        """A client that goes away in mid-upload leaves nothing."""
        self.begin(SIZE // 2).close()
        self.assert_nothing_left()

    def test_ended(self) -> None:
        """A client that says it has ended, too early, leaves nothing."""
        connection = self.begin(SIZE // 2)
        connection.end()
        self.assertTrue(connection.is_closed())
        self.assert_nothing_left()

    def test_reset(self) -> None:
        """A connection that is reset in mid-upload leaves nothing."""
        self.begin(SIZE // 2).reset()
        self.assert_nothing_left()

    def test_stalled(self) -> None:
        """A client that is silent for longer than readtimeout gets 408 and leaves nothing."""
        connection = self.begin(SIZE // 2)
        answer = connection.answer("PUT")
        self.assert_status(408, answer)
        self.assertTrue(answer.closes)
        self.assertTrue(connection.is_closed())
        self.assert_nothing_left()

    def test_slow(self) -> None:
        """A client that takes longer altogether, and is never silent for so long, is waited for."""
        connection = self.begin(SIZE // 2)
        for start in range(SIZE // 2, SIZE, SIZE // 8):
            self.assertTrue(connection.is_silent(0.4))
            connection.send(self.data[start : start + SIZE // 8])
        self.assert_status(201, connection.answer("PUT"))
        self.assert_comes_back(self.daemon, self.daemon.place("name"), self.data)

    def test_longer_in_chunks(self) -> None:
        """A body in chunks that is longer than the signed size gets 413 and leaves nothing."""
        connection = self.begin(0, CHUNKED)
        connection.send(chunk(self.data) + chunk(b"one more"))
        answer = connection.answer("PUT")
        self.assert_status(413, answer)
        self.assertTrue(answer.closes)
        self.assertTrue(connection.is_closed())
        self.assert_nothing_left()

    def test_shorter_in_chunks(self) -> None:
        """A body in chunks that is shorter than the signed size gets 413 and leaves nothing."""
        connection = self.begin(0, CHUNKED)
        connection.send(chunk(self.data[:-1]) + b"0\r\n\r\n")
        self.assert_status(413, connection.answer("PUT"))
        self.assertTrue(connection.works())
        self.assert_nothing_left()

    def test_exact_in_chunks(self) -> None:
        """A body in chunks of the signed size is stored."""
        connection = self.begin(0, CHUNKED)
        for start in range(0, SIZE, SIZE // 7):
            connection.send(chunk(self.data[start : start + SIZE // 7]))
        connection.send(b"0\r\n\r\n")
        self.assert_status(201, connection.answer("PUT"))
        self.assertTrue(connection.works())
        self.assert_comes_back(self.daemon, self.daemon.place("name"), self.data)

    def test_more_than_announced(self) -> None:
        """Bytes after the announced length are no part of the file, but the next request."""
        connection = self.begin(SIZE // 2)
        more = b"GET /health HTTP/1.1\r\nHost: test\r\n\r\n"
        connection.send(self.data[SIZE // 2 :] + more)
        self.assert_status(201, connection.answer("PUT"))
        self.assertEqual(b"OK\n", connection.answer().body)
        self.assert_comes_back(self.daemon, self.daemon.place("name"), self.data)

    def test_descriptors(self) -> None:
        """After many broken uploads and downloads no descriptor is left open."""
        self.assert_status(201, put(self.daemon.port, self.target, self.data))
        before = self.daemon.open_descriptors()
        other = self.daemon.target("other", SIZE)
        for number in range(40):
            connection = Connection(self.daemon.port)
            if number % 2:
                connection.begin("GET", self.daemon.place("name"))
            else:
                connection.begin("PUT", other, {"Content-Length": SIZE})
                connection.send(self.data[: SIZE // 2])
            connection.reset()
        eventually("the stages to go", lambda: not self.daemon.stages())
        eventually("all descriptors to be closed", lambda: self.daemon.open_descriptors() <= before)


class RaceTests(ServerCase):
    """Clients that want the same name at the same time."""

    def test_one_name(self) -> None:
        """Of two uploads of other bytes to one name, one gets 201 and the other 409."""
        daemon = self.start()
        files = [noise(SIZE, seed) for seed in range(4)]
        connections = [self.connect(daemon) for _ in files]
        target = daemon.target("name", SIZE)
        for connection, data in zip(connections, files, strict=True):
            connection.begin("PUT", target, {"Content-Length": SIZE})
            connection.send(data[:-1])
        eventually("all uploads to be staged", lambda: len(daemon.stages()) == len(files))
        for connection, data in zip(connections, files, strict=True):
            connection.send(data[-1:])
        statuses = [connection.answer("PUT").status for connection in connections]
        self.assertEqual([201, 409, 409, 409], sorted(statuses))
        winner = files[statuses.index(201)]
        self.assert_comes_back(daemon, daemon.place("name"), winner)
        self.assertEqual([], daemon.stages())

    def test_same_bytes(self) -> None:
        """Uploads of the same bytes to one name all get 201."""
        daemon = self.start()
        data = noise(SIZE)
        connections = [self.connect(daemon) for _ in range(4)]
        for connection in connections:
            connection.begin("PUT", daemon.target("name", SIZE), {"Content-Length": SIZE})
            connection.send(data[:-1])
        eventually("all uploads to be staged", lambda: len(daemon.stages()) == len(connections))
        for connection in connections:
            connection.send(data[-1:])
        self.assertEqual([201] * 4, [connection.answer("PUT").status for connection in connections])
        self.assert_comes_back(daemon, daemon.place("name"), data)
        self.assertEqual([], daemon.stages())


class FastClientTests(ServerCase):
    """Clients that send faster than the server stores."""

    def setUp(self) -> None:
        self.daemon = self.start()
        self.data = noise(32 * MEGABYTE)

    def test_side_by_side(self) -> None:
        """Several at once all get what they sent stored, byte for byte."""
        names = [f"name{number}" for number in range(6)]

        def upload(name: str) -> int:
            target = self.daemon.target(name, len(self.data))
            return put(self.daemon.port, target, name.encode() + self.data[len(name) :]).status

        with ThreadPoolExecutor(len(names)) as clients:
            self.assertEqual([201] * len(names), list(clients.map(upload, names)))
        for name in names:
            data = name.encode() + self.data[len(name) :]
            self.assert_comes_back(self.daemon, self.daemon.place(name), data)

    def test_vanish(self) -> None:
        """Those that go away in the middle leave no file, no stage and no descriptor."""
        before = self.daemon.open_descriptors()
        target = self.daemon.target("name", len(self.data))
        for number in range(10):
            connection = Connection(self.daemon.port)
            connection.begin("PUT", target, {"Content-Length": len(self.data)})
            connection.send(self.data[: (2 + 3 * number) * MEGABYTE])
            connection.reset()
        eventually("the stages to go", lambda: not self.daemon.stages())
        eventually("all descriptors to be closed", lambda: self.daemon.open_descriptors() <= before)
        self.assert_nothing_stored(self.daemon)


class StopTests(ServerCase):
    """SIGTERM: nothing new, and what was begun is ended."""

    def begin(self, daemon: Daemon, number: int, sent: int) -> Connection:
        """Return a connection over which an upload has begun."""
        connection = self.connect(daemon)
        connection.begin("PUT", daemon.target(f"file {number}", SIZE), {"Content-Length": SIZE})
        connection.send(noise(SIZE, number)[:sent])
        return connection

    def assert_ends_uploads(self, signal_number: signal.Signals) -> None:
        """Fail unless uploads under way are ended after the signal, and the server ends then."""
        daemon = self.start()
        idle = self.connect(daemon)
        self.assertTrue(idle.works())
        sent = [1, SIZE // 3, SIZE // 2, SIZE - 1]
        connections = [self.begin(daemon, number, count) for number, count in enumerate(sent)]
        eventually("all uploads to be staged", lambda: len(daemon.stages()) == len(sent))
        daemon.process.send_signal(signal_number)
        daemon.process.send_signal(signal_number)
        self.assertTrue(idle.is_closed(), "an idle connection is kept while the server stops")
        self.assert_refuses_all(daemon.port)
        for number, (connection, count) in enumerate(zip(connections, sent, strict=True)):
            connection.send(noise(SIZE, number)[count:])
            answer = connection.answer("PUT")
            self.assert_status(201, answer)
            self.assertTrue(answer.closes)
        self.assertEqual(0, daemon.wait())
        self.assertEqual([], daemon.stages())
        daemon.start()
        for number in range(len(sent)):
            self.assert_comes_back(daemon, daemon.place(f"file {number}"), noise(SIZE, number))

    def test_terminated(self) -> None:
        """SIGTERM lets uploads that are under way be ended, and refuses what is new."""
        self.assert_ends_uploads(signal.SIGTERM)

    def test_interrupted(self) -> None:
        """SIGINT, the interrupt from the keyboard, does the same."""
        self.assert_ends_uploads(signal.SIGINT)

    def test_downloads_are_ended(self) -> None:
        """A download that is under way is ended too."""
        daemon = self.start()
        data = noise(32 * MEGABYTE)
        self.assert_status(201, put(daemon.port, daemon.target("name", len(data)), data))
        connection = self.connect(daemon)
        connection.begin("GET", daemon.place("name"))
        self.assertFalse(connection.is_silent(20))
        daemon.terminate()
        self.assert_refuses_all(daemon.port)
        self.assertEqual(data, connection.answer().body)
        self.assertEqual(0, daemon.wait())

    def test_patience_ends(self) -> None:
        """An upload that does not end in the time that there is is cut and leaves nothing."""
        for limit in ("graceful_shutdown_timeout", "connection_drain_timeout"):
            daemon = self.start({"server": {limit: "1s"}})
            connection = self.begin(daemon, 0, SIZE // 2)
            eventually("a stage", daemon.stages)
            self.assertEqual(0, daemon.stop())
            self.assertTrue(connection.is_closed())
            self.assert_nothing_stored(daemon)

    def test_second_server(self) -> None:
        """A second server on the same storage refuses to start, and the first goes on."""
        daemon = self.start()
        second = Daemon(self.directory(), storage=daemon.storage)
        failure = self.assertRaises(DidNotStart, second.start)
        self.assertEqual(1, second.process.returncode)
        self.assertIn("another hmac-file-server", str(failure))
        self.assertTrue(self.connect(daemon).works())

    def test_port_taken(self) -> None:
        """A server whose port is taken says so and ends."""
        with socket.socket() as taken:
            daemon = Daemon(self.directory())
            taken.bind(("127.0.0.1", daemon.port))
            taken.listen()
            failure = self.assertRaises(DidNotStart, daemon.start)
        self.assertEqual(1, daemon.process.returncode)
        self.assertIn(f"cannot listen on 127.0.0.1:{daemon.port}", str(failure))
