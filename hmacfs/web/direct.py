"""The socket behind a response, for bytes that need not pass through this process."""

from __future__ import annotations

import os
from typing import Any

from attrs import frozen
from twisted.internet import tcp
from twisted.internet.interfaces import IConsumer

from hmacfs.web.request import StreamingRequest


@frozen
class SocketOutput:
    """
    A plain socket.

    It leans on names that :class:`twisted.internet.abstract.FileDescriptor`
    keeps to itself: ``dataBuffer``, ``offset`` and ``_tempDataBuffer``.
    """

    request: StreamingRequest
    transport: Any

    def duplicate(self) -> int:
        """Make a descriptor of the socket that is the caller's to close."""
        return os.dup(self.transport.fileno())

    def flush(self) -> bool:
        """Send what the transport has buffered; tell whether all of it went."""
        transport = self.transport
        if not self._is_empty():
            transport.doWrite()
        return self._is_empty()

    def _is_empty(self) -> bool:
        transport = self.transport
        return not transport._tempDataBuffer and transport.offset >= len(transport.dataBuffer)

    def sent(self, length: int) -> None:
        """Count bytes of the body that went around the request."""
        self.request.sentLength += length


@frozen
class Response:
    """The body of a response as an outlet of deliveries."""

    request: StreamingRequest

    def consumer(self) -> IConsumer:
        """Tell the request, which is the consumer."""
        consumer: IConsumer = self.request
        return consumer

    def direct(self) -> SocketOutput | None:
        """Tell the socket, with the header fields on their way, unless the connection is TLS."""
        transport = self.request.channel.transport
        if not isinstance(transport, tcp.Server) or transport.TLS:
            return None
        self.request.write(b"")
        return SocketOutput(self.request, transport)
