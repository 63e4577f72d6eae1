"""The socket behind a response, for bytes that need not pass through this process."""

from __future__ import annotations

import os
from typing import Any

from attrs import frozen
from twisted.internet import tcp
from twisted.internet.interfaces import IConsumer

from hmacfs.web.request import StreamingRequest
from hmacfs.web.transports import buffered


@frozen
class SocketOutput:
    """A plain socket."""

    request: StreamingRequest
    transport: Any

    def duplicate(self) -> int:
        """Make a descriptor of the socket that is the caller's to close."""
        return os.dup(self.transport.fileno())

    def flush(self) -> bool:
        """Send what the transport has buffered; tell whether all of it went."""
        if buffered(self.transport):
            self.transport.doWrite()
        return not buffered(self.transport)

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
