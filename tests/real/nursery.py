"""Servers that begin where the first of them has imported everything: most of a start is imports.

A nursery is a process beside the tests that has the modules of a server; each server is forked
from it, and then does what ``hmac-file-server`` does. What differs from one server to the next,
the environment, the reactor and the command line, is not there before.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, Final

PRELOADED: Final = ("hmacfs.cli.logs", "hmacfs.cli.reload")
"""What imports all of a server but its reactor and its environment."""

CHECKOUT: Final = pathlib.Path(__file__).parents[2]

NETWORK: Final = pathlib.Path("/proc/thread-self/ns/net")
"""The network namespace of a thread (namespaces(7))."""

CLONE_NEWNET: Final = 0x40000000

REACTOR: Final = "twisted.internet.reactor"

LONGEST_MESSAGE: Final = 256 * 1024


class Born:
    """A server from the nursery, as :class:`subprocess.Popen` has processes."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._nursery = nursery
        self._ended = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """Return the exit code, if it has ended."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit code.

        :raises subprocess.TimeoutExpired: if it has not ended after so many seconds.
        """
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("a server", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it is known to have ended."""
        if self.returncode is None:
            # Nobody else gets its number before the nursery is asked how it has ended.
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def _look(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            waiting = select.poll()
            waiting.register(self._ended, select.POLLIN)
            if waiting.poll(None if timeout is None else timeout * 1000):
                self.returncode = self._nursery.ask({"ended": self.pid})
                os.close(self._ended)
        return self.returncode


class Nursery:
    """The process that servers are forked from."""

    def __init__(self) -> None:
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def begin(
        self, argv: Sequence[str], cwd: pathlib.Path, environ: Mapping[str, str], log: int
    ) -> Born:
        """Begin a server, in the network that this thread is in.

        :param argv: its flags.
        :param log: the descriptor that it writes to.
        """
        wish = {"argv": argv, "cwd": os.fspath(cwd), "environ": dict(environ)}
        with NETWORK.open("rb") as network:
            return Born(self, self.ask(wish, [log, network.fileno()]))

    def ask(self, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> int:
        """Ask something and return the answer."""
        socket.send_fds(self._line, [json.dumps(message).encode()], descriptors)
        answer = self._line.recv(LONGEST_MESSAGE)
        if not answer:
            raise RuntimeError("the nursery has ended")
        return int(answer)

    def close(self) -> None:
        """End it, when the servers have ended."""
        self._line.close()
        self._process.wait()


@cache
def nursery() -> Nursery:
    """Return the nursery of this process."""
    return Nursery()


@atexit.register
def _close() -> None:
    # Registered before any server can be, and so done after they have ended.
    if nursery.cache_info().currsize:
        nursery().close()


def _serve(line: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Answer until nobody asks any more; return, in each server, what it is to do."""
    while True:
        data, descriptors, _, _ = socket.recv_fds(line, LONGEST_MESSAGE, 2)
        if not data:
            return None
        message = json.loads(data)
        if "ended" in message:
            _, status = os.waitpid(message["ended"], 0)
            line.send(b"%d" % os.waitstatus_to_exitcode(status))
            continue
        pid = os.fork()
        if not pid:
            line.close()
            return message, descriptors
        for descriptor in descriptors:
            os.close(descriptor)
        line.send(b"%d" % pid)


def _enter(network: int) -> None:
    if os.fstat(network).st_ino != NETWORK.stat().st_ino:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(network, CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def _main() -> int:
    gc.disable()
    # Klein asks for a reactor when it is imported. One that is there before the fork would be that
    # of all servers, which would be told of each other's descriptors.
    sys.modules[REACTOR] = ModuleType(REACTOR)
    for name in PRELOADED:
        import_module(name)
    del sys.modules[REACTOR]
    gc.freeze()
    wish = _serve(socket.socket(fileno=int(sys.argv[1])))
    if wish is None:
        return 0
    told, (log, network) = wish
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    _enter(network)
    os.close(network)
    os.chdir(told["cwd"])
    os.environ.clear()
    os.environ.update(told["environ"])
    from hmacfs.cli.main import main  # noqa: PLC0415 - it keeps the environment of now

    return main(told["argv"])


if __name__ == "__main__":
    sys.exit(_main())
