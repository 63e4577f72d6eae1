"""Sockets that systemd listens on for the server, which is a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import sys
import urllib.request

from tests.cli.command import MainCase

GIVE = (
    "import os, sys\n"
    "os.dup2(int(sys.argv[1]), 63); os.dup2(int(sys.argv[2]), 62)\n"
    "os.dup2(63, 3); os.dup2(62, 4)\n"
    "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='2')\n"
    "os.environ['LISTEN_FDNAMES'] = 'http:metrics'\n"
    "server = [sys.executable, '-m', 'hmacfs.cli.main', '-config', 'config.toml']\n"
    "os.execv(sys.executable, server)\n"
)
"""Becomes the server with two sockets where systemd puts them (sd_listen_fds(3))."""


class ActivationTests(MainCase):
    """``LISTEN_FDS``."""

    def test_both_sockets(self) -> None:
        """The server takes requests on the one and serves its metrics on the other."""
        config = self.directory / "config.toml"
        config.write_text('[security]\nsecret = "correct horse battery staple"\n', encoding="utf-8")
        config.chmod(0o600)
        with (
            socket.create_server(("127.0.0.1", 0)) as http,
            socket.create_server(("127.0.0.1", 0)) as metrics,
        ):
            ports = [given.getsockname()[1] for given in (http, metrics)]
            for given in (http, metrics):
                os.set_inheritable(given.fileno(), True)
            process = self.start(
                sys.executable,
                "-c",
                GIVE,
                str(http.fileno()),
                str(metrics.fileno()),
                keep=(http.fileno(), metrics.fileno()),
            )
        self.read_until(process, "is ready on")
        with urllib.request.urlopen(f"http://127.0.0.1:{ports[0]}/health", timeout=60) as answer:
            self.assertEqual(answer.read(), b"OK\n")
        with urllib.request.urlopen(f"http://127.0.0.1:{ports[1]}/metrics", timeout=60) as answer:
            self.assertIn(b"hmac_file_server_build_info", answer.read())
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), 0)
