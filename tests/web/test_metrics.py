"""What the metrics listener serves."""

from __future__ import annotations

import json

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.web.health import Health, History, Part
from hmacfs.web.metrics import MetricsPages
from hmacfs.web.patience import Patience
from hmacfs.web.peers import Peers
from hmacfs.web.private import PrivateSite
from hmacfs.web.site import Conduct
from tests.web.wire import Conversation, Response, Wire, request

PAGE = b"# TYPE uploads_total counter\nuploads_total 7.0\n"


class MetricsCase(SynchronousTestCase):
    """The site of the metrics listener."""

    path = "/metrics"

    def setUp(self) -> None:
        self.looks: list[Deferred[dict[str, Part]]] = []
        self.slow = False
        self.broken = False
        health = Health(self.look, lambda: 1.5, Peers([]), History(lambda: 1000.0))
        conduct = Conduct(Peers([]), Patience(), 10, 16384)
        pages = MetricsPages(self.path, self.render, health)
        self.site = PrivateSite(pages, MemoryReactorClock(), conduct)

    async def look(self) -> dict[str, Part]:
        """Look at the parts of the server; perhaps for long."""
        if self.slow:
            look: Deferred[dict[str, Part]] = Deferred()
            self.looks.append(look)
            return await look
        return {"storage": Part("degraded", "full")}

    def render(self) -> bytes:
        """Write the metrics."""
        if self.broken:
            raise ZeroDivisionError
        return PAGE

    def connect(self) -> Conversation:
        """Open a connection, from far away."""
        address = IPv4Address("TCP", "192.0.2.1", 40000)
        channel = self.site.buildProtocol(address)
        assert channel is not None
        wire = Wire(peerAddress=address)
        channel.makeConnection(wire)
        return Conversation(channel, wire)

    def ask(self, method: str, target: str, *headers: str, body: bytes | None = None) -> Response:
        """Send a request and read the answer."""
        conversation = self.connect()
        conversation.send(request(method, target, headers, body))
        response = conversation.response(method)
        self.assertEqual(conversation.output(), b"")
        conversation.close()
        return response


class PageTests(MetricsCase):
    """The page of the metrics."""

    def test_get(self) -> None:
        """It comes as text of Prometheus' format, and is not kept by anybody."""
        got = self.ask("GET", "/metrics")
        self.assertEqual((got.status, got.body), (200, PAGE))
        self.assertEqual(got.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8")
        self.assertEqual(got.headers["content-length"], str(len(PAGE)))
        self.assertEqual(got.headers["cache-control"], "no-store")

    def test_head(self) -> None:
        """HEAD tells the same without it."""
        got = self.ask("HEAD", "/metrics")
        self.assertEqual((got.status, got.headers["content-length"]), (200, str(len(PAGE))))

    def test_query(self) -> None:
        """A query changes nothing."""
        self.assertEqual(self.ask("GET", "/metrics?name[]=up").body, PAGE)

    def test_one_after_another(self) -> None:
        """Prometheus keeps its connection."""
        conversation = self.connect()
        for _ in range(2):
            conversation.send(request("GET", "/metrics"))
            self.assertEqual(conversation.response().body, PAGE)
        self.assertFalse(conversation.wire.disconnecting)

    def test_nothing_for_other_sites(self) -> None:
        """No answer lets the script of another site read it."""
        for target in ("/metrics", "/health", "/nothing", "/%"):
            got = self.ask("GET", target, "Origin: https://example.org")
            cors = [name for name in got.headers if name.startswith("access-control")]
            self.assertEqual(cors, [], target)

    def test_failure(self) -> None:
        """A page that cannot be made is a 500 that says nothing, and in the log."""
        self.broken = True
        got = self.ask("GET", "/metrics")
        self.assertEqual((got.status, got.body), (500, b"something went wrong on the server\n"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_quiet_log(self) -> None:
        """Who asks is logged in detail only, for Prometheus asks all day."""
        with capturedLogs() as events:
            self.ask("GET", "/metrics")
        self.assertEqual({event["log_level"] for event in events}, {LogLevel.debug})


class OtherPathTests(MetricsCase):
    """A path of one's own."""

    path = "/internal//metrics/"

    def test_path(self) -> None:
        """The page is where it was put, to the letter, and nowhere else."""
        self.assertEqual(self.ask("GET", "/internal//metrics/").body, PAGE)
        for target in ("/metrics", "/internal/metrics/", "/internal//metrics", "/"):
            self.assertEqual(self.ask("GET", target).status, 404)


class HealthTests(MetricsCase):
    """The health."""

    def test_text(self) -> None:
        """It is a word."""
        got = self.ask("GET", "/health")
        self.assertEqual((got.status, got.body), (200, b"OK\n"))
        self.assertEqual(self.ask("HEAD", "/health").status, 200)

    def test_details(self) -> None:
        """Whoever can ask here is told everything."""
        got = self.ask("GET", "/health", "Accept: application/json")
        document = json.loads(got.body)
        self.assertEqual(document["status"], "degraded")
        self.assertEqual(
            document["parts"], {"storage": {"status": "degraded", "detail": "full", "since": 1000}}
        )

    def test_client_gone(self) -> None:
        """Who does not wait for a slow answer leaves nothing behind."""
        self.slow = True
        conversation = self.connect()
        conversation.send(request("GET", "/health"))
        conversation.lose()
        [look] = self.looks
        self.assertTrue(look.called)
        self.assertEqual(self.flushLoggedErrors(), [])


class NothingElseTests(MetricsCase):
    """Everything else."""

    def test_not_there(self) -> None:
        """No other path is anything, by any method: no file, no upload."""
        for method, target in (
            ("GET", "/"),
            ("GET", "/upload/x"),
            ("GET", "/health/"),
            ("PUT", "/upload/x"),
            ("OPTIONS", "/x"),
            ("OPTIONS", "*"),
        ):
            self.assertEqual(self.ask(method, target).status, 404, target)

    def test_only_reading(self) -> None:
        """The pages can be read, not written; the connection survives no body."""
        for method in ("POST", "PUT", "DELETE", "get"):
            got = self.ask(method, "/metrics")
            self.assertEqual((got.status, got.headers["allow"]), (405, "GET, HEAD"))
        conversation = self.connect()
        conversation.send(request("POST", "/metrics", (), bytes(100))[:-1])
        got = conversation.response()
        self.assertEqual((got.status, got.headers["connection"]), (405, "close"))

    def test_unreadable(self) -> None:
        """What cannot be read is refused as everywhere."""
        self.assertEqual(self.ask("GET", "/%").status, 400)
        self.assertEqual(self.ask("GET", "/%ff").status, 400)
