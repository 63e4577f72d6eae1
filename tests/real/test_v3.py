"""Upload sessions of the V3 API: clients of others, many at once, and a server that dies."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from wsproto.events import CloseConnection, TextMessage

from tests.ports import free_port
from tests.real import browser, certificates
from tests.real.case import MEGABYTE, noise
from tests.real.client import Answer, Connection, NoAnswer, ask
from tests.real.daemon import CHECKOUT, PATIENCE, Daemon, eventually
from tests.real.v3_case import CHUNK, JWT_SECRET, SessionCase, target_of
from tests.real.web_socket import SocketClient

HERE: Final = pathlib.Path(__file__).parent
SENDERS: Final = 10
KILLS: Final = 3
MOST_MEMORY: Final = 110 * MEGABYTE
"""Of a server with ten uploads at once, each with what waits for the disk."""


class ParallelTests(SessionCase):
    """Many requests of one session at once."""

    def test_ten_senders(self) -> None:
        """Ten senders bring chunks in any order; each is told so, and the file is exact."""
        daemon = self.same_server()
        data = noise(30 * MEGABYTE - 1234)
        checksum = hashlib.sha256(data).hexdigest()
        session = self.create(daemon, data, checksum=f"sha256:{checksum}")
        order = random.Random(3).sample(range(session["total_chunks"]), session["total_chunks"])
        with ThreadPoolExecutor(SENDERS) as pool:
            answers = pool.map(lambda index: self.put_chunk(daemon, session, index, data), order)
            statuses = [answer.status for answer in answers]
        self.assertIn(201, statuses)
        self.assertLessEqual(set(statuses), {200, 201})
        self.assertLess(daemon.peak_memory(), MOST_MEMORY)
        self.assert_stored(daemon, session, data)

    def test_repeats(self) -> None:
        """When they bring the same at once the newer rules, and none is told what is not so."""
        daemon = self.same_server()
        data = noise(12 * MEGABYTE - 1234)
        session = self.create(daemon, data)
        indexes = [*range(session["total_chunks"])]
        order = indexes[::2] + indexes[::-1] + indexes[1::2]
        with ThreadPoolExecutor(SENDERS) as pool:
            answers = list(pool.map(lambda index: self._put(daemon, session, index, data), order))
        statuses = {answer.status for answer in answers if answer is not None}
        # 503 is for who comes while the file is being made.
        self.assertLessEqual(statuses, {200, 201, 503})
        state = self.status(daemon, session)
        self.assertEqual(("stored", []), (state["state"], state["missing"]))
        self.assert_stored(daemon, session, data)

    def _put(
        self, daemon: Daemon, session: dict[str, Any], index: int, data: bytes
    ) -> Answer | None:
        try:
            return self.put_chunk(daemon, session, index, data)
        except (NoAnswer, ConnectionError):
            return None

    def test_other_bytes_at_once(self) -> None:
        """Of other bytes in the same place one sender wins, and the others are told."""
        daemon = self.same_server()
        data = noise(3 * CHUNK)
        session = self.create(daemon, data)
        self.put_chunk(daemon, session, 0, data)
        self.assert_status(409, self.put_chunk(daemon, session, 0, noise(3 * CHUNK, "other")))
        for index in (1, 2):
            self.put_chunk(daemon, session, index, data)
        self.assert_stored(daemon, session, data)


class KilledTests(SessionCase):
    """Clients whose server is killed in the middle, again and again."""

    def begin(self, rate: int) -> None:
        """Start a server that takes so many bytes a second of each connection."""
        port = free_port()
        # The tokens of the 3.2 client are for the URL of the server, which must know it.
        self.origin = f"http://127.0.0.1:{port}"
        sections: dict[str, dict[str, object]] = {
            "server": {"public_base_url": self.origin},
            "security": {"enablejwt": True, "jwtsecret": JWT_SECRET},
            "uploads": {"chunk_size": CHUNK, "max_bytes_per_second": rate},
        }
        self.daemon = self.start(sections, port=port)
        self.file = self.directory() / "film.mkv"
        self.data = noise(24 * MEGABYTE + 77)
        self.file.write_bytes(self.data)

    @contextmanager
    def running(self, *command: str) -> Iterator[subprocess.Popen[str]]:
        """Run a client for a while."""
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
            try:
                yield client
            finally:
                client.kill()

    def assert_survives(self, *command: str) -> None:
        """Kill the server while the client sends; fail unless the file is exact at the end."""
        with self.running(*command) as client:
            assert client.stdout is not None
            session = json.loads(client.stdout.readline())
            reached = 0
            for _ in range(KILLS):

                def moved(reached: int = reached) -> int:
                    received: int = self.status(self.daemon, session)["received"]
                    return received if received >= reached + 2 * CHUNK else 0

                before = eventually("the upload to go on", moved, 60)
                self.daemon.kill9()
                self.daemon.start()
                after = self.status(self.daemon, session)["received"]
                # What was told was on the disk.
                self.assertGreaterEqual(after, before)
                reached = after
            answer = json.loads(client.stdout.readline())
            self.assertEqual(0, client.wait(60))
        self.assertEqual(hashlib.sha256(self.data).hexdigest(), answer["checksum"][7:])
        self.assert_stored(self.daemon, session, self.data)

    def test_javascript(self) -> None:
        """A client in Node with ten chunks under way goes on with what the status calls missing."""
        self.begin(MEGABYTE)
        self.assert_survives(
            "node", str(HERE / "chunked_client.js"), self.origin, self.token(), str(self.file)
        )

    def test_python(self) -> None:
        """So does a program with the Python class of the 3.2 documents, unchanged."""
        self.begin(8 * MEGABYTE)
        sample = str(HERE / "python_client.sample")
        self.assert_survives(sys.executable, sample, self.origin, JWT_SECRET, str(self.file))


class ProgressTests(SessionCase):
    """The WebSocket."""

    def test_events(self) -> None:
        """Bytes, rate and state, at most four a second, to the end, which is a normal close."""
        daemon = self.same_server(max_bytes_per_second=4 * MEGABYTE)
        data = noise(8 * MEGABYTE)
        session = self.create(daemon, data)
        with SocketClient(daemon.port, target_of(session["websocket_url"])) as client:
            target = target_of(session["upload_urls"]["put"])
            began = time.monotonic()
            put = threading.Thread(target=self._put, args=(daemon, target, data))
            put.start()
            told, code = client.to_the_end()
            took = time.monotonic() - began
            put.join()
            self.assertTrue(client.is_closed())
        self.assertEqual(1000, code)
        self.assertEqual(("stored", len(data)), (told[-1]["state"], told[-1]["bytes"]))
        self.assertEqual({session["session_id"]}, {event["session_id"] for event in told})
        received = [event["bytes"] for event in told]
        self.assertEqual(sorted(received), received)
        self.assertGreater(len(told), 3)
        self.assertLessEqual(len(told), 4 * took + 2)
        self.assertTrue(any(2 * MEGABYTE < event["rate"] < 8 * MEGABYTE for event in told), told)

    def _put(self, daemon: Daemon, target: str, data: bytes) -> None:
        with Connection(daemon.port) as connection:
            connection.put(target, data)

    def test_clients_that_vanish(self) -> None:
        """Of clients that leave, in whatever way, no descriptor stays; the upload is untouched."""
        daemon = self.same_server()
        data = noise(2 * CHUNK)
        session = self.create(daemon, data)
        before = daemon.open_descriptors()
        for leave in ("close", "reset", "bye"):
            clients = [
                SocketClient(daemon.port, target_of(session["websocket_url"])) for _ in range(8)
            ]
            with Connection(daemon.port) as connection:
                one_more = connection.request(
                    "GET",
                    target_of(session["websocket_url"]),
                    {
                        "Upgrade": "websocket",
                        "Connection": "Upgrade",
                        "Sec-WebSocket-Version": 13,
                        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
                    },
                )
            self.assert_status(503, one_more)
            for client in clients:
                if leave == "bye":
                    client.say(CloseConnection(1000))
                    client.is_closed()
                client.reset() if leave == "reset" else client.close()
            eventually("the descriptors to be closed", lambda: daemon.open_descriptors() <= before)
        for index in (0, 1):
            self.put_chunk(daemon, session, index, data)
        self.assert_stored(daemon, session, data)

    def test_long_messages(self) -> None:
        """A client that says too much is closed with 1009."""
        daemon = self.same_server()
        session = self.create(daemon, noise(CHUNK))
        with SocketClient(daemon.port, target_of(session["websocket_url"])) as client:
            client.say(TextMessage("x" * 2000))
            self.assertEqual(1009, client.to_the_end()[1])

    def test_tls(self) -> None:
        """Over TLS it is the same, also when the client vanishes."""
        certificate = certificates.make(self.directory())
        port = free_port()
        daemon = self.start(
            {
                "server": {"listeners": [f"tls:127.0.0.1:{port}"]},
                "security": {"enablejwt": True, "jwtsecret": JWT_SECRET},
                "tls": {
                    "cert_file": os.fspath(certificate.certificate),
                    "key_file": os.fspath(certificate.key),
                },
            }
        )
        session = self.create(daemon, b"content")
        before = daemon.open_descriptors()
        target = target_of(session["websocket_url"])
        tls = certificate.trusting()
        for leave in (Connection.close, Connection.reset):
            client = SocketClient(port, target, tls)
            client.event()
            leave(client)
        eventually("the descriptors to be closed", lambda: daemon.open_descriptors() <= before)
        with SocketClient(port, target, tls) as client:
            self.put_chunk(daemon, session, 0, b"content")
            told, code = client.to_the_end()
            self.assertTrue(client.is_closed())
        self.assertEqual(("stored", 1000), (told[-1]["state"], code))

    def test_stop(self) -> None:
        """A server that is stopped closes with 1001 and does not wait for its clients."""
        daemon = self.same_server()
        session = self.create(daemon, noise(CHUNK))
        with SocketClient(daemon.port, target_of(session["websocket_url"])) as client:
            client.event()
            began = time.monotonic()
            daemon.terminate()
            self.assertEqual(([], 1001), client.to_the_end())
            self.assertEqual(0, daemon.wait())
            self.assertLess(time.monotonic() - began, 5)


class CapabilityTests(SessionCase):
    """What clients are told of the server."""

    def test_as_configured(self) -> None:
        """A switch that is turned off is a capability that is not told."""
        for is_on in (True, False):
            # It is on where nothing is said.
            daemon = (
                self.same_server() if is_on else self.begin_server(chunked_uploads_enabled=False)
            )
            told = self.create(daemon, b"content")["capabilities"]
            self.assertEqual(is_on, "chunked_upload" in told)
            self.assertIn("deduplication", told)


class LogTests(SessionCase):
    """What is logged."""

    def test_capabilities(self) -> None:
        """No id of a session is in the log, whatever is asked of it, and however it fails."""
        daemon = self.same_server()
        data = noise(2 * CHUNK)
        session = self.create(daemon, data, checksum="sha256:" + "0" * 64)
        session_id = session["session_id"]
        for index in (0, 1):
            self.put_chunk(daemon, session, index, data)
        for method, target in (
            ("GET", f"/api/v3/upload/{session_id}"),
            ("PATCH", f"/api/v3/upload/{session_id}"),
            ("GET", f"/api/v3/progress/{session_id}"),
            ("GET", f"/api/v3/chunk/1?session={session_id}"),
            ("POST", f"/api/v3/upload/{session_id}/complete"),
            ("DELETE", f"/api/v3/upload/{session_id}"),
        ):
            ask(daemon.port, method, target)
        eventually("the last in the log", lambda: "DELETE /api/v3/upload/***" in daemon.log)
        self.assertIn("/api/v3/upload/***/complete", daemon.log)
        self.assertNotIn(session_id.removeprefix("sess_"), daemon.log)


def is_in(text: str, directory: pathlib.Path) -> bool:
    """Tell whether a file of the directory has the text."""
    return any(text.encode() in path.read_bytes() for path in directory.glob("*.log"))


class PageTests(SessionCase):
    """The page in ``etc/browser``, in Chromium."""

    SIZE: Final = 12 * MEGABYTE

    def setUp(self) -> None:
        # Slow enough that the page is in the middle of it for a while.
        self.daemon = self.same_server(max_bytes_per_second=3 * MEGABYTE // 4)
        self.place = self.directory()
        self.data = bytes((index * 31 + (index >> 8)) & 255 for index in range(65536)) * (
            self.SIZE // 65536
        )
        page = (CHECKOUT / "etc/browser/upload.html").read_text(encoding="utf-8")
        use = (HERE / "upload_page_use.html").read_text(encoding="utf-8")
        use = use.replace("SERVER", f"http://127.0.0.1:{self.daemon.port}")
        self.page = page + use.replace("TOKEN", self.token()).replace("SIZE", str(self.SIZE))

    def follow(self, told: Any, until: int) -> Any:
        """Read what the page tells until so many bytes, or its end."""
        while True:
            event = json.loads(told.get(timeout=PATIENCE))
            if "end" in event or event["bytes"] >= until:
                return event

    def assert_whole(self, event: Any) -> None:
        """Fail unless the page told that all went well, and the file is exact."""
        self.assertEqual(1, event["bar"], event)
        word, _, url = event["end"].partition(" ")
        self.assertEqual("stored:", word, event)
        self.assert_comes_back(self.daemon, target_of(url), self.data)

    def test_upload(self) -> None:
        """A file goes up, while its bar grows, though the server is killed in the middle."""
        with browser.serving(self.page) as server, browser.visiting(self.place, server.url):
            event = self.follow(server.told, self.SIZE // 3)
            self.assertLess(event["bar"], 1)
            self.daemon.kill9()
            self.daemon.start()
            self.assert_whole(self.follow(server.told, self.SIZE + 1))

    def test_resume(self) -> None:
        """A page that is loaded again goes on with the session of the one before."""
        with browser.serving(self.page) as server:
            with browser.visiting(self.place, server.url):
                first = self.follow(server.told, self.SIZE // 3)
                # The rest stays unsent, however long the browser takes to write down what it keeps.
                self.daemon.kill9()
                kept = self.place / "profile/Default/Local Storage/leveldb"
                eventually("what the page keeps", lambda: is_in(first["session_id"], kept))
            while not server.told.empty():
                server.told.get()
            self.daemon.start()
            with browser.visiting(self.place, server.url):
                again = self.follow(server.told, 0)
                self.assertEqual(first["session_id"], again.get("session_id"), again)
                self.assertGreaterEqual(again["bytes"], CHUNK)
                self.assert_whole(self.follow(server.told, self.SIZE + 1))
