"""The server as an administrator starts it: a process of its own, with a configuration file."""

from __future__ import annotations

import hashlib
import hmac
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar
from urllib.parse import quote

import toml

import hmacfs
from hmacfs.auth import mac
from hmacfs.base.names import INTERNAL_DIRECTORY
from hmacfs.base.values import DEFAULT_CONTENT_TYPE
from tests.ports import free_port
from tests.real.nursery import Born, nursery

T = TypeVar("T")

CHECKOUT: Final = pathlib.Path(hmacfs.__file__).parent.parent
SECRET: Final = "a secret that only these tests know"
PATIENCE: Final = 60.0
PAUSE: Final = 0.01
TAIL: Final = 4000
FAULT: Final = re.compile(
    r"Traceback|Unhandled|incident|Warning: |never (awaited|retrieved|closed)"
)
MESSAGES: Final = {"v": mac.message_v, "v2": mac.message_v2, "token": mac.message_v2}

Sections = Mapping[str, Mapping[str, object]]
"""The tables of a configuration file."""


class DidNotStart(Exception):
    """The server ended, or was silent for too long; the message has the end of its log."""


def eventually(what: str, look: Callable[[], T | None], seconds: float = PATIENCE) -> T:
    """Look again and again until there is something to see; return that.

    :raises AssertionError: when the time is over, with ``what`` was waited for.
    """
    begun = time.monotonic()
    while not (seen := look()):
        waited = time.monotonic() - begun
        if waited > seconds:
            raise AssertionError(f"waited {seconds:g} seconds in vain: {what}")
        # Who has waited for long can do so a little longer, and looking costs something too.
        time.sleep(max(PAUSE, waited / 20))
    return seen


def halt(pid: int) -> None:
    """Halt a process, and wait until each of its threads has left off what it was doing."""
    os.kill(pid, signal.SIGSTOP)

    def is_still() -> bool:
        tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
        try:
            stats = [(task / "stat").read_text(encoding="utf-8") for task in tasks]
        except (FileNotFoundError, ProcessLookupError):
            return False  # one has ended meanwhile
        # The state follows the name, which may have brackets and spaces of its own (proc(5)).
        return all(stat.rpartition(")")[2].split()[0] in {"T", "Z"} for stat in stats)

    eventually(f"process {pid} to halt", is_still)


def children(process: int) -> list[int]:
    """Return the processes that a process has started, as far as they have not ended."""
    found = pathlib.Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    return [int(word) for word in found.split()]


def refused_at(port: int) -> Callable[[], bool]:
    """Return what tells whether a new connection to the port is refused."""

    def is_refused() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            return True
        return False

    return is_refused


