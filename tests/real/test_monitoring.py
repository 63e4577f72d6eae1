"""Programs that watch a server: Prometheus reads its metrics, logrotate moves its log."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import subprocess
from typing import Final

from twisted.trial.unittest import SkipTest

from tests.ports import free_port
from tests.real.case import ServerCase, noise
from tests.real.client import Connection, ask, put
from tests.real.daemon import Daemon, eventually

PROMISED: Final = {"active_connections_total", "goroutines_count"}
"""Names that the documents have, and that Prometheus would give to other kinds of metrics."""


def program(name: str) -> str:
    """Return the path of a program; without it the test is skipped."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        raise SkipTest(f"{name} is not installed")
    return found


class MetricsTests(ServerCase):
    """The metrics listener."""

    def setUp(self) -> None:
        self.port = free_port()
        self.daemon = self.start({"server": {"metrics_port": str(self.port)}})
        data = noise(1000)
        self.assert_status(201, put(self.daemon.port, self.daemon.target("a", 1000), data))
        self.assert_comes_back(self.daemon, self.daemon.place("a"), data)
        self.assert_status(404, ask(self.daemon.port, "GET", self.daemon.place("nothing")))
        self.assert_status(403, put(self.daemon.port, "/upload/b?v=00", data))

    def page(self) -> str:
        """Return the page of the metrics."""
        answer = ask(self.port, "GET", "/metrics")
        self.assert_status(200, answer)
        return answer.body.decode()

    def test_promtool(self) -> None:
        """Prometheus' own check finds the page in order, but for names that we have promised."""
        promtool = program("promtool")
        checked = subprocess.run(
            [promtool, "check", "metrics"],
            input=self.page(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        complaints = [line for line in checked.stderr.splitlines() if line]
        self.assertEqual(PROMISED, {line.split()[0] for line in complaints}, complaints)

    def test_numbers(self) -> None:
        """What was done is on the page, exactly."""
        lines = self.page().splitlines()
        for line in (
            "hmac_file_server_uploads_total 1.0",
            'hmac_file_server_upload_errors_total{reason="signature-wrong"} 1.0',
            "hmac_file_server_upload_size_bytes_sum 1000.0",
            "hmac_file_server_downloads_total 1.0",
            'hmac_file_server_download_errors_total{reason="not-found"} 1.0',
            'hmac_file_server_http_requests_total{method="PUT",route="/{path}",status="201"} 1.0',
            'http_requests_total{method="GET",path="/{path}"} 2.0',
        ):
            self.assertIn(line, lines)

    def test_connections(self) -> None:
        """Connections that are open are counted, and those that are gone are not."""
        with Connection(self.daemon.port):
            eventually("one", lambda: "active_connections_total 1.0" in self.page())
        eventually("none", lambda: "active_connections_total 0.0" in self.page())

    def test_apart(self) -> None:
        """The page is on its own port only, which is not that of the files."""
        self.assert_status(404, ask(self.daemon.port, "GET", "/metrics"))
        self.assert_status(404, ask(self.port, "GET", self.daemon.place("a")))

    def test_stop(self) -> None:
        """While the server drains, the metrics are still there and the health says so."""
        with Connection(self.daemon.port) as connection:
            target = self.daemon.target("c", 4)
            connection.begin("PUT", target, {"Content-Length": 4})
            connection.send(b"12")
            eventually("the upload to be staged", self.daemon.stages)
            self.daemon.terminate()
            eventually("the drain", lambda: ask(self.port, "GET", "/health").status == 503)
            self.assertEqual(b"DRAINING\n", ask(self.port, "GET", "/health").body)
            self.assertIn("goroutines_count 1.0", self.page())
            connection.send(b"34")
            self.assert_status(201, connection.answer("PUT"))
        self.assertEqual(0, self.daemon.wait())


class LogTests(ServerCase):
    """The log file."""

    def setUp(self) -> None:
        self.logs = self.directory()
        self.log = self.logs / "server.log"
        settings = {"file": os.fspath(self.log), "json": True}
        self.daemon = self.start({"logging": settings})

    def requests(self, path: pathlib.Path) -> list[str]:
        """Return what was asked for, as a log file has it; every line must be an object."""
        lines = path.read_text(encoding="utf-8").splitlines()
        return [entry["uri"] for line in lines if "status" in (entry := json.loads(line))]

    def use(self, daemon: Daemon, name: str) -> None:
        """Ask for something that is not there, and wait for it to be logged."""
        self.assert_status(404, ask(daemon.port, "GET", f"/{name}"))
        eventually("the log", lambda: self.log.exists() and f"/{name}" in self.requests(self.log))

    def test_logrotate(self) -> None:
        """When logrotate has moved the file and sent SIGHUP, nothing is lost and none is double."""
        logrotate = program("logrotate")
        rules = self.directory() / "rules"
        rules.write_text(
            f"{self.log} {{\n  rotate 3\n  nocreate\n  su root root\n  postrotate\n"
            f"    kill -HUP {self.daemon.process.pid}\n  endscript\n}}\n",
            encoding="utf-8",
        )
        rules.chmod(0o600)
        for number in range(3):
            self.use(self.daemon, f"request-{number}")
            state = rules.with_name("state")
            moved = subprocess.run(
                [logrotate, "--force", "--state", os.fspath(state), os.fspath(rules)],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            self.assertEqual(0, moved.returncode, moved.stderr)
            eventually("a new file", self.log.exists)
        self.use(self.daemon, "request-3")
        paths = [self.logs / f"server.log.{number}" for number in (3, 2, 1)]
        seen = [uri for path in [*paths, self.log] for uri in self.requests(path)]
        asked = [uri for uri in seen if uri.startswith("/request-")]
        self.assertEqual([f"/request-{number}" for number in range(4)], asked)

    def test_level(self) -> None:
        """A reload takes a new level."""
        log = self.logs / "quiet.log"
        settings = {"file": os.fspath(log), "json": True, "level": "warn"}
        daemon = self.start({"logging": settings})
        self.assert_status(404, ask(daemon.port, "GET", "/quiet"))
        config = daemon.storage.with_name("config.toml")
        text = config.read_text(encoding="utf-8")
        config.write_text(text.replace('level = "warn"', 'level = "info"'), encoding="utf-8")
        daemon.process.send_signal(signal.SIGHUP)

        def is_logged() -> bool:
            ask(daemon.port, "GET", "/loud")
            return "/loud" in self.requests(log)

        eventually("the level", is_logged)
        self.assertNotIn("/quiet", self.requests(log))

    def test_end(self) -> None:
        """The last words of a server that is stopped are in its log."""
        self.use(self.daemon, "one")
        self.assert_status(404, ask(self.daemon.port, "GET", "/last"))
        self.assertEqual(0, self.daemon.stop())
        self.assertIn("/last", self.requests(self.log))
        self.assertEqual("", self.daemon.log)
