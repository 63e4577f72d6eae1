"""
tus 1.0.0, sentence by sentence of the specification.

Whoever takes uploads by it runs these, in memory or as a daemon.
"""

from __future__ import annotations

import time
import uuid
from typing import Final
from urllib.parse import quote

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.permit import Scope
from tests.web.signing import credential
from tests.web.tus_rows import PART, ROWS, V, base64, checksum
from tests.web.wire import MAX_UPLOAD_SIZE, Asked, Response, Talk, request

ORIGIN: Final = "http://files.example.org"


class TusCase(SynchronousTestCase):
    """What these tests share: a server, and a client that may upload."""

    server: Asked

    def setUp(self) -> None:
        self.alice = self.token("alice")

    def now(self) -> float:
        """Tell the time of day of the server."""
        return time.time()

    def token(self, owner: str, *scopes: str, seconds: float = 600) -> str:
        """Write the header line of a token."""
        allowed = frozenset(map(Scope, scopes or ("upload",)))
        made = credential("jwt", "x", owner=owner, scopes=allowed, lifetime=seconds, now=self.now())
        return made.headers[0]

    def ask(self, method: str, target: str, *headers: str, body: bytes | None = None) -> Response:
        """Ask in the version that is spoken."""
        return self.server.ask(method, target, [V, *headers], body)

    def create(self, *headers: str, length: int | None = 10, body: bytes = b"") -> Response:
        """Ask for an upload of Alice."""
        told = [] if length is None else [f"Upload-Length: {length}"]
        return self.ask("POST", "/files", self.alice, *told, *headers, body=body)

    def upload(self, *headers: str, length: int | None = 10) -> str:
        """Begin an upload; tell its path."""
        response = self.create(*headers, length=length)
        self.assertEqual(response.status, 201, response.body)
        return self.path(response)

    def path(self, response: Response) -> str:
        """Tell the path of the upload that was begun."""
        location = response.headers["location"]
        self.assertTrue(location.startswith(f"{ORIGIN}/files/"), location)
        return location.removeprefix(ORIGIN)

    def patch(self, target: str, offset: int, body: bytes, *headers: str) -> Response:
        """Send a part."""
        return self.ask("PATCH", target, PART, f"Upload-Offset: {offset}", *headers, body=body)

    def offset(self, target: str) -> int:
        """Ask for the offset."""
        return int(self.ask("HEAD", target).headers["upload-offset"])

    def content(self, response: Response) -> bytes:
        """Fetch the file that an answer tells of."""
        place = response.headers["content-location"].removeprefix(ORIGIN)
        got = self.server.ask("GET", place)
        self.assertEqual(got.status, 200)
        return got.body


class TableTests(TusCase):
    """The table of cases."""

    def test_rows(self) -> None:
        """Each request gets the answer that the specification asks for; errors change nothing."""
        for row in ROWS:
            target = row.target
            if target == "ten":
                target = self.upload()
                self.assertEqual(self.patch(target, 0, b"12345").status, 204)
            headers = [*row.version, *row.headers]
            if target in ("/files", "/files/"):
                headers.append(self.alice)
            response = self.server.ask(row.method, target, headers, row.body)
            told = f"{row.rule}: {response}"
            self.assertEqual(response.status, row.status, told)
            for name, value in row.has.items():
                self.assertIn(name, response.headers, told)
                self.assertIn(value, (response.headers[name], ""), told)
            for name in row.lacks:
                self.assertNotIn(name, response.headers, told)
            if row.target == "ten" and row.status >= 400:
                self.assertEqual(self.offset(target), 5, told)


