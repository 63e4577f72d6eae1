"""Resumable uploads of the IETF's draft over a server in memory, whose time the tests move."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from hmacfs.uploads import delivery
from hmacfs.uploads.limits import Limits
from hmacfs.web.tus_offer import TusOffer
from tests.web import rufh_suite as suite
from tests.web.rufh_suite import DATA, ORIGIN
from tests.web.wire import MAX_UPLOAD_SIZE, NOW, Conversation, Server, request


class Memory(suite.RufhCase):
    """A server in memory."""

    server: Server

    def again(self, **settings: Any) -> None:
        """Take another server."""
        self.server = Server(Path(self.mktemp()), **settings)
        super().again()

    def now(self) -> float:
        """Tell its time."""
        return NOW

    def uploads(self) -> int:
        """Count the uploads."""
        return len(self.server.sessions.table.known)

    def tearDown(self) -> None:
        self.assertEqual(self.flushLoggedErrors(), [])


class SlotTests(Memory, suite.SlotTests):
    """A signed upload URL, as XMPP servers give them out, and nothing else of XMPP."""

    def test_unheard(self) -> None:
        """What breaks off before its client was told where it is leaves nothing; the rest stays."""
        silent = self.speaking(None)
        for client, left in ((silent, 0), (self.client, 1)):
            conversation = client.begin(DATA[:4])
            self.assertEqual(self.uploads(), 1)
            conversation.lose()
            self.assertEqual(self.uploads(), left)
        self.assertEqual(silent.begin(DATA).response().status, 201)

    def test_switched_off(self) -> None:
        """Where uploads cannot be taken up again such a PUT is a plain one."""
        self.again(tus=TusOffer(MAX_UPLOAD_SIZE, on=False))
        conversation = self.client.begin(DATA)
        self.assertEqual(conversation.response().status, 201)
        self.assertEqual(self.server.sessions.table.known, {})
        self.assertNotIn("upload-limit", self.server.ask("OPTIONS", "/upload/x").headers)


class ExpectationTests(Memory, suite.ExpectationTests):
    """``Expect: 100-continue`` with a body that may not be the whole."""


class HearingTests(Memory, suite.HearingTests):
    """Who is sent interim responses."""

    def test_proxies(self) -> None:
        """Behind a trusted proxy there are none, for some take them for the final answer."""
        self.assertEqual(self.statuses(self.client, "10.1.2.3"), [201])
        self.again(interim="always")
        self.assertEqual(self.statuses(self.client, "10.1.2.3"), [104, 201])
        self.again(interim="never")
        self.assertEqual(self.statuses(self.client), [201])

    def test_progress(self) -> None:
        """While a body comes the client is told what of it is safe, if its draft has that."""
        for version, told in ((3, None), (4, None), (5, "4"), (9, "4")):
            self.again()
            client = self.speaking(version)
            conversation = client.begin(b"")
            conversation.response("HEAD")
            self.server.clock.advance(delivery.CHECKPOINT_SECONDS)
            conversation.send(DATA[:4])
            if told is None:
                self.assertEqual(cast(Conversation, conversation).output(), b"")
            else:
                progress = conversation.response("HEAD")
                self.assertEqual((progress.status, progress.headers["upload-offset"]), (104, told))
                self.assertNotIn("location", progress.headers)
            conversation.lose()


class RefusalTests(Memory, suite.RefusalTests):
    """Requests that do not fit."""

    def test_expired(self) -> None:
        """An upload that has expired is gone."""
        self.again(limits=Limits(timeout=60.0))
        target = self.client.broken()
        self.server.clock.advance(61)
        self.assertEqual(self.client.ask("HEAD", target).status, 410)
        self.assertEqual(self.client.append(target, 4, DATA[4:]).status, 410)

    def test_newer_request(self) -> None:
        """A request for the offset ends one that still sends, so that the offset is right."""
        conversation = self.client.begin(DATA[:4])
        target = conversation.response("HEAD").headers["location"].removeprefix(ORIGIN)
        self.assertEqual(self.client.ask("HEAD", target).headers["upload-offset"], "4")
        conversation.send(DATA[4:])
        self.assertEqual(self.client.ask("HEAD", target).headers["upload-offset"], "4")
        conversation.lose()


class DigestTests(Memory, suite.DigestTests):
    """Repr-Digest, Content-Digest and what is wanted of them (RFC 9530)."""

    def test_off(self) -> None:
        """Digests are not compared where that is switched off."""
        self.again(tus=TusOffer(MAX_UPLOAD_SIZE, checks=False))
        wrong = self.digest(b"other")
        target = self.client.broken(DATA[:4], f"Repr-Digest: {wrong}")
        response = self.client.append(target, 4, DATA[4:], f"Content-Digest: {wrong}")
        self.assertEqual(response.status, 201)


class CreationTests(Memory, suite.CreationTests):
    """``POST``: on ``/files``, and on the URL of uploads."""

    def test_lost_answer(self) -> None:
        """A client whose last answer was lost finds its upload complete."""
        target = self.client.broken()
        conversation = self.server.connect()
        headers = ["Content-Type: application/partial-upload", "Upload-Offset: 4"]
        headers = self.client.fields(*headers, "Content-Length: 6", last=True)
        conversation.send(request("PATCH", target, headers) + DATA[4:])
        conversation.close()
        head = self.client.ask("HEAD", target)
        self.assertEqual((head.status, head.headers["upload-complete"]), (204, "?1"))
        self.assertEqual(head.headers["content-location"], f"{ORIGIN}/upload/{self.name}")
