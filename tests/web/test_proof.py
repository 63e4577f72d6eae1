"""Uploads whose URL is not enough."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.uploads.limits import Limits
from hmacfs.web.proof import Proof
from tests.web.signing import credential
from tests.web.wire import NOW, Response, Server, mac_v, request

CONTENT = bytes(range(200)) * 10
"""Two chunks."""

HERE, THERE = "192.0.2.1", "198.51.100.7"
PROOF = Proof(on_move=True, silence=600.0, long_silence=1200.0)
TUS = ("Tus-Resumable: 1.0.0", "Content-Type: application/offset+octet-stream")


class ProofTests(SynchronousTestCase):
    """A server that asks for the credential again."""

    def setUp(self) -> None:
        limits = Limits(notes_places=True, max_age=1e6, timeout=1e6)
        self.server = Server(Path(self.mktemp()), limits=limits, proof=PROOF)
        # Half an hour more than what the longest silence of these tests lasts.
        self.credential = credential("jwt", "x", owner="romeo", lifetime=900.0).headers[0]

    def ask(
        self, method: str, target: str, place: str, *headers: str, body: bytes = b""
    ) -> Response:
        """Send a request from a place."""
        conversation = self.server.connect(place)
        conversation.send(request(method, target, headers, body))
        return conversation.response(method)

    def create(self) -> dict[str, Any]:
        """Begin a session of V3."""
        order = json.dumps({"filename": "a.jpg", "size": len(CONTENT)}).encode()
        kind = "Content-Type: application/json"
        made = self.ask("POST", "/api/v3/upload", HERE, self.credential, kind, body=order)
        self.assertEqual(made.status, 201, repr(made.body))
        return dict(json.loads(made.body))

    def chunk(self, session: dict[str, Any], number: int, place: str, *headers: str) -> int:
        """Send a chunk; tell the status."""
        target = path_of(session["upload_urls"]["chunks"][number - 1])
        body = CONTENT[1000 * (number - 1) : 1000 * number]
        return self.ask("PUT", target, place, *headers, body=body).status

    def test_move(self) -> None:
        """From another network one request has to bring it, and then no other."""
        session = self.create()
        self.assertEqual(self.chunk(session, 1, HERE), 200)
        status = path_of(session["status_url"])
        self.assertEqual(self.ask("GET", status, HERE).status, 200)
        refused = self.ask("GET", status, THERE)
        self.assertEqual(refused.status, 401)
        self.assertIn("www-authenticate", refused.headers)
        self.assertEqual(self.chunk(session, 2, THERE), 401)
        stranger = credential("jwt", "x", owner="juliet").headers[0]
        self.assertEqual(self.chunk(session, 2, THERE, stranger), 404)
        self.assertEqual(self.chunk(session, 2, THERE, self.credential), 201)
        # What is stored has nothing to protect any more.
        self.assertEqual(self.ask("GET", status, "203.0.113.1").status, 200)

    def test_silence(self) -> None:
        """After a silence too; one that was good at the beginning does, unless it was long."""
        session = self.create()
        self.assertEqual(self.chunk(session, 1, HERE), 200)
        self.server.clock.advance(599)
        status = path_of(session["status_url"])
        self.assertEqual(self.ask("GET", status, HERE).status, 200)
        self.server.clock.advance(400)
        self.assertEqual(self.ask("GET", status, HERE).status, 401)
        self.assertEqual(self.ask("GET", status, HERE, self.credential).status, 200)
        self.server.clock.advance(201)
        self.assertEqual(self.ask("GET", status, HERE, self.credential).status, 401)
        fresh = credential("jwt", "x", owner="romeo", now=NOW + 1200).headers[0]
        self.assertEqual(self.chunk(session, 2, HERE, fresh), 201)

    def test_tus(self) -> None:
        """So it is with tus."""
        made = self.ask("POST", "/files", HERE, TUS[0], self.credential, "Upload-Length: 2000")
        self.assertEqual(made.status, 201, repr(made.body))
        target = path_of(made.headers["location"])

        def patch(offset: int, place: str, *headers: str) -> int:
            told = (*TUS, f"Upload-Offset: {offset}", *headers)
            body = CONTENT[offset : offset + 1000]
            return self.ask("PATCH", target, place, *told, body=body).status

        self.assertEqual(patch(0, HERE), 204)
        self.assertEqual(patch(1000, THERE), 401)
        self.assertEqual(patch(1000, THERE, self.credential), 204)

    def test_signed_urls(self) -> None:
        """A URL that is signed is a credential, wherever its client is."""
        target = f"/upload/a?v={mac_v('a', len(CONTENT))}"
        for first, place, status in ((0, HERE, 202), (1000, THERE, 201)):
            told = ("X-Session-Token: t", f"Content-Range: bytes {first}-{first + 999}/2000")
            body = CONTENT[first : first + 1000]
            self.assertEqual(self.ask("PUT", target, place, *told, body=body).status, status)

    def test_signatures_with_a_time(self) -> None:
        """After a long silence one that is over is so for the token's upload, too."""
        made = credential("query", "a.jpg", len(CONTENT))
        part = "Content-Range: bytes {}-{}/2000"
        token = "X-Session-Token: t"
        first = (token, part.format(0, 999))
        sent = self.ask("PUT", made.target, HERE, *first, body=CONTENT[:1000])
        self.assertEqual(sent.status, 202, repr(sent.body))
        self.server.clock.advance(4000)
        rest = (token, part.format(1000, 1999))
        sent = self.ask("PUT", made.target, HERE, *rest, body=CONTENT[1000:])
        self.assertEqual(sent.status, 403)
        self.assertEqual(self.ask("HEAD", made.target, HERE, token).status, 403)

    def test_off(self) -> None:
        """Where it is not asked for, the URL is enough, and no place is noted."""
        self.server = Server(Path(self.mktemp()))
        session = self.create()
        self.assertEqual(self.chunk(session, 1, HERE), 200)
        self.assertEqual(self.chunk(session, 2, THERE), 201)


def path_of(url: str) -> str:
    """Tell the request target of a URL."""
    return "/" + url.split("/", 3)[3]
