"""tus 1.0.0 over a server in memory, whose time the tests move, and what of it may be off."""

from __future__ import annotations

from pathlib import Path

from hmacfs.uploads.limits import Limits
from hmacfs.web.tus_offer import TusOffer
from tests.web import tus_suite as suite
from tests.web.tus_rows import PART, V, checksum
from tests.web.wire import MAX_UPLOAD_SIZE, NOW, Server, request


class Memory(suite.TusCase):
    """A server in memory."""

    server: Server

    def setUp(self) -> None:
        self.server = Server(Path(self.mktemp()))
        super().setUp()

    def now(self) -> float:
        """Tell its time."""
        return NOW

    def tearDown(self) -> None:
        self.assertEqual(self.flushLoggedErrors(), [])


class TableTests(Memory, suite.TableTests):
    """The table of cases."""


class CoreTests(Memory, suite.CoreTests):
    """How uploads go on and end."""

    def test_newer_request(self) -> None:
        """A request for the offset ends one that still sends, so that the offset is right."""
        target = self.upload()
        conversation = self.server.connect()
        headers = [V, PART, "Upload-Offset: 0", "Content-Length: 10"]
        conversation.send(request("PATCH", target, headers) + b"1234")
        self.assertEqual(self.offset(target), 4)
        conversation.send(b"5678")
        self.assertEqual(self.offset(target), 4)
        conversation.lose()

    def test_broken_creation(self) -> None:
        """Of bytes that break off before anybody was told where they are nothing is left."""
        told = [V, PART, self.alice, "Upload-Length: 10", "Content-Length: 10"]
        conversation = self.server.connect()
        conversation.send(request("POST", "/files", told) + b"1234")
        self.assertEqual(len(self.server.sessions.table.known), 1)
        conversation.lose()
        self.assertEqual(self.server.sessions.table.known, {})
        other = checksum(b"9876543210")
        refused = self.create(PART, f"Upload-Checksum: {other}", body=b"1234567890")
        self.assertEqual(refused.status, 460)
        self.assertEqual(self.server.sessions.table.known, {})

    def test_location_behind_a_proxy(self) -> None:
        """URLs are below the public base URL where that is known."""
        self.server = Server(Path(self.mktemp()), base_url="https://cdn.example.org")
        response = self.create(length=0)
        self.assertTrue(response.headers["location"].startswith("https://cdn.example.org/files/"))
        place = response.headers["content-location"]
        self.assertTrue(place.startswith("https://cdn.example.org/upload/"), place)


class DeferredTests(Memory, suite.DeferredTests):
    """Creation Defer Length."""


class ExpectationTests(Memory, suite.ExpectationTests):
    """``Expect: 100-continue``, which creation-with-upload recommends."""


class ChecksumTests(Memory, suite.ChecksumTests):
    """Checksum, and in trailers."""

    def test_off(self) -> None:
        """Where checksums are not compared they are not offered either."""
        offer = TusOffer(MAX_UPLOAD_SIZE, checks=False)
        self.server = Server(Path(self.mktemp()), tus=offer)
        told = self.server.ask("OPTIONS", "/files").headers
        self.assertNotIn("checksum", told["tus-extension"])
        self.assertNotIn("tus-checksum-algorithm", told)
        target = self.upload()
        wrong = f"Upload-Checksum: {checksum(b'other')}"
        self.assertEqual(self.patch(target, 0, b"1", wrong).status, 204)


class TerminationTests(Memory, suite.TerminationTests):
    """Termination."""


class ConcatenationTests(Memory, suite.ConcatenationTests):
    """Concatenation, also of uploads that are not finished."""

    def test_off(self) -> None:
        """Where a file may not come in several uploads this is not offered, and refused."""
        self.server = Server(Path(self.mktemp()), tus=TusOffer(MAX_UPLOAD_SIZE, joins=False))
        told = self.server.ask("OPTIONS", "/files").headers
        self.assertNotIn("concatenation", told["tus-extension"])
        self.assertEqual(self.create("Upload-Concat: partial").status, 501)


class CredentialTests(Memory, suite.CredentialTests):
    """Who may begin an upload, and use it."""

    def test_expired_credential(self) -> None:
        """That a token has expired since the creation is no fault."""
        target = self.upload()
        self.server.clock.advance(1000)
        self.assertEqual(self.ask("HEAD", target, self.alice).status, 200)
        self.assertEqual(self.create().status, 401)


class OfferTests(Memory, suite.OfferTests):
    """What OPTIONS tells, and what is off."""

    def test_off(self) -> None:
        """Where uploads cannot be taken up again there is no tus."""
        self.server = Server(Path(self.mktemp()), tus=TusOffer(MAX_UPLOAD_SIZE, on=False))
        told = self.server.ask("OPTIONS", "/files")
        self.assertEqual(told.status, 200)
        self.assertNotIn("tus-version", told.headers)
        self.assertEqual(self.create().status, 501)

    def test_drain(self) -> None:
        """A server that is being stopped speaks the protocol too."""
        self.server.site.draining = True
        response = self.create()
        self.assertEqual((response.status, response.headers["tus-resumable"]), (503, "1.0.0"))

    def test_nothing_to_create_with(self) -> None:
        """Without a scheme that could sign a creation there is none."""
        offer = TusOffer(MAX_UPLOAD_SIZE, creates=False)
        extensions = set(offer.extensions())
        self.assertEqual(extensions, {"expiration", "termination", "checksum", "checksum-trailer"})


class ExpirationTests(Memory):
    """Expiration."""

    def setUp(self) -> None:
        super().setUp()
        limits = Limits(timeout=60.0, max_age=100.0, remembered=500.0)
        self.server = Server(Path(self.mktemp()), limits=limits)

    def test_told(self) -> None:
        """Every answer of an upload that will expire says when, and that moves with its bytes."""
        created = self.create()
        target = self.path(created)
        self.assertEqual(created.headers["upload-expires"], "Fri, 15 Jan 2027 08:01:00 GMT")
        self.server.clock.advance(30)
        patched = self.patch(target, 0, b"1")
        self.assertEqual(patched.headers["upload-expires"], "Fri, 15 Jan 2027 08:01:30 GMT")
        self.server.clock.advance(30)
        patched = self.patch(target, 1, b"2")
        self.assertEqual(patched.headers["upload-expires"], "Fri, 15 Jan 2027 08:01:40 GMT")

    def test_gone(self) -> None:
        """An upload that has expired is gone, and later unknown."""
        target = self.upload()
        self.server.clock.advance(61)
        for response in (self.ask("HEAD", target), self.patch(target, 0, b"1")):
            self.assertEqual(response.status, 410)
            self.assertNotIn("upload-offset", response.headers)


class LimitTests(Memory):
    """How many uploads one may have."""

    def test_owner(self) -> None:
        """Beyond the limit of an owner creation is refused, and comes back later; others go on."""
        self.server = Server(Path(self.mktemp()), limits=Limits(most_of_owner=3))
        for _ in range(3):
            self.upload()
        refused = self.create()
        self.assertEqual(refused.status, 429)
        self.assertIn("retry-after", refused.headers)
        self.alice = self.token("bob")
        self.upload()
