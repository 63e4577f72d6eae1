"""Who is let in by the interface for administrators, and what becomes of what goes wrong in it."""

from __future__ import annotations

import json

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.admin import Token
from hmacfs.auth.permit import Permit
from hmacfs.base.errors import Faltering
from hmacfs.web import private
from hmacfs.web.admin import Admin, Place
from hmacfs.web.patience import Patience
from hmacfs.web.peers import Peers
from hmacfs.web.private import Below, Nothing, PrivateSite
from hmacfs.web.request import StreamingRequest
from hmacfs.web.site import Conduct
from tests.web.wire import Conversation, Response, Wire, request

TOKEN = "a token of these tests"
PROBLEM = "application/problem+json"


class AdminTests(SynchronousTestCase):
    """``Admin``."""

    def setUp(self) -> None:
        self.accepted: list[Permit] = []
        self.names: list[str] = []
        self.waiting: Deferred[None] = Deferred()
        places = (
            Place("GET", "/slow", self.slow),
            Place("GET", "/faltering", self.falter),
            Place("GET", "/broken", self.break_down),
            Place("GET", "/things/{name}", self.take),
            Place("POST", "/things/{name}/part", self.take),
        )
        admin = Admin("", Token(TOKEN), places, self.accepted.append)
        conduct = Conduct(Peers([]), Patience(), 10, 16384)
        self.site = PrivateSite(Below("", admin, Nothing()), MemoryReactorClock(), conduct)

    async def slow(self, request: StreamingRequest) -> None:
        """Wait for long."""
        await self.waiting

    async def falter(self, request: StreamingRequest) -> None:
        """Need what does not work."""
        raise Faltering("the database is away")

    async def break_down(self, request: StreamingRequest) -> None:
        """Do what nobody foresaw."""
        raise ZeroDivisionError

    async def take(self, request: StreamingRequest, name: str) -> None:
        """Note a name."""
        self.names.append(name)
        private.document(request, name)

    def begin(self, method: str, target: str, token: str = TOKEN) -> Conversation:
        """Send a request."""
        address = IPv4Address("TCP", "192.0.2.1", 40000)
        channel = self.site.buildProtocol(address)
        assert channel is not None
        wire = Wire(peerAddress=address)
        channel.makeConnection(wire)
        conversation = Conversation(channel, wire)
        conversation.send(request(method, target, [f"Authorization: Bearer {token}"], None))
        return conversation

    def ask(self, method: str, target: str, token: str = TOKEN) -> Response:
        """Send a request and read the answer, which is all there is."""
        conversation = self.begin(method, target, token)
        response = conversation.response(method)
        self.assertEqual(b"", conversation.output())
        conversation.close()
        return response

    def test_names(self) -> None:
        """A name is whatever stands in its place, decoded once, slashes and all."""
        for target in ("/things/a//b%2Fc%2520", "/things/%C3%A9/../x", "/things/part", "/things//"):
            self.assertEqual(200, self.ask("GET", target).status, target)
        self.assertEqual(["a//b/c%20", "\u00e9/../x", "part", "/"], self.names)
        self.assertEqual(200, self.ask("POST", "/things/a/part/part").status)
        self.assertEqual("a/part", self.names.pop())
        refused = self.ask("POST", "/things/a")
        self.assertEqual((405, "GET, HEAD"), (refused.status, refused.headers["allow"]))
        self.assertEqual(404, self.ask("GET", "/things/").status)

    def test_accepted(self) -> None:
        """Every credential that is genuine is told of, and no other."""
        self.ask("GET", "/things/a")
        self.assertEqual(401, self.ask("GET", "/things/a", "guess").status)
        self.assertEqual(["admin-token"], [permit.scheme for permit in self.accepted])

    def test_faltering(self) -> None:
        """What does not work for now is 503, and when to ask again; only the log knows what."""
        answer = self.ask("GET", "/faltering")
        self.assertEqual((503, "5"), (answer.status, answer.headers["retry-after"]))
        self.assertEqual(PROBLEM, answer.headers["content-type"])
        self.assertNotIn(b"database", answer.body)

    def test_incident(self) -> None:
        """What nobody foresaw is 500 with an id, under which it is logged."""
        answer = self.ask("GET", "/broken")
        self.assertEqual((500, PROBLEM), (answer.status, answer.headers["content-type"]))
        self.assertEqual(8, len(json.loads(answer.body)["incident"]))
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_client_gone(self) -> None:
        """Who does not wait for a slow answer leaves nothing behind."""
        conversation = self.begin("GET", "/slow")
        conversation.lose()
        self.assertTrue(self.waiting.called)
        self.assertEqual([], self.flushLoggedErrors())

    def test_nothing_for_other_sites(self) -> None:
        """No answer lets the script of another site read it, or is kept, whatever it is."""
        for target in ("/things/a", "/nothing", "/broken", "/%", "/faltering"):
            for token in (TOKEN, "guess"):
                answer = self.ask("GET", target, token)
                cors = [name for name in answer.headers if name.startswith("access-control")]
                self.assertEqual([], cors, target)
                self.assertEqual("no-store", answer.headers["cache-control"])
        self.flushLoggedErrors(ZeroDivisionError)