class CoreTests(TusCase):
    """How uploads go on and end."""

    def test_upload(self) -> None:
        """The last part makes the file, which its name, HEAD and the upload's URL lead to."""
        named = f"filename {base64('né.txt'.encode())},filetype {base64(b'text/plain')}"
        target = self.upload(f"Upload-Metadata: {named}")
        self.assertEqual(self.server.ask("GET", target).status, 404)
        self.assertEqual(self.patch(target, 0, b"12345").headers["upload-offset"], "5")
        last = self.patch(target, 5, b"67890")
        self.assertEqual((last.status, last.headers["upload-offset"]), (204, "10"))
        self.assertEqual(self.content(last), b"1234567890")
        self.assertTrue(last.headers["content-location"].endswith(f"/{quote('né.txt')}"))
        self.assertNotIn("upload-expires", last.headers)
        head = self.ask("HEAD", target)
        self.assertEqual(head.headers["content-location"], last.headers["content-location"])
        self.assertEqual(head.headers["upload-metadata"], named)
        self.assertEqual(
            (head.headers["upload-offset"], head.headers["upload-length"]), ("10",) * 2
        )
        got = self.server.ask("GET", target)
        self.assertEqual((got.status, got.body), (200, b"1234567890"))
        self.assertEqual(got.headers["content-type"], "text/plain")

    def test_the_file_does_not_tell_the_upload(self) -> None:
        """Whoever gets the URL of the file cannot use that of the upload."""
        target = self.upload(length=0)
        place = self.ask("HEAD", target).headers["content-location"]
        self.assertNotIn(target.rpartition("/")[2], place)

    def test_complete(self) -> None:
        """An upload that is complete takes nothing more, and says so again."""
        target = self.upload()
        self.patch(target, 0, b"1234567890")
        self.assertEqual(self.patch(target, 10, b"").status, 204)
        self.assertEqual(self.patch(target, 10, b"1").status, 409)
        self.assertEqual(self.patch(target, 0, b"1234567890").status, 409)

    def test_empty(self) -> None:
        """An upload of no bytes is complete when it begins."""
        response = self.create(length=0)
        self.assertEqual(response.status, 201)
        self.assertEqual(self.content(response), b"")

    def test_break(self) -> None:
        """What came before a connection broke is kept, and counts."""
        target = self.upload()
        conversation = self.server.connect()
        headers = [V, PART, "Upload-Offset: 0", "Content-Length: 10"]
        conversation.send(request("PATCH", target, headers) + b"1234")
        conversation.lose()
        self.assertEqual(self.offset(target), 4)
        self.assertEqual(self.content(self.patch(target, 4, b"567890")), b"1234567890")

    def test_names(self) -> None:
        """Whatever the client calls its file, it is stored in a folder of its own."""
        for name, leaf in (
            (b"../../etc/passwd", "passwd"),
            (rb"C:\Users\me\photo.jpg", "photo.jpg"),
            (b"..", "file"),
            (b"", "file"),
            (b"a\x00b\n.txt", "ab.txt"),
            (b"\xff.txt", "\N{REPLACEMENT CHARACTER}.txt"),
            (("x" * 300 + ".jpg").encode(), "x" * 251 + ".jpg"),
            (b".hmacfs", ".hmacfs"),
        ):
            target = self.upload(f"Upload-Metadata: filename {base64(name)}", length=0)
            place = self.ask("HEAD", target).headers["content-location"]
            self.assertTrue(place.endswith(f"/{quote(leaf)}"), place)
            self.assertEqual(place.count("/"), 5, place)

    def test_method_override_of_get(self) -> None:
        """The method of the connection is ignored where another is told."""
        target = self.upload(length=0)
        response = self.ask("POST", target, "X-HTTP-Method-Override: GET", body=b"")
        self.assertEqual(response.status, 200)


