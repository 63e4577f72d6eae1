"""What the site tells of its requests and connections."""

from __future__ import annotations

from pathlib import Path

from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.events import ConnectionsChanged, DeviceSeen, RequestEnded, RequestsChanged
from hmacfs.web.site import CLIENT_CLOSED_REQUEST
from tests.web.wire import Conversation, Server, mac_v, request


class SiteCase(SynchronousTestCase):
    """A server whose requests and connections are listened to."""

    def setUp(self) -> None:
        self.server = Server(Path(self.mktemp()))
        self.ended: list[RequestEnded] = []
        self.running: list[int] = []
        self.open: list[int] = []
        events = self.server.events
        events.listen(RequestEnded, self.ended.append)
        events.listen(RequestsChanged, lambda event: self.running.append(event.count))
        events.listen(ConnectionsChanged, lambda event: self.open.append(event.count))


class RequestTests(SiteCase):
    """Requests."""

    def test_answered(self) -> None:
        """A request is told when it is answered, with what it was and got."""
        self.server.ask("GET", "/upload/x")
        self.assertEqual(self.ended, [RequestEnded("GET", "/{path}", 404, 0.0)])
        self.assertEqual(self.running, [1, 0])

    def test_duration(self) -> None:
        """It takes from the end of its headers to the end of its answer."""
        conversation = self.server.connect()
        head, body = request("PUT", f"/upload/x?v={mac_v('x', 2)}", (), b"ab")[:-2], b"ab"
        conversation.send(head)
        self.assertEqual((self.running, self.ended), ([1], []))
        self.server.clock.advance(3)
        conversation.send(body)
        self.assertEqual(self.ended, [RequestEnded("PUT", "/{path}", 201, 3.0)])
        self.assertEqual(self.running, [1, 0])

    def test_one_after_another(self) -> None:
        """Requests on one connection are told each, also when they come at once."""
        conversation = self.server.connect()
        conversation.send(request("GET", "/health") + request("HEAD", "/x") + request("GET", "/"))
        statuses = [(event.method, event.status) for event in self.ended]
        self.assertEqual(statuses, [("GET", 200), ("HEAD", 404), ("GET", 404)])
        self.assertEqual(self.running, [1, 0] * 3)

    def test_unreadable_target(self) -> None:
        """A request that is refused before it has a route is told too."""
        self.server.ask("GET", "/%")
        self.assertEqual(self.ended, [RequestEnded("GET", "", 400, 0.0)])

    def test_lost_before_the_answer(self) -> None:
        """A client that goes away before an answer is told as such, once."""
        conversation = self.server.connect()
        conversation.send(request("PUT", f"/upload/x?v={mac_v('x', 2)}", (), b"ab")[:-1])
        self.server.clock.advance(4)
        conversation.lose()
        expected = RequestEnded("PUT", "/{path}", CLIENT_CLOSED_REQUEST, 4.0)
        self.assertEqual((self.ended, self.running), ([expected], [1, 0]))

    def test_lost_after_the_answer(self) -> None:
        """A connection that is lost when all is answered is no request."""
        conversation = self.server.connect()
        conversation.send(request("GET", "/health"))
        conversation.lose()
        self.assertEqual([event.status for event in self.ended], [200])

    def test_lost_in_the_headers(self) -> None:
        """What was no whole request yet is none."""
        conversation = self.server.connect()
        conversation.send(request("GET", "/health")[:20])
        conversation.lose()
        self.assertEqual((self.ended, self.running), ([], []))

    def test_devices(self) -> None:
        """What device a request comes from is told, if that is wanted."""
        for wanted, expected in ((False, []), (True, ["mobile", "other"])):
            server = Server(Path(self.mktemp()), counts_devices=wanted)
            seen: list[DeviceSeen] = []
            server.events.listen(DeviceSeen, seen.append)
            server.ask("GET", "/health", ("User-Agent: Conversations (Android)",))
            server.ask("GET", "/health")
            self.assertEqual(expected, [event.device for event in seen])

    def test_access_log(self) -> None:
        """Each answer is a line of the log, at the level of the site."""
        for level in (LogLevel.info, LogLevel.debug):
            self.server.site.access_level = level
            with capturedLogs() as events:
                self.server.ask("GET", "/health")
            [line] = [event for event in events if "uri" in event]
            self.assertEqual(line["log_level"], level)
            self.assertEqual(formatEvent(line), "192.0.2.1 GET /health 200 in=0 out=3")
            self.assertEqual((line["method"], line["status"], line["sent"]), ("GET", 200, 3))


class ConnectionTests(SiteCase):
    """Connections."""

    def test_counted(self) -> None:
        """Each connection that comes or goes is told, with how many there are."""
        first, second = self.server.connect(), self.server.connect()
        first.close()
        second.lose()
        self.assertEqual(self.open, [1, 2, 1, 0])

    def test_refused(self) -> None:
        """One that is too many was never there."""
        self.server = Server(Path(self.mktemp()), max_connections=1)
        self.server.events.listen(ConnectionsChanged, lambda event: self.open.append(event.count))
        self.server.connect()
        self.assertRaises(ConnectionRefusedError, self.server.connect)
        self.assertEqual(self.open, [1])

    def test_not_kept(self) -> None:
        """Where connections are not kept, the first answer says so, and is the last."""
        self.server = Server(Path(self.mktemp()), keep_alive=False)
        conversation = self.server.connect()
        conversation.send(request("GET", "/health") * 2)
        self.assertEqual(conversation.response().headers["connection"], "close")
        self.assertEqual(conversation.output(), b"")
        self.assertTrue(conversation.wire.disconnecting)


class IdleTests(SynchronousTestCase):
    """Connections that are kept for a further request, two of an address at the most."""

    def setUp(self) -> None:
        self.server = Server(Path(self.mktemp()), max_idle=2)

    def asked(self, host: str = "192.0.2.1") -> Conversation:
        """Open a connection that waits for its second request."""
        conversation = self.server.connect(host)
        conversation.send(request("GET", "/health"))
        conversation.response()
        return conversation

    def ended(self, *conversations: Conversation) -> list[bool]:
        """Tell which were ended."""
        return [each.wire.disconnecting for each in conversations]

    def test_surplus(self) -> None:
        """The one that waits the longest is ended."""
        first, second = self.asked(), self.asked()
        self.assertEqual(self.ended(first, second), [False, False])
        third = self.asked()
        self.assertEqual(self.ended(first, second, third), [True, False, False])

    def test_used(self) -> None:
        """One that is used again waits anew; one in a request waits not."""
        first, second = self.asked(), self.asked()
        first.send(request("GET", "/health"))
        third = self.asked()
        self.assertEqual(self.ended(first, second, third), [False, True, False])
        first.send(request("GET", "/health")[:20])
        self.assertEqual(self.ended(first, third, self.asked()), [False] * 3)

    def test_pipelined(self) -> None:
        """One whose next request came at once waits only after that."""
        first, second = self.asked(), self.asked()
        third = self.server.connect()
        third.send(request("GET", "/health") * 2 + b"GET ")
        self.assertEqual(self.ended(first, second, third), [False] * 3)

    def test_gone(self) -> None:
        """One that has gone does not count."""
        self.asked().close()
        self.assertEqual(self.ended(self.asked(), self.asked()), [False, False])

    def test_others(self) -> None:
        """Each address has its own, and a trusted proxy any number."""
        clients = [self.asked(f"192.0.2.{n // 2}") for n in range(6)]
        through = [self.asked("10.0.0.1") for _ in range(4)]
        self.assertEqual(self.ended(*clients, *through), [False] * 10)
