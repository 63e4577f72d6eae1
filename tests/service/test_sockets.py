"""Listening sockets."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config.network import Address
from hmacfs.service.sockets import UnixPermissions, inherited, listen_tcp, listen_unix
from tests.ports import free_port


class TcpTests(SynchronousTestCase):
    """``listen_tcp``."""

    def reachable(self, host: str, port: int) -> bool:
        """Tell whether somebody listens there."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            return probe.connect_ex((host, port)) == 0

    def test_families(self) -> None:
        """Without a host it is both families, or the one that is asked for."""
        for family, v4, v6 in (("", True, True), ("ipv4", True, False), ("ipv6", False, True)):
            port = free_port()
            with listen_tcp(Address("", port), family):
                self.assertEqual(self.reachable("127.0.0.1", port), v4, family)
                self.assertEqual(self.reachable("::1", port), v6, family)

    def test_host(self) -> None:
        """With a host it is that one only."""
        for host in ("127.0.0.1", "::1"):
            port = free_port()
            with listen_tcp(Address(host, port), "") as listening:
                self.assertEqual(listening.getsockname()[0], host)
                self.assertTrue(self.reachable(host, port))

    def test_taken(self) -> None:
        """A port that is taken is an error."""
        with listen_tcp(Address("127.0.0.1", port := free_port()), ""):
            self.assertRaises(OSError, listen_tcp, Address("127.0.0.1", port), "")


class UnixTests(SynchronousTestCase):
    """``listen_unix``."""

    def setUp(self) -> None:
        # Socket paths are short: 107 bytes at most.
        self.path = Path("s")
        self.addCleanup(self.path.unlink, missing_ok=True)

    def test_permissions(self) -> None:
        """Mode and group are those that were asked for."""
        group = str(os.getgid())
        with listen_unix(self.path, UnixPermissions("0606", "")):
            self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o606)
            self.assertEqual(str(self.path.stat().st_gid), group)

    def test_unknown_group(self) -> None:
        """A group that does not exist is an error."""
        self.assertRaises(
            LookupError, listen_unix, self.path, UnixPermissions(group="no-such-group")
        )

    def test_stale(self) -> None:
        """A socket that a dead server left is replaced."""
        listen_unix(self.path, UnixPermissions()).close()
        with listen_unix(self.path, UnixPermissions()), socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.path))

    def test_in_use(self) -> None:
        """A socket on which somebody listens is left alone."""
        with listen_unix(self.path, UnixPermissions()), socket.socket(socket.AF_UNIX) as client:
            self.assertRaises(OSError, listen_unix, self.path, UnixPermissions())
            client.connect(str(self.path))

    def test_not_a_socket(self) -> None:
        """A file that lies there is never removed."""
        self.path.write_text("mine", encoding="ascii")
        self.assertRaises(OSError, listen_unix, self.path, UnixPermissions())
        self.assertEqual(self.path.read_text(encoding="ascii"), "mine")


class InheritedTests(SynchronousTestCase):
    """``inherited``."""

    def test_none(self) -> None:
        """Without systemd, or for another process, there are none."""
        self.assertEqual(inherited({}, 1), [])
        self.assertEqual(inherited({"LISTEN_PID": "2", "LISTEN_FDS": "1"}, 1), [])

    def test_names(self) -> None:
        """The sockets come with their names, and children do not get them."""
        code = (
            "import os\n"
            "from hmacfs.service.sockets import inherited\n"
            "environ = {**os.environ, 'LISTEN_PID': str(os.getpid())}\n"
            "for name, listening in inherited(environ, os.getpid()):\n"
            "    print(name, listening.getsockname()[1], listening.get_inheritable())\n"
        )
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
            other = os.dup(listening.fileno())
            os.dup2(listening.fileno(), 63)
            os.dup2(other, 64)
            os.close(other)
            self.addCleanup(os.close, 63)
            self.addCleanup(os.close, 64)
            shift = "import os; os.dup2(63, 3); os.dup2(64, 4)\n"
            ended = subprocess.run(
                [sys.executable, "-c", shift + code],
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(sys.path),
                    "LISTEN_FDS": "2",
                    "LISTEN_FDNAMES": "http",
                },
                pass_fds=(63, 64),
                capture_output=True,
                text=True,
                check=True,
                timeout=60,
            )
        self.assertEqual(ended.stdout, f"http {port} False\nunknown {port} False\n")
