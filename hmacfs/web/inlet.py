"""The socket behind a body, for bytes that need not pass through the reactor."""

from __future__ import annotations

import os
from typing import Any, Protocol

from attrs import frozen
from twisted.internet import tcp
from twisted.web.http import _IdentityTransferDecoder


class Passed(Protocol):
    """A body that is told what went around it."""

    def passed(self, length: int) -> None:
        """Count bytes that came another way."""


@frozen
class SocketInlet:
    """
    A plain socket that brings a body of known length.

    It leans on what :class:`twisted.web.http._IdentityTransferDecoder` keeps to
    itself: ``contentLength``, the bytes that are still to come.
    """

    transport: Any
    decoder: Any
    body: Passed

    @classmethod
    def of(cls, transport: object, decoder: object, body: Passed) -> SocketInlet | None:
        """Tell the inlet, or ``None`` if the bytes on the socket are not those of the body."""
        plain = isinstance(transport, tcp.Server) and not transport.TLS
        if plain and isinstance(decoder, _IdentityTransferDecoder):
            return cls(transport, decoder, body)
        return None

    def duplicate(self) -> int:
        """Make a descriptor of the socket that is the caller's to close."""
        return os.dup(self.transport.fileno())

    def left(self) -> int:
        """Tell how many bytes may be taken: all but the last, with which the body ends."""
        return int(self.decoder.contentLength) - 1

    def took(self, length: int) -> None:
        """Note that so many bytes were taken."""
        self.decoder.contentLength -= length
        self.body.passed(length)
