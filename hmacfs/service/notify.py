"""Telling systemd how the service is (sd_notify(3)); without systemd, nothing."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from attrs import frozen


@frozen
class Notify:
    """
    Sends states to the socket that systemd named.

    :param address: ``$NOTIFY_SOCKET``; empty for none.
    """

    address: str

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Notify:
        """Take the address from the environment."""
        return cls(environ.get("NOTIFY_SOCKET", ""))

    def ready(self, status: str) -> None:
        """Say that requests are taken."""
        self._send("READY=1", f"STATUS={status}")

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """Say that a reload has begun, and that it is over when the context is left, anyhow."""
        microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send("RELOADING=1", f"MONOTONIC_USEC={microseconds}")
        try:
            yield
        finally:
            self._send("READY=1")

    def stopping(self) -> None:
        """Say that the service ends."""
        self._send("STOPPING=1", "STATUS=finishing what is under way")

    def alive(self) -> None:
        """Keep the watchdog quiet."""
        self._send("WATCHDOG=1")

    def _send(self, *states: str) -> None:
        if self.address:
            address = self.address
            if address.startswith("@"):
                address = "\0" + address[1:]
            # systemd may be gone or slow: that is no reason to fail or to wait.
            with (
                suppress(OSError),
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as out,
            ):
                out.sendto("\n".join(states).encode(), address)


def watchdog_interval(environ: Mapping[str, str]) -> float | None:
    """
    Tell how often systemd wants to hear of us, in seconds; ``None`` for never.

    It is half of what systemd allows (sd_watchdog_enabled(3)).
    """
    pid = environ.get("WATCHDOG_PID", str(os.getpid()))
    microseconds = environ.get("WATCHDOG_USEC", "")
    if pid != str(os.getpid()) or not microseconds.isdigit() or int(microseconds) == 0:
        return None
    return int(microseconds) / 1_000_000 / 2
