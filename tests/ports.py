"""Ports for the servers of the tests."""

from __future__ import annotations

import contextlib
import random
import socket


def free_port() -> int:
    """Return a port of the loopback that nothing listens on.

    It is none of those that the system gives to clients, who could take it before the server does.
    """
    ports = random.SystemRandom().sample(range(20_000, 32_000), k=1000)
    for port in ports:
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port
    raise AssertionError("all ports are taken")
