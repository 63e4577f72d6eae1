"""WebSockets on which only the server has something to say."""

from __future__ import annotations

from attrs import define, field
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from wsproto.connection import Connection, ConnectionType
from wsproto.events import (
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    TextMessage,
)

from hmacfs.web.websocket import FAREWELL, MAX_MESSAGE, PING_INTERVAL, WebSocket


@define
class Channel:
    """The connection of a WebSocket, and its client's end."""

    takes_more: bool = True
    client: Connection = field(factory=lambda: Connection(ConnectionType.CLIENT))
    ends_within: float | None = None
    is_lost: bool = False

    def write(self, data: bytes) -> None:
        """Take bytes to the client."""
        self.client.receive_data(data)

    def end_within(self, seconds: float) -> None:
        """Note how long the end may take."""
        self.ends_within = seconds

    def loseConnection(self) -> None:
        """Note the end."""
        self.is_lost = True


class WebSocketTests(SynchronousTestCase):
    """``WebSocket``."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.channel = Channel()
        self.socket = WebSocket(self.channel, self.clock)

    def say(self, *events: Event) -> None:
        """Let the client say something."""
        self.socket.data_received(b"".join(self.channel.client.send(event) for event in events))

    def heard(self) -> list[Event]:
        """Tell what the client heard."""
        return list(self.channel.client.events())

    def test_message(self) -> None:
        """What is sent arrives."""
        self.socket.send('{"state": "open"}')
        self.assertEqual(self.heard(), [TextMessage('{"state": "open"}')])

    def test_we_close(self) -> None:
        """When the client has agreed to our end the connection goes; nothing is sent after it."""
        self.socket.close()
        self.assertEqual((self.channel.ends_within, self.channel.is_lost), (FAREWELL, False))
        self.socket.send("late")
        (heard,) = self.heard()
        self.assertEqual(heard, CloseConnection(1000, ""))
        self.assertFalse(self.socket.takes_more)
        self.say(CloseConnection(1000))
        self.assertTrue(self.channel.is_lost)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_the_client_closes(self) -> None:
        """An end that the client begins is agreed to."""
        for code, agreed in ((1000, 1000), (4000, 4000)):
            self.setUp()
            self.say(CloseConnection(code))
            self.assertEqual(self.heard(), [CloseConnection(agreed, "")])
            self.assertTrue(self.channel.is_lost)
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop(self) -> None:
        """At a stop of the server the client is told to come back (RFC 6455, 7.4.1)."""
        self.socket.stop()
        (heard,) = self.heard()
        assert isinstance(heard, CloseConnection)
        self.assertEqual(heard.code, 1001)

    def test_long_messages(self) -> None:
        """A message over the limit ends it with 1009 before all of it is there."""
        for events in (
            [TextMessage("x" * (MAX_MESSAGE + 1))],
            [BytesMessage(b"x" * 100_000)],
            [TextMessage("x" * 600, message_finished=False), TextMessage("x" * 600)],
        ):
            self.setUp()
            self.say(*events)
            (heard,) = self.heard()
            assert isinstance(heard, CloseConnection)
            self.assertEqual(heard.code, 1009)
            # What still comes is thrown away.
            self.socket.data_received(b"x" * 100_000)
            self.assertEqual(self.heard(), [])

    def test_a_long_message_that_dribbles(self) -> None:
        """A frame is judged by the bytes that came, and nothing waits for the rest."""
        whole = self.channel.client.send(BytesMessage(b"x" * 100_000))
        self.socket.data_received(whole[:1000])
        self.assertEqual(self.heard(), [])
        self.socket.data_received(whole[1000:1100])
        (heard,) = self.heard()
        assert isinstance(heard, CloseConnection)
        self.assertEqual(heard.code, 1009)

    def test_small_messages(self) -> None:
        """Messages within the limit are thrown away, however many."""
        for _ in range(10):
            self.say(TextMessage("x" * MAX_MESSAGE), BytesMessage(b"x" * MAX_MESSAGE))
        self.assertEqual(self.heard(), [])
        self.assertTrue(self.socket.takes_more)

    def test_broken_frames(self) -> None:
        """A client that breaks the protocol is told so, and the connection goes."""
        self.socket.data_received(b"GET / HTTP/1.1\r\n\r\n")
        (heard,) = self.heard()
        assert isinstance(heard, CloseConnection)
        self.assertEqual(heard.code, 1002)
        self.assertTrue(self.channel.is_lost)
        self.socket.data_received(b"\x81\x05hello")

    def test_pings(self) -> None:
        """Pings are answered, unless the client takes nothing."""
        self.say(Ping(b"payload"))
        self.assertEqual(self.heard(), [Pong(b"payload")])
        self.channel.takes_more = False
        self.say(Ping(b"payload"))
        self.assertEqual(self.heard(), [])

    def test_our_pings(self) -> None:
        """The client is asked now and then whether it is there, and not when the end has come."""
        for _ in range(2):
            self.clock.advance(PING_INTERVAL)
            self.assertEqual(self.heard(), [Ping(b"")])
        self.channel.takes_more = False
        self.clock.advance(PING_INTERVAL)
        self.assertEqual(self.heard(), [])
        self.socket.lost()
        self.assertEqual(self.clock.getDelayedCalls(), [])