class DeferredTests(TusCase):
    """Creation Defer Length."""

    def test_deferred(self) -> None:
        """HEAD says that the length is deferred until a PATCH tells it, which is final."""
        target = self.upload("Upload-Defer-Length: 1", length=None)
        head = self.ask("HEAD", target)
        self.assertEqual(head.headers["upload-defer-length"], "1")
        self.assertNotIn("upload-length", head.headers)
        self.assertEqual(self.patch(target, 0, b"123").status, 204)
        self.assertEqual(self.patch(target, 3, b"4", "Upload-Length: 5").status, 204)
        head = self.ask("HEAD", target)
        self.assertNotIn("upload-defer-length", head.headers)
        self.assertEqual(head.headers["upload-length"], "5")
        self.assertEqual(self.patch(target, 4, b"", "Upload-Length: 6").status, 409)
        self.assertEqual(self.content(self.patch(target, 4, b"5")), b"12345")

    def test_end_before_what_was_dropped(self) -> None:
        """An upload may turn out shorter than a part that failed its checksum."""
        target = self.upload("Upload-Defer-Length: 1", length=None)
        wrong = f"Upload-Checksum: {checksum(b'other')}"
        self.assertEqual(self.patch(target, 0, b"0123456789", wrong).status, 460)
        response = self.patch(target, 0, b"12345", "Upload-Length: 5")
        self.assertEqual(self.content(response), b"12345")

    def test_no_metadata(self) -> None:
        """A client that sends the field of metadata without any (tuspy) is told of none."""
        target = self.upload("Upload-Metadata:")
        self.assertNotIn("upload-metadata", self.ask("HEAD", target).headers)

    def test_length_in_the_end(self) -> None:
        """A length that is told when all bytes are there completes the upload."""
        target = self.upload("Upload-Defer-Length: 1", length=None)
        self.patch(target, 0, b"123")
        last = self.patch(target, 3, b"", "Upload-Length: 3")
        self.assertEqual(self.content(last), b"123")

    def test_shorter_than_what_is_here(self) -> None:
        """A length below the offset is refused."""
        target = self.upload("Upload-Defer-Length: 1", length=None)
        self.patch(target, 0, b"123")
        self.assertEqual(self.patch(target, 3, b"", "Upload-Length: 2").status, 409)
        self.assertEqual(self.offset(target), 3)

    def test_length_of_a_refused_part(self) -> None:
        """Of a part that is refused the length does not count either."""
        wrong = f"Upload-Checksum: {checksum(b'other')}"
        for status, headers in (
            (409, (PART, "Upload-Offset: 1")),
            (415, ("Upload-Offset: 0",)),
            (400, (PART,)),
            (400, (PART, "Upload-Offset: 0", "Upload-Checksum: crc32 AAAAAA==")),
            (460, (PART, "Upload-Offset: 0", wrong)),
            (413, (PART, "Upload-Offset: 0")),
        ):
            target = self.upload("Upload-Defer-Length: 1", length=None)
            told = f"Upload-Length: {4 if status == 413 else 5}"
            response = self.ask("PATCH", target, *headers, told, body=b"12345")
            self.assertEqual(response.status, status, headers)
            head = self.ask("HEAD", target).headers
            self.assertEqual((head["upload-defer-length"], head["upload-offset"]), ("1", "0"))

    def test_length_with_a_checksum(self) -> None:
        """A part with a checksum may tell the length."""
        target = self.upload("Upload-Defer-Length: 1", length=None)
        right = f"Upload-Checksum: {checksum(b'12345')}"
        last = self.patch(target, 0, b"12345", right, "Upload-Length: 5")
        self.assertEqual(self.content(last), b"12345")

    def test_too_large(self) -> None:
        """A length that is told later has the same limit."""
        target = self.upload("Upload-Defer-Length: 1", length=None)
        response = self.patch(target, 0, b"", f"Upload-Length: {MAX_UPLOAD_SIZE + 1}")
        self.assertEqual(response.status, 413)
        self.assertEqual(self.ask("HEAD", target).headers["upload-defer-length"], "1")


class ExpectationTests(TusCase):
    """``Expect: 100-continue``, which creation-with-upload recommends."""

    def begin(self, method: str, target: str, *headers: str) -> Talk:
        """Send the head of a request with a body of five bytes."""
        conversation = self.server.connect()
        lines = [V, *headers, "Expect: 100-continue", "Content-Length: 5"]
        conversation.send(request(method, target, lines))
        return conversation

    def test_wanted(self) -> None:
        """A body that is wanted is asked for."""
        conversation = self.begin("POST", "/files", self.alice, PART, "Upload-Length: 5")
        self.assertEqual(conversation.response().status, 100)
        conversation.send(b"12345")
        created = conversation.response()
        conversation.close()
        self.assertEqual((created.status, created.headers["upload-offset"]), (201, "5"))
        self.assertEqual(self.content(created), b"12345")

    def test_not_wanted(self) -> None:
        """One that is not wanted is not, and the connection ends, for it may come all the same."""
        target = self.upload()
        for status, head in (
            (401, ("POST", "/files", PART, "Upload-Length: 5")),
            (400, ("POST", "/files", self.alice, PART)),
            (413, ("POST", "/files", self.alice, PART, f"Upload-Length: {MAX_UPLOAD_SIZE + 1}")),
            (415, ("POST", "/files", self.alice, "Upload-Length: 5")),
            (409, ("PATCH", target, PART, "Upload-Offset: 5")),
            (415, ("PATCH", target, "Upload-Offset: 0")),
            (404, ("PATCH", f"/files/{'A' * 43}", PART, "Upload-Offset: 0")),
        ):
            conversation = self.begin(*head)
            response = conversation.response()
            conversation.close()
            self.assertEqual((response.status, response.headers["connection"]), (status, "close"))
        self.assertEqual(self.offset(target), 0)


