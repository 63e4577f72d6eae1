"""
What is below a connection: its socket, and the bytes that wait to be sent.

It leans on names that :class:`twisted.internet.abstract.FileDescriptor` keeps
to itself: ``dataBuffer``, ``offset`` and ``_tempDataLen``.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.protocols.policies import ProtocolWrapper

from hmacfs.base import taking


def lowest(transport: Any) -> Any:
    """Tell the transport that has the socket, also below TLS."""
    while isinstance(transport, ProtocolWrapper):
        transport = transport.transport
    return transport


def buffered(transport: Any) -> int:
    """Tell how many bytes a transport that has a socket holds for it."""
    return int(len(transport.dataBuffer) - transport.offset + transport._tempDataLen)


def untaken(transport: Any) -> int:
    """Tell how many bytes that were written to a connection its client has not taken."""
    below = lowest(transport)
    if not isinstance(below, FileDescriptor) or not below.connected:
        return 0
    return buffered(below) + taking.untaken(below.fileno())
