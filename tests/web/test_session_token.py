"""Uploads by signed URL that are taken up again by a token."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.events import UploadFailed, UploadTakenOver
from hmacfs.uploads.limits import Limits
from tests.web.signing import credential
from tests.web.wire import Conversation, Response, Server, mac_v, mac_v2, request

CONTENT = b"0123456789"
TOKEN = "X-Session-Token: client.chose-this_1~"
MADE = re.compile(r"[A-Za-z0-9_-]{32}")


class TokenTests(SynchronousTestCase):
    """``X-Session-Token``."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp())
        self.server = Server(self.root)
        self.target = f"/upload/a?v={mac_v('a', len(CONTENT))}"

    def stop(self, sent: bytes, *headers: str) -> None:
        """Begin to upload, and lose the connection."""
        self.hang(sent, *headers).lose()

    def hang(self, sent: bytes, *headers: str) -> Conversation:
        """Begin to upload, and say no more."""
        conversation = self.server.connect()
        lines = [TOKEN, f"Content-Length: {len(CONTENT)}", *headers]
        conversation.send(request("PUT", self.target, lines) + sent)
        return conversation

    def head(self, *headers: str, target: str = "") -> Response:
        """Ask how much is there."""
        return self.server.ask("HEAD", target or self.target, headers or [TOKEN])

    def rest(self, first: int, last: int = 9, *headers: str) -> Response:
        """Send some bytes of the whole."""
        part = f"Content-Range: bytes {first}-{last}/{len(CONTENT)}"
        lines = [*(headers or [TOKEN]), part]
        return self.server.ask("PUT", self.target, lines, CONTENT[first : last + 1])

    def stored(self) -> bytes | None:
        """Tell the bytes of the file."""
        path = self.root / "a"
        return path.read_bytes() if path.exists() else None

    def test_at_once(self) -> None:
        """What comes in one request is stored, and the token given back."""
        response = self.server.ask("PUT", self.target, [TOKEN], CONTENT)
        self.assertEqual(response.status, 201)
        self.assertEqual(f"X-Session-Token: {response.headers['x-session-token']}", TOKEN)
        self.assertEqual(response.headers["location"], "/upload/a")
        self.assertEqual(self.stored(), CONTENT)

    def test_made(self) -> None:
        """Who brings no token is given one, which is good for the same URL; nothing rests."""
        response = self.server.ask("PUT", self.target, [], CONTENT)
        token = response.headers["x-session-token"]
        self.assertRegex(token, MADE)
        self.assertEqual(list((self.root / ".hmacfs/sessions").iterdir()), [])
        again = self.server.ask("PUT", self.target, [f"X-Session-Token: {token}"], CONTENT)
        self.assertEqual(again.status, 201)

    def test_resume(self) -> None:
        """What came before a break is kept: HEAD tells how much, Content-Range brings the rest."""
        self.stop(CONTENT[:4])
        response = self.head()
        self.assertEqual(response.status, 200)
        self.assertEqual(response.headers["upload-offset"], "4")
        self.assertEqual(response.headers["upload-length"], "10")
        self.assertEqual(response.headers["cache-control"], "no-store")
        self.assertIsNone(self.stored())
        self.assertEqual(self.rest(4).status, 201)
        self.assertEqual(self.stored(), CONTENT)
        self.assertEqual(self.head().headers["upload-offset"], "10")

    def test_whole_again(self) -> None:
        """The whole body may come again; what is here is compared."""
        self.stop(CONTENT[:4])
        response = self.server.ask("PUT", self.target, [TOKEN], CONTENT)
        self.assertEqual(response.status, 201)
        self.assertEqual(self.stored(), CONTENT)

    def test_other_bytes(self) -> None:
        """Other bytes than those that are here are refused, and harm nothing."""
        self.stop(CONTENT[:4])
        response = self.server.ask("PUT", self.target, [TOKEN], CONTENT[::-1])
        self.assertEqual(response.status, 409)
        self.assertEqual(self.head().headers["upload-offset"], "4")
        self.assertEqual(self.rest(4).status, 201)
        self.assertEqual(self.stored(), CONTENT)

    def test_pieces(self) -> None:
        """It may come in as many requests as one likes; the last is told 201."""
        for first, last in ((0, 2), (3, 3), (2, 8)):
            response = self.rest(first, last)
            self.assertEqual(response.status, 202)
            self.assertEqual(response.headers["upload-offset"], str(last + 1))
        self.assertEqual(self.rest(9).status, 201)
        self.assertEqual(self.stored(), CONTENT)

    def test_gap(self) -> None:
        """Bytes after a gap are refused; the answer tells where to go on."""
        self.stop(CONTENT[:4])
        response = self.rest(5)
        self.assertEqual((response.status, response.headers["upload-offset"]), (409, "4"))

    def test_take_over(self) -> None:
        """A newer request ends one that hangs, from whatever address."""
        taken: list[UploadTakenOver] = []
        self.server.events.listen(UploadTakenOver, taken.append)
        hanging = self.hang(CONTENT[:4])
        self.assertEqual(self.head().headers["upload-offset"], "4")
        self.assertTrue(hanging.wire.aborted)
        self.assertEqual(len(taken), 1)
        conversation = self.server.connect("198.51.100.7")
        lines = [TOKEN, "Content-Range: bytes 4-9/10"]
        conversation.send(request("PUT", self.target, lines, CONTENT[4:]))
        self.assertEqual(conversation.response().status, 201)
        self.assertEqual(self.stored(), CONTENT)

    def test_stored(self) -> None:
        """What is stored is told so again, for the answer may have been lost."""
        self.server.ask("PUT", self.target, [TOKEN], CONTENT)
        self.assertEqual(self.rest(4).status, 201)
        self.assertEqual(self.server.ask("PUT", self.target, [TOKEN], CONTENT).status, 201)
        other = self.server.ask("PUT", self.target, [TOKEN], CONTENT[::-1])
        self.assertEqual(other.status, 409)

    def test_expired(self) -> None:
        """What has expired is gone, and may begin anew."""
        self.stop(CONTENT[:4])
        self.server.clock.advance(3600)
        self.assertEqual(self.head().status, 410)
        self.assertEqual(self.rest(4).status, 410)
        self.assertEqual(self.server.ask("PUT", self.target, [TOKEN], CONTENT).status, 201)

    def test_failed(self) -> None:
        """Of what has failed HEAD tells how; a whole body begins anew."""
        self.root = Path(self.mktemp())
        self.server = Server(self.root, limits=Limits(retries=1))
        for first in (0, 1):
            part = f"Content-Range: bytes {first}-9/10"
            conversation = self.server.connect()
            head = request("PUT", self.target, [TOKEN, part, f"Content-Length: {10 - first}"])
            conversation.send(head + CONTENT[first : first + 1])
            conversation.lose()
        self.assertEqual(self.head().headers["upload-offset"], "2")
        self.assertEqual(self.rest(2).status, 410)
        self.assertEqual(self.head().status, 410)
        self.assertEqual(self.server.ask("PUT", self.target, [TOKEN], CONTENT).status, 201)
        self.assertEqual(self.stored(), CONTENT)

    def test_other_url(self) -> None:
        """A token is nothing with another URL, nor is the URL with another token."""
        self.stop(CONTENT[:4])
        self.assertEqual(self.head("X-Session-Token: other").status, 404)
        self.assertEqual(self.rest(4, 9, "X-Session-Token: other").status, 404)
        other = f"/upload/b?v={mac_v('b', len(CONTENT))}"
        self.assertEqual(self.head(target=other).status, 404)

    def test_signature(self) -> None:
        """The token replaces no signature, before or after."""
        wrong = "/upload/a?v=" + "0" * 64
        response = self.server.ask("PUT", wrong, [TOKEN], CONTENT)
        self.assertEqual(response.status, 403)
        self.assertEqual(self.server.ask("HEAD", wrong, [TOKEN]).status, 404)
        self.assertEqual(list((self.root / ".hmacfs/sessions").iterdir()), [])

    def test_bearer(self) -> None:
        """Where a header is the credential, it has to come with each request."""
        made = credential("bearer", "a/photo.jpg", 10)
        self.target = made.target
        self.stop(CONTENT[:4], *made.headers)
        self.assertIn(self.head(TOKEN).status, (401, 403))
        self.assertEqual(self.head(TOKEN, *made.headers).headers["upload-offset"], "4")
        self.assertEqual(self.rest(4, 9, TOKEN, *made.headers).status, 201)

    def test_type(self) -> None:
        """HEAD needs no Content-Type, also where the signature covers it."""
        self.target = f"/upload/a?v2={mac_v2('a', 10, 'image/png')}"
        self.stop(CONTENT[:4], "Content-Type: image/png")
        self.assertEqual(self.head().headers["upload-offset"], "4")

    def test_malformed(self) -> None:
        """What is no token, or no range, is refused."""
        for token in ("", "a b", "ü", "x" * 129, "a/b"):
            response = self.server.ask("PUT", self.target, [f"X-Session-Token: {token}"], CONTENT)
            self.assertEqual(response.status, 400, token)
        for part in ("bytes */10", "bytes 0-8/10", "bytes 0-9/*", "bytes 0-9/9", "chars 0-9/10"):
            lines = [TOKEN, f"Content-Range: {part}"]
            response = self.server.ask("PUT", self.target, lines, CONTENT)
            self.assertEqual(response.status, 400, part)

    def test_total_that_changes(self) -> None:
        """The total is what the signature covers."""
        lines = [TOKEN, "Content-Range: bytes 0-9/11"]
        response = self.server.ask("PUT", self.target, lines, CONTENT)
        self.assertEqual(response.status, 403)

    def test_chunked(self) -> None:
        """A chunked body that is shorter than announced is refused, and goes on."""
        head = request("PUT", self.target, [TOKEN, "X-File-Size: 10", "Transfer-Encoding: chunked"])
        conversation = self.server.connect()
        conversation.send(head + b"4\r\n0123\r\n0\r\n\r\n")
        self.assertEqual(conversation.response().status, 413)
        self.assertEqual(self.rest(4).status, 201)

    def test_counted(self) -> None:
        """A break is counted as one; what is stored in the end is counted once."""
        failed: list[UploadFailed] = []
        self.server.events.listen(UploadFailed, failed.append)
        self.stop(CONTENT[:4])
        self.assertEqual([event.code for event in failed], ["aborted"])
        self.rest(4)
        self.assertEqual(len(failed), 1)