class Daemon:
    """A server with a directory of its own.

    :param sections: what its configuration says beyond where it listens and stores.
    :param port: where it listens, if that has to be known before.
    :ivar config: its configuration file.
    :ivar storage: its ``storage_path``.
    :ivar launcher: a command that runs the command after it, in the same process.
    :ivar is_alone: whether it is started from nothing, and shares no memory with others.
    :ivar macs: those that :meth:`target` made, none of which may be logged.
    """

    def __init__(
        self,
        directory: pathlib.Path,
        sections: Sections | None = None,
        storage: pathlib.Path | None = None,
        port: int | None = None,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.storage = storage or directory / "store"
        self.launcher: Sequence[str] = ()
        self.is_alone = False
        self.macs: set[str] = set()
        self.config = directory / "config.toml"
        self._log = directory / "log"
        self._process: subprocess.Popen[bytes] | Born | None = None
        base: Sections = {
            "server": {
                "listen_address": f"127.0.0.1:{self.port}",
                "storage_path": os.fspath(self.storage),
                "min_free_bytes": "1MB",
            },
            "security": {"secret": SECRET},
        }
        extra = sections or {}
        tree = {name: {**base.get(name, {}), **extra.get(name, {})} for name in {**base, **extra}}
        self.config.write_text(toml.dumps(tree), encoding="utf-8")
        self.config.chmod(0o600)
        server = tree["server"]
        self.prefix = str(server.get("upload_prefix", "upload"))

    # Its life.

    def start(self) -> None:
        """Start it and wait until it answers.

        :raises DidNotStart: if it does not.
        """
        self.begin()
        try:
            eventually("the start of the server", self._answers)
        except AssertionError as error:
            self.kill9()
            raise DidNotStart(f"{error}\n{self.log[-TAIL:]}") from None

    def begin(self) -> None:
        """Start it."""
        environ = {**os.environ, "PYTHONPATH": os.fspath(CHECKOUT)}
        flags = ["-config", os.fspath(self.config)]
        directory = self.config.parent
        with self._log.open("ab") as log:
            if not self.launcher and not self.is_alone:
                self._process = nursery().begin(flags, directory, environ, log.fileno())
                return
            self._process = subprocess.Popen(
                [*self.launcher, sys.executable, "-m", "hmacfs.cli.main", *flags],
                cwd=directory,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise DidNotStart(f"exit code {self.process.returncode}\n{self.log[-TAIL:]}")
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"GET /health HTTP/1.1\r\nHost: test\r\n\r\n")
                return connection.recv(12) == b"HTTP/1.1 200"
        except (ConnectionRefusedError, ConnectionResetError, TimeoutError):
            return False

    @property
    def process(self) -> subprocess.Popen[bytes] | Born:
        """The process; it has been started."""
        if self._process is None:
            raise RuntimeError("the server was never started")
        return self._process

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def terminate(self) -> None:
        """Ask it to stop."""
        self.process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Wait for its end and return its exit code."""
        return self.process.wait(PATIENCE)

    def stop(self) -> int:
        """Ask it to stop, wait until it has, and return its exit code."""
        self.terminate()
        return self.wait()

    def kill9(self) -> None:
        """Kill it on the spot."""
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Kill it, if it runs."""
        if self.running:
            self.kill9()

    def restart(self) -> None:
        """Stop it if it runs, and start it again."""
        if self.running:
            self.stop()
        self.start()

    # What can be seen of it from outside.

    @property
    def base_url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it has written so far, over all its lives."""
        if not self._log.exists():
            return ""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def faults(self, since: int = 0) -> list[str]:
        """
        Return the lines of the log that may never be there: tracebacks, secrets, MACs.

        :param since: how many characters of the log are older than what is asked for.
        """
        return [line for line in self.log[since:].splitlines() if self._is_fault(line)]

    def _is_fault(self, line: str) -> bool:
        lower = line.lower()
        return bool(
            FAULT.search(line) or SECRET in line or any(given in lower for given in self.macs)
        )

    def stored(self) -> dict[str, pathlib.Path]:
        """Return the files that are visible in its storage, by name."""
        paths = [path for path in self.storage.rglob("*") if not path.is_dir()]
        named = {path.relative_to(self.storage): path for path in paths}
        return {
            name.as_posix(): path
            for name, path in named.items()
            if name.parts[0] != INTERNAL_DIRECTORY
        }

    def stages(self) -> list[pathlib.Path]:
        """Return the staged files: uploads under way, or what was left of them."""
        return list((self.storage / INTERNAL_DIRECTORY / "stage").iterdir())

    def peak_memory(self) -> int:
        """Return the most bytes that it ever had resident."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
        assert found is not None
        return int(found[1]) * 1024

    def open_descriptors(self) -> int:
        """Return how many descriptors it has open."""
        return len(list(pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir()))

    # What an XMPP server would do with its secret.

    def sign(self, path: bytes, size: int, kind: str | None = None, scheme: str = "v2") -> str:
        """Return the MAC over a decoded path, for an upload of this size and type."""
        message = MESSAGES[scheme](path, size, DEFAULT_CONTENT_TYPE if kind is None else kind)
        made = hmac.new(SECRET.encode(), message, hashlib.sha256).hexdigest()
        self.macs.add(made)
        return made

    def target(self, name: str, size: int, kind: str | None = None, scheme: str = "v2") -> str:
        """Return the request target of a signed upload URL."""
        return f"{self.place(name)}?{scheme}={self.sign(name.encode(), size, kind, scheme)}"

    def place(self, name: str) -> str:
        """Return the request target of a file."""
        return quote(f"/{self.prefix}/{name}" if self.prefix else f"/{name}")
