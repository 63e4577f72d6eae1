"""``/api/v3/progress/SESSION``, over HTTP and a WebSocket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Event, Ping, TextMessage

from hmacfs.base.events import ConnectionsChanged, RequestEnded
from hmacfs.web.patience import Patience
from hmacfs.web.progress import INTERVAL, Seats
from hmacfs.web.websocket import FAREWELL, PING_INTERVAL
from tests.web.signing import credential
from tests.web.test_v3 import CONTENT, SessionCase, path_of
from tests.web.wire import Conversation, Server, request

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
"""The key of RFC 6455, 1.3."""

UPGRADE = (
    "Upgrade: websocket",
    "Connection: keep-alive, Upgrade",
    "Sec-WebSocket-Version: 13",
    f"Sec-WebSocket-Key: {KEY}",
)


@define
class Follower:
    """A client that follows an upload."""

    conversation: Conversation
    frames: Connection = field(factory=lambda: Connection(ConnectionType.CLIENT))

    def events(self) -> list[Event]:
        """Tell what came since the last time."""
        data = self.conversation.output()
        self.conversation._read += len(data)
        self.frames.receive_data(data)
        return list(self.frames.events())

    def told(self) -> list[dict[str, Any]]:
        """Tell what came of the upload since the last time."""
        return [json.loads(each.data) for each in self.events() if isinstance(each, TextMessage)]

    def say(self, event: Event) -> None:
        """Send a frame."""
        self.conversation.send(self.frames.send(event))


class FollowingCase(SessionCase):
    """A session, and clients that follow it."""

    def target(self, session: dict[str, Any]) -> str:
        """Tell where a session is followed."""
        return path_of(session["websocket_url"].replace("ws", "http", 1))

    def follow(self, session: dict[str, Any], *headers: str) -> Follower:
        """Open a WebSocket."""
        conversation = self.server.connect()
        conversation.send(request("GET", self.target(session), [*UPGRADE, *headers]))
        response = conversation.response()
        self.assertEqual(response.status, 101, repr(response.body))
        self.assertEqual(response.headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        follower = Follower(conversation)
        self.server.clock.advance(0)
        return follower

    def assert_gone(self, follower: Follower) -> None:
        """Fail unless the server let go of the connection, and of all it waited for."""
        follower.conversation.lose()
        self.assertEqual(self.server.site.connections, set())
        self.assertEqual(self.server.clock.getDelayedCalls(), [])


class FollowTests(FollowingCase):
    """Events."""

    def test_to_the_end(self) -> None:
        """Each change is told, the last one tells the final state, then it is closed normally."""
        session = self.create()
        follower = self.follow(session)
        (first,) = follower.told()
        self.assertEqual(
            first,
            {
                "session_id": session["session_id"],
                "received": 0,
                "bytes": 0,
                "size": len(CONTENT),
                "rate": 0,
                "state": "open",
            },
        )
        self.server.clock.advance(1)
        self.put_chunk(session, 1)
        self.server.clock.advance(0)
        (told,) = follower.told()
        self.assertEqual((told["bytes"], told["rate"], told["state"]), (1000, 1000, "open"))
        for number in (2, 3):
            self.put_chunk(session, number)
        self.server.clock.advance(INTERVAL)
        last, close = follower.events()
        assert isinstance(last, TextMessage)
        event = json.loads(last.data)
        self.assertEqual((event["bytes"], event["state"]), (len(CONTENT), "stored"))
        self.assertEqual(close, CloseConnection(1000, ""))
        follower.say(CloseConnection(1000))
        self.assertTrue(follower.conversation.wire.disconnecting)
        self.assert_gone(follower)

    def test_within_a_request(self) -> None:
        """Bytes are told as they come, before the end of their request."""
        session = self.create()
        follower = self.follow(session)
        follower.told()
        conversation = self.server.connect()
        target = path_of(session["upload_urls"]["put"])
        head = request("PUT", target, [f"Content-Length: {len(CONTENT)}"])
        conversation.send(head + CONTENT[:700])
        self.server.clock.advance(INTERVAL)
        self.assertEqual(follower.told()[-1]["bytes"], 700)
        conversation.send(CONTENT[700:])
        self.server.clock.advance(INTERVAL)
        self.assertEqual(follower.told()[-1]["state"], "stored")

    def test_every_end(self) -> None:
        """However a session ends, those that follow it are told."""
        cancelled, failed = self.create(), self.create(checksum="sha256:" + "0" * 64)
        followers = [self.follow(cancelled), self.follow(failed)]
        self.server.ask("DELETE", path_of(cancelled["status_url"]))
        self.server.ask("PUT", path_of(failed["upload_urls"]["put"]), (), CONTENT)
        self.server.clock.advance(INTERVAL)
        states = [follower.told()[-1]["state"] for follower in followers]
        self.assertEqual(states, ["cancelled", "failed"])

    def test_expiry(self) -> None:
        """The end of a session that nobody came back for is told, too."""
        follower = self.follow(self.create())
        self.server.clock.advance(3601)
        self.successResultOf(Deferred.fromCoroutine(self.server.sessions.sweep()))
        self.server.clock.advance(INTERVAL)
        self.assertEqual(follower.told()[-1]["state"], "expired")

    def test_what_is_over(self) -> None:
        """Of a session that is over its state is told, and it is closed."""
        session = self.create()
        self.server.ask("DELETE", path_of(session["status_url"]))
        told, close = self.follow(session).events()
        assert isinstance(told, TextMessage)
        self.assertEqual(json.loads(told.data)["state"], "cancelled")
        self.assertEqual(close, CloseConnection(1000, ""))

    def test_several(self) -> None:
        """Several may follow one session, each is told everything."""
        session = self.create()
        followers = [self.follow(session) for _ in range(3)]
        self.put_chunk(session, 1)
        self.server.clock.advance(INTERVAL)
        for follower in followers:
            self.assertEqual(follower.told()[-1]["bytes"], 1000)

    def test_seats(self) -> None:
        """There is a limit to those that follow; a client that leaves makes room."""
        self.server = Server(Path(self.mktemp()), seats=Seats(each=1))
        session = self.create()
        follower = self.follow(session)
        response = self.server.ask("GET", self.target(session), UPGRADE)
        self.assert_problem(response, 503, "unavailable")
        self.assertIn("retry-after", response.headers)
        follower.conversation.lose()
        self.follow(session)

    def test_seats_of_one(self) -> None:
        """An owner has a limit over all uploads, beside which others have seats."""
        self.server = Server(Path(self.mktemp()), seats=Seats(of_one=1))
        session, other = self.create(), self.create()
        follower = self.follow(session)
        response = self.server.ask("GET", self.target(other), UPGRADE)
        self.assert_problem(response, 429, "follows-too-many")
        self.assertIn("retry-after", response.headers)
        follower.conversation.lose()
        self.follow(other)


class RefusalTests(FollowingCase):
    """What is refused before a WebSocket begins, in HTTP."""

    def test_no_upgrade(self) -> None:
        """Without the wish for a WebSocket it is 426, with what to wish for (RFC 9110, 15.5.22)."""
        target = self.target(self.create())
        for missing in ("Upgrade", "Connection", "Sec-WebSocket-Version"):
            headers = [line for line in UPGRADE if not line.startswith(f"{missing}:")]
            response = self.server.ask("GET", target, headers)
            self.assert_problem(response, 426, "upgrade-required")
            self.assertEqual(response.headers["upgrade"], "websocket")
            self.assertEqual(response.headers["connection"], "upgrade")
        response = self.server.ask("HEAD", target, UPGRADE)
        self.assertEqual(response.status, 426)

    def test_versions(self) -> None:
        """Another version is told the right one (RFC 6455, 4.4)."""
        headers = [line.replace("13", "8") for line in UPGRADE]
        response = self.server.ask("GET", self.target(self.create()), headers)
        self.assert_problem(response, 426, "upgrade-required")
        self.assertEqual(response.headers["sec-websocket-version"], "13")

    def test_keys(self) -> None:
        """A key has sixteen bytes."""
        for key in ("", "x", "dGhlIHNhbXBsZQ==", "ü"):
            headers = [*UPGRADE[:3], f"Sec-WebSocket-Key: {key}"]
            response = self.server.ask("GET", self.target(self.create()), headers)
            self.assert_problem(response, 400, "malformed-request")

    def test_bodies(self) -> None:
        """A request with a body is refused: its bytes would be taken for frames."""
        target = self.target(self.create())
        for body in ("Content-Length: 5", "Transfer-Encoding: chunked"):
            conversation = self.server.connect()
            conversation.send(request("GET", target, [*UPGRADE, body]))
            self.assert_problem(conversation.response(), 400, "malformed-request")

    def test_old_http(self) -> None:
        """HTTP/1.0 knows no upgrade (RFC 9110, 7.8)."""
        conversation = self.server.connect()
        target = self.target(self.create())
        text = request("GET", target, UPGRADE).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
        conversation.send(text)
        self.assertEqual(conversation.response().status, 426)

    def test_unknown(self) -> None:
        """An unknown session is not found; neither is another owner's."""
        response = self.server.ask("GET", f"/api/v3/progress/sess_{'A' * 43}", UPGRADE)
        self.assert_problem(response, 404, "not-found")
        stranger = credential("jwt", "x", owner="juliet").headers[0]
        session = self.create()
        response = self.server.ask("GET", self.target(session), [*UPGRADE, stranger])
        self.assert_problem(response, 404, "not-found")
        self.follow(session, self.token)


