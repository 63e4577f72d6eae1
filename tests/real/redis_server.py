"""Redis from Debian's package."""

from __future__ import annotations

import pathlib
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence

from twisted.trial.unittest import SkipTest

from hmacfs.stores.places import Place
from tests.ports import free_port
from tests.real.certificates import Certificate
from tests.real.daemon import PATIENCE, eventually, halt

HOST = "127.0.0.1"


class Redis:
    """
    A Redis that keeps nothing on disk: it comes back empty.

    :param options: of ``redis-server``, such as ``--requirepass`` and what follows it.
    :param certificate: with it, it speaks TLS and nothing else.
    :ivar socket: its socket in the file system, beside the port.
    """

    def __init__(
        self,
        directory: pathlib.Path,
        options: Sequence[str] = (),
        certificate: Certificate | None = None,
    ) -> None:
        self._program = shutil.which("redis-server")
        if self._program is None:
            raise SkipTest("redis-server is not installed")
        self._directory = directory
        self._options = list(options)
        self.port = free_port()
        self.socket = directory / "redis.sock"
        listens = ["--port", str(self.port)]
        if certificate is not None:
            listens = [
                *("--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no"),
                *("--tls-cert-file", str(certificate.certificate)),
                *("--tls-key-file", str(certificate.key)),
            ]
        self._listens = listens
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def place(self) -> Place:
        """Where it is."""
        return Place(HOST, self.port)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process; it has been started."""
        if self._process is None:
            raise RuntimeError("Redis was never started")
        return self._process

    def start(self) -> None:
        """Start it and wait until it listens."""
        assert self._program is not None
        with (self._directory / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(self._program, *self._listens, "--bind", HOST, "--dir", str(self._directory)),
                    *("--unixsocket", str(self.socket), "--save", "", "--appendonly", "no"),
                    *self._options,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        eventually("the start of Redis", self._listening)

    def _listening(self) -> bool:
        if self.process.poll() is not None:
            log = (self._directory / "redis.log").read_text(encoding="utf-8")
            raise AssertionError(f"Redis has ended\n{log[-2000:]}")
        try:
            socket.create_connection((HOST, self.port), timeout=1).close()
        except OSError:
            return False
        return self.socket.exists()

    def freeze(self) -> None:
        """Let it hang: it accepts connections and says nothing."""
        halt(self.process.pid)

    def thaw(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def kill9(self) -> None:
        """Kill it on the spot."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(PATIENCE)

    def restart(self) -> None:
        """Kill it, and start it again with nothing in it."""
        self.kill9()
        self.start()

    def ask(self, *words: str) -> str:
        """Ask it with its own client; return what that prints."""
        done = subprocess.run(
            ["redis-cli", "-s", str(self.socket), *words],
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE,
        )
        return done.stdout.strip()
