"""A client of WebSockets."""

from __future__ import annotations

import json
import ssl
from typing import Any, Self

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Event, Ping, Request, TextMessage

from tests.real.client import Connection


class SocketClient(Connection):
    """A WebSocket, which answers pings; a context manager."""

    def __init__(self, port: int, target: str, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(port, tls=tls)
        self._frames = WSConnection(ConnectionType.CLIENT)
        self._events: list[Event] = []
        self.send(self._frames.send(Request(host="test", target=target)))
        accepted = self.event()
        assert isinstance(accepted, AcceptConnection), accepted

    def __enter__(self) -> Self:
        return self

    def event(self) -> Event:
        """Wait for what comes next, if it is not a ping."""
        while not self._events:
            data = self._socket.recv(65536)
            self._frames.receive_data(data or None)
            for event in self._frames.events():
                if isinstance(event, Ping):
                    self.send(self._frames.send(event.response()))
                else:
                    self._events.append(event)
        return self._events.pop(0)

    def say(self, event: Event) -> None:
        """Send something."""
        self.send(self._frames.send(event))

    def to_the_end(self) -> tuple[list[dict[str, Any]], int]:
        """Read JSON until it is closed; return that, and the code of the end, to which we agree."""
        told = []
        while not isinstance(event := self.event(), CloseConnection):
            assert isinstance(event, TextMessage), event
            told.append(json.loads(event.data))
        self.say(event.response())
        return told, event.code