class ConnectionTests(FollowingCase):
    """The connection behind a WebSocket."""

    def test_lost(self) -> None:
        """A client that vanishes leaves nothing behind; the request is told to have ended."""
        ended: list[RequestEnded] = []
        counts: list[int] = []
        self.server.events.listen(RequestEnded, ended.append)
        self.server.events.listen(ConnectionsChanged, lambda event: counts.append(event.count))
        session = self.create()
        follower = self.follow(session)
        del ended[:]
        self.assert_gone(follower)
        self.assertEqual(counts[-1], 0)
        (event,) = ended
        self.assertEqual((event.route, event.status), ("/api/v3/progress/{session}", 101))
        self.assertEqual(self.server.sessions.table._watchers, {})

    def test_silence(self) -> None:
        """A client that answers no pings is cut when the idle time is over, not one that does."""
        self.server = Server(Path(self.mktemp()), patience=Patience(idle=45))
        session = self.create()
        alive, dead = self.follow(session), self.follow(session)
        for _ in range(4):
            self.server.clock.advance(PING_INTERVAL)
            for event in alive.events():
                if isinstance(event, Ping):
                    alive.say(event.response())
        self.assertTrue(dead.conversation.wire.aborted)
        self.assertFalse(alive.conversation.wire.aborted)

    def test_drain(self) -> None:
        """At a stop of the server it is closed with 1001, and then the connection."""
        session = self.create()
        follower = self.follow(session)
        follower.events()
        self.server.site.draining = True
        for channel in tuple(self.server.site.connections):
            channel.finish_soon()
        (close,) = follower.events()
        assert isinstance(close, CloseConnection)
        self.assertEqual(close.code, 1001)
        follower.say(close.response())
        self.assertTrue(follower.conversation.wire.disconnecting)
        self.assert_gone(follower)

    def test_a_client_that_does_not_agree_to_the_end(self) -> None:
        """It is cut, whatever it sends meanwhile."""
        session = self.create()
        follower = self.follow(session)
        for channel in tuple(self.server.site.connections):
            channel.finish_soon()
        self.server.clock.advance(FAREWELL - 1)
        follower.conversation.send(follower.frames.send(Ping()))
        self.server.clock.advance(1)
        self.assertTrue(follower.conversation.wire.aborted)

    def test_frames_with_the_request(self) -> None:
        """What a hasty client sends with its request is taken as frames."""
        session = self.create()
        conversation = self.server.connect()
        follower = Follower(conversation)
        hasty = follower.frames.send(Ping(b"hasty"))
        conversation.send(request("GET", self.target(session), UPGRADE) + hasty)
        self.assertEqual(conversation.response().status, 101)
        (pong,) = follower.events()
        self.assertEqual(getattr(pong, "payload", None), b"hasty")

    def test_a_client_that_reads_nothing(self) -> None:
        """Nothing piles up for it: when it reads again it is told what is true then."""
        session = self.create()
        follower = self.follow(session)
        follower.told()
        (channel,) = self.server.site.connections
        channel.pauseProducing()
        self.put_chunk(session, 1)
        self.server.clock.advance(1)
        self.put_chunk(session, 2)
        self.server.clock.advance(1)
        self.assertEqual(follower.told(), [])
        channel.resumeProducing()
        self.server.clock.advance(INTERVAL)
        self.assertEqual([event["bytes"] for event in follower.told()], [2000])
