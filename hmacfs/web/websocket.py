"""
WebSockets (RFC 6455) on which only the server has something to say.

twisted.web.websocket replaces methods of the channel, gathers messages of any
length, and lets nobody know that the client has gone; this takes the frames of
wsproto, which that is made of too, and leaves the connection to the channel.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import generate_accept_token

from hmacfs.base.errors import MalformedRequest, UpgradeRequired
from hmacfs.web import replies
from hmacfs.web.request import StreamingRequest

VERSION: Final = "13"
"""The one version of the protocol (RFC 6455, 4.1)."""

MAX_MESSAGE: Final = 1024
"""Most bytes, or characters, of a message from a client; none is kept."""

PING_INTERVAL: Final = 20.0
"""Seconds between two pings: a client that answers none is cut as an idle connection is."""

FAREWELL: Final = 5.0
"""Seconds that a client has to answer the end."""

_KEY_BYTES: Final = 16
_NORMAL: Final = int(CloseReason.NORMAL_CLOSURE)
_GOING_AWAY: Final = int(CloseReason.GOING_AWAY)
_TOO_BIG: Final = int(CloseReason.MESSAGE_TOO_BIG)


def handshake(request: StreamingRequest) -> bytes:
    """
    Answer the opening handshake of a client (RFC 6455, 4.2).

    :return: the head of the response, to be sent when nothing else speaks against it.
    :raises UpgradeRequired: if the request asks for no WebSocket of this version.
    :raises MalformedRequest: if its key is none, or it has a body.
    """
    upgrade, connection = _words(request, "Upgrade"), _words(request, "Connection")
    may_upgrade = request.method == b"GET" and request.clientproto == b"HTTP/1.1"
    if not may_upgrade or "websocket" not in upgrade or "upgrade" not in connection:
        raise UpgradeRequired("this is the place of a WebSocket", upgrade="websocket")
    if _words(request, "Sec-WebSocket-Version") != {VERSION}:
        detail = f"the one version of WebSockets here is {VERSION}"
        raise UpgradeRequired(detail, upgrade="websocket", version=VERSION)
    if request.body.length != 0:
        raise MalformedRequest("a request for a WebSocket has no body")
    key = (replies.header(request, "Sec-WebSocket-Key") or "").strip()
    try:
        is_key = len(base64.b64decode(key, validate=True)) == _KEY_BYTES
    except (binascii.Error, ValueError):
        is_key = False
    if not is_key:
        raise MalformedRequest("Sec-WebSocket-Key is not the base64 of 16 bytes")
    token = generate_accept_token(key.encode())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\n"
        b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + token + b"\r\n\r\n"
    )


def _words(request: StreamingRequest, name: str) -> set[str]:
    listed = (replies.header(request, name) or "").split(",")
    return {word.strip().lower() for word in listed}


class SocketChannel(Protocol):
    """What a WebSocket asks of its connection."""

    takes_more: bool

    def write(self, data: bytes) -> None:
        """Send bytes."""

    def end_within(self, seconds: float) -> None:
        """Cut the connection if it is still there then."""

    def loseConnection(self) -> None:
        """End the connection when all is sent."""


class WebSocket:
    """The server's end of a WebSocket, whose handshake is over."""

    def __init__(self, channel: SocketChannel, clock: IReactorTime) -> None:
        self._channel = channel
        self._clock = clock
        self._frames = Connection(ConnectionType.SERVER)
        self._message = 0
        self._next_ping: IDelayedCall | None = clock.callLater(PING_INTERVAL, self._ping)

    @property
    def takes_more(self) -> bool:
        """Whether what is sent goes out: it is open, and the client takes what it is sent."""
        return self._is_open and self._channel.takes_more

    def send(self, text: str) -> None:
        """Send a message, unless the end has begun."""
        if self._is_open:
            self._write(TextMessage(text))

    def close(self, code: int = _NORMAL, reason: str = "") -> None:
        """Begin the end (RFC 6455, 7.1.2); the connection goes when the client has agreed."""
        self._stop_pinging()
        if self._frames.state in (ConnectionState.OPEN, ConnectionState.REMOTE_CLOSING):
            self._write(CloseConnection(code, reason))
            # All that a client can still do is to agree.
            self._channel.end_within(FAREWELL)

    # What the channel calls.

    def data_received(self, data: bytes) -> None:
        """Take frames of the client."""
        if self._frames.state is not ConnectionState.CLOSED:
            self._frames.receive_data(data)
            for event in self._frames.events():
                self._take(event)

    def stop(self) -> None:
        """End because the server does."""
        self.close(_GOING_AWAY, "the server is being stopped")

    def lost(self) -> None:
        """Note that the connection has gone."""
        self._stop_pinging()

    @property
    def _is_open(self) -> bool:
        return self._frames.state is ConnectionState.OPEN

    def _take(self, event: Event) -> None:
        if isinstance(event, CloseConnection):
            # Ours was answered; or the client wants to end, or has broken the protocol.
            self.close(event.code if event.code != CloseReason.NO_STATUS_RCVD else _NORMAL)
            self._channel.loseConnection()
        elif isinstance(event, Ping) and self.takes_more:
            self._write(event.response())
        elif isinstance(event, TextMessage | BytesMessage):
            self._message += len(event.data)
            if self._message > MAX_MESSAGE:
                self.close(_TOO_BIG, f"at most {MAX_MESSAGE} bytes")
            if event.message_finished:
                self._message = 0

    def _ping(self) -> None:
        self._next_ping = self._clock.callLater(PING_INTERVAL, self._ping)
        if self.takes_more:
            self._write(Ping())

    def _stop_pinging(self) -> None:
        call, self._next_ping = self._next_ping, None
        if call is not None:
            call.cancel()

    def _write(self, event: Event) -> None:
        self._channel.write(self._frames.send(event))
