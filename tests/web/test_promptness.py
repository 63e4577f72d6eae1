"""Requests without a body that are not answered in time."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.flow.held_pool import HeldPool
from tests.web.wire import Conversation, Server, mac_v, request

CONTENT = b"content" * 100_000
PUT = request("PUT", f"/upload/x?v={mac_v('x', len(CONTENT))}", (), CONTENT)


class PromptnessTests(SynchronousTestCase):
    """A server that answers within five seconds or not at all, and whose disk hangs."""

    def setUp(self) -> None:
        self.pool = HeldPool()
        self.server = Server(Path(self.mktemp()), pool=self.pool, client_timeout=5.0)
        self.pool.run_all()
        conversation = self.server.connect()
        conversation.send(PUT)
        self.pool.run_all()
        self.assertEqual(conversation.response().status, 201)
        conversation.close()

    def begin(self, sent: bytes) -> Conversation:
        """Send a request that is not answered for a while."""
        conversation = self.server.connect()
        conversation.send(sent)
        self.server.clock.advance(4.9)
        self.assertEqual((conversation.output(), self.pool.busy), (b"", True))
        return conversation

    def test_late(self) -> None:
        """Then it is 503, with when to ask again, also when the disk is there again at last."""
        conversation = self.begin(request("GET", "/upload/x"))
        self.server.clock.advance(0.2)
        self.pool.run_all()
        got = conversation.response()
        self.assertEqual((got.status, got.headers["retry-after"]), (503, "10"))
        self.assertIn(b"longer than 5 seconds", got.body)
        self.assertEqual(conversation.output(), b"")

    def test_gone(self) -> None:
        """When the client goes before, nothing is waited for."""
        self.begin(request("HEAD", "/upload/x")).lose()
        self.assertEqual(self.server.clock.getDelayedCalls(), [])
        self.pool.run_all()

    def test_upload(self) -> None:
        """An upload may take longer."""
        conversation = self.begin(PUT)
        self.server.clock.advance(20)
        self.assertEqual(conversation.output(), b"")
        self.pool.run_all()
        self.assertEqual(conversation.response().status, 201)

    def test_begun(self) -> None:
        """What has begun to be answered may take longer, and nothing waits for it after its end."""
        conversation = self.server.connect()
        conversation.send(request("GET", "/upload/x"))
        while not conversation.output():
            self.pool.run_next()
        self.server.clock.advance(30)
        self.pool.run_all()
        self.assertTrue(conversation.response().body == CONTENT)
        conversation.close()
        self.assertEqual(self.server.clock.getDelayedCalls(), [])
