"""A channel that another protocol can take over after a request (RFC 9110, 7.8)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Protocol

from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from hmacfs.web.channel import StreamingChannel


class Successor(Protocol):
    """What speaks on a connection after HTTP."""

    def data_received(self, data: bytes) -> None:
        """Take what the client sent."""

    def stop(self) -> None:
        """End soon: the server is being stopped."""

    def lost(self) -> None:
        """Note that the connection has gone."""


class SwitchingChannel(StreamingChannel):
    """
    A connection that begins with HTTP.

    :ivar takes_more: whether what is written goes out, rather than wait for a
        client that takes nothing.
    """

    takes_more = True
    _successor: Successor | None = None
    _is_ending = False

    def switch_to(self, successor: Successor, answer: bytes) -> None:
        """
        Let ``successor`` speak from now on.

        The request stays what the connection is about, and ends with it.

        :param answer: the head of the response that agrees to it.
        """
        request = self.requests[-1]
        request.setResponseCode(HTTPStatus.SWITCHING_PROTOCOLS)
        request.startedWriting = 1
        self._successor = successor
        self.persistent = False
        self.transport.write(answer)
        self.setTimeout(self.patience.idle)
        held, self._dataBuffer = self._dataBuffer, []
        self._networkProducer.resumeProducing()
        for data in held:
            successor.data_received(data)

    def dataReceived(self, data: bytes) -> None:
        """Take what the client sent."""
        if self._successor is None:
            super().dataReceived(data)
        else:
            if not self._is_ending:
                self.resetTimeout()
            self._successor.data_received(data)

    def rawDataReceived(self, data: bytes) -> None:
        """Take what came in one piece with the end of the request."""
        if self._successor is None:
            super().rawDataReceived(data)
        else:
            self._successor.data_received(data)

    def pauseProducing(self) -> None:
        """Note that the client takes nothing."""
        self.takes_more = False
        if self._successor is None:
            super().pauseProducing()

    def resumeProducing(self) -> None:
        """Note that the client takes more."""
        self.takes_more = True
        if self._successor is None:
            super().resumeProducing()

    def write(self, data: bytes) -> None:
        """Send bytes; of the other protocol they are counted for the request that it came from."""
        if self._successor is not None:
            self.requests[-1].sentLength += len(data)
        super().write(data)

    def finish_soon(self) -> None:
        """End the connection, which the other protocol does in its own way."""
        if self._successor is None:
            super().finish_soon()
        else:
            self._successor.stop()

    def readConnectionLost(self) -> None:
        """End the connection of a client that sends no more: the other protocol ends too."""
        if self._successor is None:
            super().readConnectionLost()
        else:
            self.loseConnection()

    def end_within(self, seconds: float) -> None:
        """Cut the connection if it is still there then, whatever comes."""
        self._is_ending = True
        self.setTimeout(seconds)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell whoever spoke last, then the requests."""
        successor, self._successor = self._successor, None
        if successor is not None:
            successor.lost()
        super().connectionLost(reason)
