"""The commands about files and the index, as processes beside a server that runs."""

from __future__ import annotations

import http.client
import json
import signal
import socket
from hashlib import sha256
from urllib.parse import quote

from hmacfs.auth.keyring import Keyring
from hmacfs.auth.mac import message_v
from tests.cli.command import COMMAND, MainCase

SECRET = "correct horse battery staple"
CONTENT = b"hello, world"


class BesideServerTests(MainCase):
    """A server that runs from the beginning of a test to its end."""

    def setUp(self) -> None:
        super().setUp()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        config = self.directory / "config.toml"
        config.write_text(
            f'[server]\nlisten_address = "127.0.0.1:{self.port}"\nmin_free_bytes = 0\n'
            f'metrics_enabled = false\n[security]\nsecret = "{SECRET}"\n',
            encoding="utf-8",
        )
        config.chmod(0o600)
        self.server = self.start(*COMMAND)
        # Of its own it makes a copy of the index at once, for there is none.
        self.said = self.read_until(self.server, "copied the index to")

    def ask(self, method: str, name: str, body: bytes = b"") -> int:
        """Ask the server about a file, with a signature that is good for an upload."""
        mac = Keyring.of(SECRET).sign(message_v(name.encode(), len(body), "")).hex()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, f"/upload/{quote(name)}?v={mac}", body)
            return connection.getresponse().status
        finally:
            connection.close()

    def told(self, *arguments: str) -> str:
        """Run a command that succeeds, and return what it says."""
        ended = self.run_command(*arguments)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        return ended.stdout

    def test_takedown(self) -> None:
        """A file that is removed is gone for the server at once, and its upload URL is dead."""
        for name in ("x/ü.txt", "y/copy"):
            self.assertEqual(self.ask("PUT", name, CONTENT), 201)
        self.assertEqual(self.told("ls"), "x/ü.txt\ny/copy\n")
        (line,) = self.told(
            "who", f"http://127.0.0.1:{self.port}/upload/x/%C3%BC.txt", "-json"
        ).splitlines()
        digest = json.loads(line)["sha256"]
        self.assertEqual(digest, sha256(CONTENT).hexdigest())
        self.assertEqual(self.told("rm", "x/ü.txt"), "removed x/ü.txt\n")
        self.assertEqual(self.ask("GET", "x/ü.txt"), 410)
        self.assertEqual(self.ask("PUT", "x/ü.txt", CONTENT), 409)
        self.assertEqual(self.ask("GET", "y/copy"), 200)
        self.assertEqual(self.told("rm", "-sha256", digest, "-block"), "removed y/copy\n")
        self.assertEqual(self.ask("GET", "y/copy"), 410)
        self.assertEqual(self.ask("PUT", "z/again", CONTENT), 403)
        self.assertEqual(self.ask("GET", "z/again"), 404)
        self.assertEqual(self.ask("PUT", "z/other", b"other bytes"), 201)
        self.assertEqual(self.told("ls"), "z/other\n")

    def test_index(self) -> None:
        """The server serves what a reindex has found; copies are made, but not put back."""
        self.ask("PUT", "known", CONTENT)
        found = self.directory / "uploads" / "found.txt"
        found.write_bytes(CONTENT)
        self.assertEqual(self.ask("GET", "found.txt"), 404)
        self.assertEqual(self.told("reindex"), "added    found.txt\n")
        self.assertEqual(self.ask("GET", "found.txt"), 200)
        found.unlink()
        self.assertEqual(self.told("reindex"), "dropped  found.txt\n")
        self.assertEqual(self.ask("PUT", "found.txt", b"comes again"), 201)
        self.told("index", "backup", "copy")
        refused = self.run_command("index", "restore", "copy")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("another hmac-file-server is running", refused.stderr)
        self.server.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.wait(60), 0)
        self.told("index", "restore", "copy")
        self.assertEqual(self.told("ls"), "found.txt\nknown\n")
