"""The queue of uploads, and threads that follow it."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

from tests.ports import free_port
from tests.real import ways
from tests.real.case import MEGABYTE, ServerCase, noise
from tests.real.client import Connection, Headers, ask, put
from tests.real.daemon import Daemon, Sections, eventually
from tests.real.ways import WAYS, File


class QueueTests(ServerCase):
    """A server with two threads, which may become six, and a queue of four."""

    def queued(self, *, dynamic: bool) -> tuple[Daemon, int]:
        """Return it, and the port of its metrics."""
        metrics = free_port()
        sections: Sections = {
            "server": {"metrics_port": metrics, "enable_dynamic_workers": dynamic},
            "uploads": {"retry_delay": "7s"},
            "workers": {"numworkers": 2, "uploadqueuesize": 4, "max_workers": 6},
        }
        return self.start(sections), metrics

    def number(self, port: int, name: str) -> float:
        """Return a number of the metrics."""
        text = ask(port, "GET", "/metrics").body.decode()
        found = re.search(rf"^hmac_file_server_{name} (\S+)$", text, re.MULTILINE)
        assert found is not None, name
        return float(found[1])

    def begun(self, daemon: Daemon, name: str) -> Connection:
        """Begin an upload of ten bytes, and send one."""
        connection = self.connect(daemon)
        connection.begin("PUT", daemon.target(name, 10), {"Content-Length": "10"})
        connection.send(b"0")
        return connection

    def test_full(self) -> None:
        """What comes to a full queue is told 503 before its body; those in it end well."""
        daemon, metrics = self.queued(dynamic=False)
        uploads = [self.begun(daemon, f"f{number}") for number in range(6)]
        eventually("the uploads", lambda: self.number(metrics, "uploads_under_way") == 6)
        self.assertEqual(self.number(metrics, "upload_queue_length"), 4)
        late = self.connect(daemon)
        late.begin("PUT", daemon.target("late", 10), {"Content-Length": "10"})
        answer = late.answer("PUT")
        self.assert_status(503, answer)
        self.assertEqual("7", answer.headers["retry-after"])
        for upload in uploads:
            upload.send(b"123456789")
            self.assert_status(201, upload.answer("PUT"))
        self.assert_status(201, put(daemon.port, daemon.target("late", 10), b"0123456789"))
        self.assertEqual(self.number(metrics, "uploads_under_way"), 0)
        self.assertEqual(self.number(metrics, "worker_threads"), 2)

    def test_every_way(self) -> None:
        """To a full queue nothing comes by any way; the wait is that of the settings."""
        workers = {"numworkers": 1, "uploadqueuesize": 1}
        uploads = {**ways.SECTIONS["uploads"], "retry_delay": "7s"}
        daemon = self.start({**ways.SECTIONS, "workers": workers, "uploads": uploads})
        held = [self.begun(daemon, f"f{number}") for number in range(2)]
        eventually("two stages", lambda: len(daemon.stages()) == 2)
        for way, upload in WAYS.items():
            answer = upload(daemon, File(ways.name_of(way), b"0123456789"))
            self.assert_status(503, answer, way)
            self.assertEqual(answer.headers["retry-after"], "7", way)
        self.assertEqual(daemon.stored(), {})
        for connection in held:
            connection.send(b"123456789")
            self.assert_status(201, connection.answer("PUT"))
        for way, upload in WAYS.items():
            answer = upload(daemon, File(ways.name_of(way), b"0123456789"))
            self.assertIn(answer.status, (200, 201, 204), way)

    def test_memory(self) -> None:
        """A server with less memory than it has already takes no upload, and gives files out."""
        daemon = self.start()
        self.assert_status(201, put(daemon.port, daemon.target("a", 1), b"a"))
        daemon.stop()
        config = daemon.config.read_text(encoding="utf-8")
        daemon.config.write_text(f"{config}\n[workers]\nmax_memory = '10MB'\n", encoding="utf-8")
        daemon.start()
        connection = self.connect(daemon)
        headers: Headers = {"Content-Length": 1, "Expect": "100-continue"}
        connection.begin("PUT", daemon.target("b", 1), headers)
        answer = connection.answer("PUT")
        self.assert_status(503, answer)
        self.assertIn("retry-after", answer.headers)
        self.assert_status(200, ask(daemon.port, "GET", daemon.place("a")))

    def test_buffer(self) -> None:
        """With a small buffer large uploads come in as well, from many at once."""
        daemon = self.start({"uploads": {"buffer_size": "16KB"}})
        files = {f"f{number}": noise(8 * MEGABYTE, number) for number in range(4)}
        with ThreadPoolExecutor(4) as clients:
            statuses = clients.map(
                lambda name: put(daemon.port, daemon.target(name, len(files[name])), files[name]),
                files,
            )
            self.assertEqual({answer.status for answer in statuses}, {201})
        for name, data in files.items():
            self.assert_comes_back(daemon, daemon.place(name), data)

    def test_given_up(self) -> None:
        """Clients that vanish leave their places to others."""
        daemon, _ = self.queued(dynamic=False)
        for _ in range(4):
            uploads = [self.begun(daemon, f"f{number}") for number in range(6)]
            for upload in uploads:
                upload.reset()
            eventually(
                "a place",
                lambda: put(daemon.port, daemon.target("x", 10), b"0123456789").status == 201,
            )

    def test_dynamic(self) -> None:
        """Threads are added while the queue is long, and go when it is short again."""
        daemon, metrics = self.queued(dynamic=True)
        self.assertEqual(self.number(metrics, "worker_threads"), 2)
        uploads = [self.begun(daemon, f"f{number}") for number in range(5)]
        eventually("more threads", lambda: self.number(metrics, "worker_threads") == 6)
        for upload in uploads:
            upload.send(b"123456789")
            self.assert_status(201, upload.answer("PUT"))
        eventually("fewer threads", lambda: self.number(metrics, "worker_threads") == 2)