class ChecksumTests(TusCase):
    """Checksum, and in trailers."""

    def chunked(self, target: str, trailer: str | None, body: bytes = b"67890") -> Response:
        """Send a part in chunks, with a trailer after it."""
        conversation = self.server.connect()
        headers = [V, PART, "Upload-Offset: 5", "Transfer-Encoding: chunked"]
        conversation.send(request("PATCH", target, [*headers, "Trailer: Upload-Checksum"]))
        conversation.send(b"%x\r\n%s\r\n0\r\n" % (len(body), body))
        end = "" if trailer is None else f"Upload-Checksum: {trailer}\r\n"
        conversation.send(f"{end}\r\n".encode())
        response = conversation.response()
        conversation.close()
        return response

    def half(self) -> str:
        """Begin an upload of which half is there."""
        target = self.upload()
        self.patch(target, 0, b"12345")
        return target

    def test_dropped(self) -> None:
        """A part that does not fit its checksum is dropped, and can be sent again."""
        for algorithm in ("sha1", "sha256", "md5"):
            target = self.half()
            good = f"Upload-Checksum: {checksum(b'67890', algorithm)}"
            response = self.patch(target, 5, b"6789X", good)
            self.assertEqual(response.status, 460)
            self.assertEqual(response.headers["tus-resumable"], "1.0.0")
            self.assertEqual(self.offset(target), 5)
            self.assertEqual(self.content(self.patch(target, 5, b"67890", good)), b"1234567890")

    def test_broken_part(self) -> None:
        """Of a part with a checksum that breaks off nothing counts: it cannot be checked."""
        target = self.half()
        conversation = self.server.connect()
        headers = [V, PART, "Upload-Offset: 5", "Content-Length: 5"]
        headers.append(f"Upload-Checksum: {checksum(b'67890')}")
        conversation.send(request("PATCH", target, headers) + b"67")
        conversation.lose()
        self.assertEqual(self.offset(target), 5)

    def test_trailer(self) -> None:
        """The checksum may come after the bytes, whatever its algorithm."""
        for algorithm in ("sha1", "sha256", "md5"):
            target = self.half()
            response = self.chunked(target, checksum(b"67890", algorithm))
            self.assertEqual(response.status, 204)
            self.assertEqual(self.content(response), b"1234567890")

    def test_bad_trailers(self) -> None:
        """A part whose trailer is wrong, unreadable or missing is dropped."""
        for trailer, status in (
            (checksum(b"other"), 460),
            (checksum(b"other", "md5"), 460),
            ("crc32 AAAAAA==", 400),
            ("sha1 AAAA", 400),
            (None, 400),
        ):
            target = self.half()
            self.assertEqual(self.chunked(target, trailer).status, status, trailer)
            self.assertEqual(self.offset(target), 5)


class TerminationTests(TusCase):
    """Termination."""

    def test_unfinished(self) -> None:
        """An upload that is terminated is gone."""
        target = self.upload()
        self.assertEqual(self.ask("DELETE", target).status, 204)
        for response in (
            self.ask("HEAD", target),
            self.ask("DELETE", target),
            self.patch(target, 0, b"1"),
        ):
            self.assertIn(response.status, (404, 410))

    def test_finished(self) -> None:
        """With an upload that is complete goes the file that it has become."""
        target = self.upload(length=0)
        place = self.ask("HEAD", target).headers["content-location"].removeprefix(ORIGIN)
        self.assertEqual(self.ask("DELETE", target).status, 204)
        self.assertEqual(self.server.ask("GET", place).status, 410)
        self.assertIn(self.ask("HEAD", target).status, (404, 410))


