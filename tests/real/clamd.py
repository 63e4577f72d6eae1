"""clamd from Debian's packages, started for a test, with signatures of our own."""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
from typing import Final

from twisted.trial.unittest import SkipTest

from tests.ports import free_port
from tests.real.daemon import TAIL, eventually, halt

# In two halves, so that no scanner takes this file for what it is about.
EICAR: Final = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-" + b"TEST-FILE!$H+H*"
MARK: Final = b"HMACFS-TEST-SIGNATURE-" + b"OF-OUR-OWN"
STREAM_LIMIT: Final = 5 * 1024 * 1024

CONFIG: Final = """\
Foreground true
LogFile {directory}/clamd.log
LocalSocket {directory}/clamd.sock
LocalSocketMode 666
TCPSocket {port}
TCPAddr 127.0.0.1
DatabaseDirectory {directory}/db
TemporaryDirectory {directory}/tmp
StreamMaxLength {limit}
MaxThreads 4
SelfCheck 0
"""


class Clamd:
    """A clamd that is not the one of the system.

    :ivar path: its Unix socket.
    :ivar port: its TCP port, on the loopback.
    """

    def __init__(self, directory: pathlib.Path) -> None:
        program = shutil.which("clamd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            raise SkipTest("there is no clamd")
        self._program = program
        self.port = free_port()
        # The path of a socket must be short.
        self.path = directory / "clamd.sock"
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        for name in ("db", "tmp"):
            (directory / name).mkdir(parents=True)
        digest = hashlib.md5(EICAR, usedforsecurity=False).hexdigest()
        (directory / "db/test.hdb").write_text(f"{digest}:{len(EICAR)}:Eicar-Test\n")
        lines = [f"Mark-Test:0:*:{MARK.hex()}\n", f"Eicar-Test-Text:0:*:{EICAR.hex()}\n"]
        (directory / "db/test.ndb").write_text("".join(lines))
        self._config = directory / "clamd.conf"
        self._config.write_text(
            CONFIG.format(directory=directory, port=self.port, limit=STREAM_LIMIT)
        )

    def start(self) -> None:
        """Start it and wait until it answers."""
        log = (self._directory / "out").open("ab")
        with log:
            self._process = subprocess.Popen(
                [self._program, "-c", os.fspath(self._config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        eventually("the start of clamd", self._answers)

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise AssertionError((self._directory / "out").read_text()[-TAIL:])
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(os.fspath(self.path))
                connection.sendall(b"zPING\0")
                return connection.recv(5) == b"PONG\0"
        except (FileNotFoundError, ConnectionError, TimeoutError):
            return False

    def hang(self) -> None:
        """Let it do nothing, but stay there."""
        assert self._process is not None
        halt(self._process.pid)

    def go_on(self) -> None:
        """Let it work again."""
        self._send(signal.SIGCONT)

    def kill(self) -> None:
        """Kill it, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._send(signal.SIGKILL)
            self._process.wait()

    def revive(self) -> None:
        """Let it work, whatever has befallen it."""
        if self._process is not None and self._process.poll() is None:
            self.go_on()
        else:
            self.start()

    def _send(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
