"""Sockets that systemd listens on for the server, which is a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
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

    def activate(
        self, http: socket.socket, metrics: socket.socket
    ) -> tuple[subprocess.Popen[str], list[int]]:
        """Start a server with two sockets; return its process and their ports."""
        config = self.directory / "config.toml"
        config.write_text('[security]\nsecret = "correct horse battery staple"\n', encoding="utf-8")
        config.chmod(0o600)
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
        return process, [given.getsockname()[1] for given in (http, metrics)]

    def test_both_sockets(self) -> None:
        """The server takes requests on the one and serves its metrics on the other."""
        with (
            socket.create_server(("127.0.0.1", 0)) as http,
            socket.create_server(("127.0.0.1", 0)) as metrics,
        ):
            process, ports = self.activate(http, metrics)
        with urllib.request.urlopen(f"http://127.0.0.1:{ports[0]}/health", timeout=60) as answer:
            self.assertEqual(answer.read(), b"OK\n")
        with urllib.request.urlopen(f"http://127.0.0.1:{ports[1]}/metrics", timeout=60) as answer:
            self.assertIn(b"hmac_file_server_build_info", answer.read())
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), 0)

    def test_stop(self) -> None:
        """Whoever comes while the server is being stopped waits for the one that comes after it."""
        with (
            socket.create_server(("127.0.0.1", 0)) as http,
            socket.create_server(("127.0.0.1", 0)) as metrics,
        ):
            process, ports = self.activate(http, metrics)
            address = ("127.0.0.1", ports[0])
            with socket.create_connection(address, 60) as busy:
                busy.sendall(b"GET /health HTTP/1.1\r\n")
                # What comes later is read after it.
                urllib.request.urlopen(f"http://127.0.0.1:{ports[0]}/health", timeout=60).close()
                process.send_signal(signal.SIGTERM)
                self.read_until(process, f"(TCP Port {ports[0]} Closed)")
                with socket.create_connection(address, 60) as late:
                    busy.sendall(b"Host: test\r\n\r\n")
                    self.assertEqual(b"HTTP/1.1 503 ", busy.recv(13))
                    self.assertEqual(process.wait(60), 0)
                    http.settimeout(60)
                    taken, came_from = http.accept()
                    taken.close()
                    self.assertEqual(late.getsockname(), came_from)