class ConcatenationTests(TusCase):
    """Concatenation, also of uploads that are not finished."""

    def part(self, data: bytes) -> str:
        """Upload a part."""
        target = self.upload("Upload-Concat: partial", length=len(data))
        self.assertEqual(self.patch(target, 0, data).status, 204)
        return target

    def final(self, *parts: str) -> Response:
        """Ask for the whole."""
        named = f"Upload-Metadata: filename {base64(b'whole.bin')}"
        return self.create(f"Upload-Concat: final;{' '.join(parts)}", named, length=None)

    def test_joined(self) -> None:
        """The final upload is its parts in the order told; the parts are no files."""
        first, second = self.part(b"hello "), self.part(b"world")
        self.assertNotIn("content-location", self.ask("HEAD", first).headers)
        response = self.final(second, f"{ORIGIN}{first}", second)
        self.assertEqual(response.status, 201, response.body)
        target = self.path(response)
        head = self.ask("HEAD", target)
        self.assertEqual(self.content(head), b"worldhello world")
        self.assertEqual(head.headers["upload-length"], "16")
        self.assertEqual(head.headers["upload-offset"], "16")
        self.assertTrue(head.headers["upload-concat"].startswith("final;"))
        self.assertEqual(self.ask("HEAD", first).headers["upload-concat"], "partial")

    def test_no_bytes_of_its_own(self) -> None:
        """PATCH of a final upload is forbidden."""
        part = self.part(b"a")
        target = self.path(self.final(part))
        for headers in ((PART, "Upload-Offset: 1"), (PART, "Upload-Offset: 0"), ()):
            response = self.ask("PATCH", target, *headers, body=b"b")
            self.assertEqual(response.status, 403, headers)
        self.assertEqual((self.offset(target), self.offset(part)), (1, 1))

    def test_unfinished(self) -> None:
        """A final upload waits for its parts, and has no offset until then."""
        first = self.upload("Upload-Concat: partial", length=3)
        target = self.path(self.final(first, self.part(b"def")))
        head = self.ask("HEAD", target)
        self.assertEqual(head.status, 200)
        self.assertNotIn("upload-offset", head.headers)
        self.assertEqual(self.patch(first, 0, b"abc").status, 204)
        head = self.ask("HEAD", target)
        self.assertEqual(head.headers["upload-offset"], "6")
        self.assertEqual(self.content(head), b"abcdef")

    def test_length_of_what_is_unfinished(self) -> None:
        """The length of a final upload is told as soon as those of its parts are known."""
        first = self.upload("Upload-Concat: partial", length=3)
        later = self.upload("Upload-Concat: partial", "Upload-Defer-Length: 1", length=None)
        known = self.path(self.final(first, first))
        self.assertEqual(self.ask("HEAD", known).headers["upload-length"], "6")
        unknown = self.path(self.final(first, later))
        head = self.ask("HEAD", unknown).headers
        self.assertNotIn("upload-length", head)
        self.assertNotIn("upload-defer-length", head)
        self.assertEqual(self.patch(later, 0, b"1", "Upload-Length: 2").status, 204)
        self.assertEqual(self.ask("HEAD", unknown).headers["upload-length"], "5")

    def test_part_is_gone(self) -> None:
        """A final upload whose part is terminated never ends, and says no length."""
        first = self.upload("Upload-Concat: partial", length=3)
        target = self.path(self.final(first))
        self.assertEqual(self.ask("DELETE", first).status, 204)
        head = self.ask("HEAD", target)
        self.assertEqual(head.status, 200)
        self.assertNotIn("upload-length", head.headers)

    def test_metadata(self) -> None:
        """Those of the parts are not those of the whole."""
        named = f"Upload-Metadata: filename {base64(b'part.txt')}"
        first = self.upload("Upload-Concat: partial", named, length=1)
        self.assertEqual(self.patch(first, 0, b"a").status, 204)
        self.assertEqual(f"Upload-Metadata: {self.metadata(first)}", named)
        created = self.create(f"Upload-Concat: final;{first}", length=None)
        self.assertIsNone(self.metadata(self.path(created)))
        self.assertNotIn("part.txt", created.headers["content-location"])

    def metadata(self, target: str) -> str | None:
        """Ask for the metadata of an upload."""
        return self.ask("HEAD", target).headers.get("upload-metadata")

    def test_too_large_together(self) -> None:
        """Parts that together are larger than a file may be make none."""
        half = self.part(bytes(MAX_UPLOAD_SIZE // 2 + 1))
        self.assertEqual(self.final(half).status, 201)
        self.assertEqual(self.final(half, half).status, 413)

    def test_others(self) -> None:
        """Only one's own parts can be joined, and only parts."""
        whole = self.upload()
        self.assertEqual(self.final(whole).status, 404)
        part = self.part(b"a")
        self.alice = self.token("bob")
        self.assertEqual(self.final(part).status, 404)


class CredentialTests(TusCase):
    """Who may begin an upload, and use it."""

    def test_creation(self) -> None:
        """A creation needs a token with the scope, or a signed URL."""
        none = self.ask("POST", "/files", "Upload-Length: 1", body=b"")
        self.assertEqual(none.status, 401)
        self.assertIn("Bearer", none.headers["www-authenticate"])
        self.alice = self.token("alice", "download")
        self.assertEqual(self.create().status, 403)
        self.alice = self.token("alice").replace(".", ".A", 1)
        self.assertEqual(self.create().status, 401)
        self.alice = self.token("alice", seconds=-600)
        self.assertEqual(self.create().status, 401)

    def test_signed_url(self) -> None:
        """A signed URL is for one file of one size, and names it."""
        unique = str(uuid.uuid4())
        made = credential("query", "photo.jpg", 10, now=self.now(), unique=unique)
        signed = made.target.partition("?")[2]
        target = f"/files?{signed}"
        wrong = self.ask("POST", target, "Upload-Length: 11", body=b"")
        self.assertEqual(wrong.status, 403)
        created = self.ask("POST", target, "Upload-Length: 10", body=b"")
        self.assertEqual(created.status, 201, created.body)
        last = self.patch(self.path(created), 0, b"1234567890")
        self.assertTrue(last.headers["content-location"].endswith("/photo.jpg"))
        other = f"Upload-Metadata: filename {base64(b'other.exe')}"
        self.assertEqual(self.ask("POST", target, "Upload-Length: 10", other, body=b"").status, 403)
        self.assertEqual(self.ask("POST", target, "Upload-Defer-Length: 1", body=b"").status, 411)

    def test_later_requests(self) -> None:
        """The URL is enough; but a credential that comes along has to be that of the owner."""
        target = self.upload()
        self.assertEqual(self.ask("HEAD", target, self.token("bob")).status, 404)
        self.assertEqual(self.ask("HEAD", target, "Authorization: Bearer x.y.z").status, 401)
        self.assertEqual(self.ask("HEAD", target, self.alice).status, 200)
        self.assertEqual(self.ask("HEAD", target).status, 200)

    def test_types_of_a_token(self) -> None:
        """A token may bound the types."""
        made = credential("jwt", "x", owner="alice", allowed_types=("image/*",), now=self.now())
        self.alice = made.headers[0]
        kind = f"Upload-Metadata: filetype {base64(b'image/png')}"
        self.assertEqual(self.create(kind).status, 201)
        self.assertEqual(self.create().status, 403)


class OfferTests(TusCase):
    """What OPTIONS tells, and what is off."""

    def test_all(self) -> None:
        """Everything is on by default."""
        told = self.server.ask("OPTIONS", "/files").headers["tus-extension"].split(",")
        self.assertEqual(
            set(told),
            {
                "creation",
                "creation-defer-length",
                "creation-with-upload",
                "expiration",
                "checksum",
                "checksum-trailer",
                "termination",
                "concatenation",
                "concatenation-unfinished",
            },
        )

    def test_browsers(self) -> None:
        """Browsers may send and read every field of the protocol."""
        told = self.server.ask("OPTIONS", "/files").headers
        allowed = {name.strip().lower() for name in told["access-control-allow-headers"].split(",")}
        exposed = {
            name.strip().lower() for name in told["access-control-expose-headers"].split(",")
        }
        for name in (
            *("authorization", "content-type", "tus-resumable", "upload-length", "upload-offset"),
            *("upload-metadata", "upload-defer-length", "upload-concat", "upload-checksum"),
            *("x-http-method-override", "x-requested-with", "x-request-id"),
        ):
            self.assertIn(name, allowed)
        for name in (
            *("location", "upload-offset", "upload-length", "tus-resumable", "tus-version"),
            *("tus-extension", "tus-max-size", "tus-checksum-algorithm", "upload-metadata"),
            *("upload-defer-length", "upload-concat", "upload-expires", "content-location"),
        ):
            self.assertIn(name, exposed)
        self.assertIn("PATCH", told["access-control-allow-methods"])
