"""The queue of uploads, and threads that follow it."""

from __future__ import annotations

import re

from tests.ports import free_port
from tests.real.case import ServerCase
from tests.real.client import Connection, ask, put
from tests.real.daemon import Daemon, Sections, eventually


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
