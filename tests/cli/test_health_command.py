"""Tests of ``hmac-file-server health``."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

from tests.cli.config_case import ConfigCase


class Answers(BaseHTTPRequestHandler):
    """A server's answers, as made up for a test."""

    status: ClassVar[int] = 200
    asked: ClassVar[list[Mapping[str, str]]] = []

    def do_GET(self) -> None:
        """Answer with the status."""
        self.asked.append({"path": self.path, "accept": self.headers.get("Accept", "")})
        self.send_response(self.status)
        self.end_headers()
        wants_json = self.headers.get("Accept") == "application/json"
        self.wfile.write(b'{"status": "ok"}' if wants_json else b"WORD\n")

    def log_message(self, format: str, *arguments: object) -> None:
        """Log nothing."""


class HealthTests(ConfigCase):
    """With a server that answers as a test wants it."""

    def setUp(self) -> None:
        super().setUp()
        Answers.asked.clear()
        self.server = HTTPServer(("127.0.0.1", 0), Answers)
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.configure(f'listen_address = "{self.server.server_port}"')

    def test_well(self) -> None:
        """What a server that is well says is shown, and the exit code is 0."""
        self.patch(Answers, "status", 200)
        outcome = self.command("health")
        self.assertEqual((outcome.code, outcome.out), (0, "WORD\n"))
        self.assertEqual("/health", Answers.asked[0]["path"])

    def test_unwell(self) -> None:
        """One that is not well is a failure."""
        self.patch(Answers, "status", 503)
        self.assertEqual(self.command("health").code, 1)

    def test_json(self) -> None:
        """JSON is asked for and shown where it is wanted."""
        outcome = self.command("health", "-json")
        self.assertEqual(json.loads(outcome.out), {"status": "ok"})

    def test_none(self) -> None:
        """Where nobody listens, that is said in one sentence."""
        self.configure('unix_socket = true\nunix_socket_path = "/nowhere/http.sock"')
        outcome = self.command("health")
        self.assertEqual((outcome.code, outcome.out), (1, ""))
        self.assertRegex(outcome.err, r"^the server does not answer: .*\n$")
