"""tus 1.0.0, sentence by sentence of the specification."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from pathlib import Path
from typing import Final
from urllib.parse import quote

from attrs import field, frozen
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.permit import Scope
from hmacfs.uploads.limits import Limits
from hmacfs.web.tus_offer import TusOffer
from tests.web.signing import credential
from tests.web.wire import MAX_UPLOAD_SIZE, Response, Server, request

ORIGIN: Final = "http://files.example.org"
V: Final = "Tus-Resumable: 1.0.0"
PART: Final = "Content-Type: application/offset+octet-stream"


def base64(data: bytes) -> str:
    """Write Base64 as the header fields of tus have it."""
    return b64encode(data).decode()


def checksum(data: bytes, algorithm: str = "sha1") -> str:
    """Write the checksum of bytes."""
    digest = hashlib.new(algorithm, data, usedforsecurity=False).digest()
    return f"{algorithm} {base64(digest)}"


class TusCase(SynchronousTestCase):
    """What these tests share: a server, and a client that may upload."""

    def setUp(self) -> None:
        self.server = Server(Path(self.mktemp()))
        self.alice = self.token("alice")

    def token(self, owner: str, *scopes: str, seconds: float = 600) -> str:
        """Write the header line of a token."""
        allowed = frozenset(map(Scope, scopes or ("upload",)))
        made = credential("jwt", "x", owner=owner, scopes=allowed, lifetime=seconds)
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


@frozen
class Row:
    """
    One request and its answer.

    :ivar target: ``ten`` is an upload of ten bytes of which five are here.
    :ivar has: header fields of the answer.
    :ivar lacks: names of header fields that it must not have.
    """

    rule: str
    status: int
    method: str
    target: str
    headers: tuple[str, ...] = ()
    body: bytes | None = None
    has: dict[str, str] = field(factory=dict)
    lacks: tuple[str, ...] = ()
    version: tuple[str, ...] = (V,)


_SPOKEN = {"tus-resumable": "1.0.0"}
_OTHER_VERSION = {"tus-version": "1.0.0", "tus-resumable": "1.0.0"}
_AT_FIVE = (PART, "Upload-Offset: 5")
_SIZE = "Upload-Length: 10"

ROWS: Final = (
    # Core protocol
    Row("HEAD tells offset and length", 200, "HEAD", "ten", has={"upload-offset": "5"}),
    Row("HEAD tells the length", 200, "HEAD", "ten", has={"upload-length": "10"}),
    Row("HEAD is not cached", 200, "HEAD", "ten", has={"cache-control": "no-store"}),
    Row("answers tell the version", 200, "HEAD", "ten", has=_SPOKEN),
    Row("unknown: no offset", 404, "HEAD", "/files/" + "A" * 43, lacks=("upload-offset",)),
    Row("no such id", 404, "HEAD", "/files/nonsense", lacks=("upload-offset",)),
    Row("a path below an upload", 404, "HEAD", "/files/" + "A" * 43 + "/x"),
    Row("errors tell the version too", 404, "HEAD", "/files/" + "A" * 43, has=_SPOKEN),
    Row("no version", 412, "HEAD", "ten", version=(), has=_OTHER_VERSION),
    Row("other version", 412, "HEAD", "ten", version=("Tus-Resumable: 0.2.2",), has=_OTHER_VERSION),
    Row("newer", 412, "PATCH", "ten", _AT_FIVE, b"x", version=("Tus-Resumable: 1.0.1",)),
    Row("POST without version", 412, "POST", "/files", (_SIZE,), b"", version=()),
    Row("DELETE without version", 412, "DELETE", "ten", version=()),
    Row("PATCH is acknowledged", 204, "PATCH", "ten", _AT_FIVE, b"67", {"upload-offset": "7"}),
    Row("a part of no bytes", 204, "PATCH", "ten", _AT_FIVE, b"", {"upload-offset": "5"}),
    Row("no type", 415, "PATCH", "ten", ("Upload-Offset: 5",), b"6"),
    Row("wrong type", 415, "PATCH", "ten", ("Content-Type: text/plain", "Upload-Offset: 5"), b"6"),
    Row("no offset", 400, "PATCH", "ten", (PART,), b"6"),
    Row("no number", 400, "PATCH", "ten", (PART, "Upload-Offset: -5"), b"6"),
    Row("two offsets", 400, "PATCH", "ten", (*_AT_FIVE, "Upload-Offset: 5"), b"6"),
    Row("bytes twice", 409, "PATCH", "ten", (PART, "Upload-Offset: 0"), b"1"),
    Row("a gap", 409, "PATCH", "ten", (PART, "Upload-Offset: 6"), b"7"),
    Row("beyond the length", 409, "PATCH", "ten", (PART, "Upload-Offset: 99"), b"7"),
    Row("more than the length", 413, "PATCH", "ten", _AT_FIVE, b"123456"),
    Row("PATCH of nothing", 404, "PATCH", "/files/" + "A" * 43, _AT_FIVE, b"6"),
    Row("no PATCH of the creation URL", 405, "PATCH", "/files", _AT_FIVE, b"6"),
    Row("override", 200, "POST", "ten", ("X-HTTP-Method-Override: HEAD",), b"", _SPOKEN),
    Row(
        "override of PATCH",
        204,
        "POST",
        "ten",
        (*_AT_FIVE, "X-HTTP-Method-Override: PATCH"),
        b"6",
        {"upload-offset": "6"},
    ),
    Row("methods are case-sensitive", 405, "POST", "ten", ("X-HTTP-Method-Override: head",), b""),
    Row(
        "OPTIONS needs no version",
        200,
        "OPTIONS",
        "/files",
        version=(),
        has={"tus-version": "1.0.0"},
    ),
    Row("OPTIONS ignores it", 200, "OPTIONS", "/files", version=("Tus-Resumable: 9.9.9",)),
    Row("OPTIONS of an upload", 200, "OPTIONS", "ten", version=(), has={"tus-version": "1.0.0"}),
    Row("the largest", 200, "OPTIONS", "/files", has={"tus-max-size": str(MAX_UPLOAD_SIZE)}),
    Row(
        "SHA-1 among the algorithms",
        200,
        "OPTIONS",
        "/files",
        has={"tus-checksum-algorithm": "sha1,sha256,md5"},
    ),
    # Creation
    Row("both URLs make uploads", 201, "POST", "/files/", (_SIZE,), b""),
    Row("no length", 400, "POST", "/files", (), b""),
    Row("a length that is none", 400, "POST", "/files", ("Upload-Length: ten",), b""),
    Row("deferred", 201, "POST", "/files", ("Upload-Defer-Length: 1",), b""),
    Row("deferred otherwise", 400, "POST", "/files", ("Upload-Defer-Length: 0",), b""),
    Row("told and deferred", 400, "POST", "/files", (_SIZE, "Upload-Defer-Length: 1"), b""),
    Row("too large", 413, "POST", "/files", (f"Upload-Length: {MAX_UPLOAD_SIZE + 1}",), b""),
    Row("a key twice", 400, "POST", "/files", (_SIZE, "Upload-Metadata: a eA==,a eQ=="), b""),
    Row("an empty key", 400, "POST", "/files", (_SIZE, "Upload-Metadata: eA==,"), b""),
    Row("no Base64", 400, "POST", "/files", (_SIZE, "Upload-Metadata: a x"), b""),
    # Creation With Upload
    Row("body without its type", 415, "POST", "/files", (_SIZE,), b"12345"),
    Row("body and offset", 201, "POST", "/files", (_SIZE, PART), b"12345", {"upload-offset": "5"}),
    Row("too much body", 413, "POST", "/files", (_SIZE, PART), b"12345678901"),
    # Checksum
    Row("right", 204, "PATCH", "ten", (*_AT_FIVE, f"Upload-Checksum: {checksum(b'6')}"), b"6"),
    Row("wrong", 460, "PATCH", "ten", (*_AT_FIVE, f"Upload-Checksum: {checksum(b'7')}"), b"6"),
    Row("unknown", 400, "PATCH", "ten", (*_AT_FIVE, "Upload-Checksum: crc32 AAAAAA=="), b"6"),
    Row("unreadable", 400, "PATCH", "ten", (*_AT_FIVE, "Upload-Checksum: sha1 AAAA"), b"6"),
    Row(
        "wrong at creation",
        460,
        "POST",
        "/files",
        (_SIZE, PART, f"Upload-Checksum: {checksum(b'7')}"),
        b"6",
        lacks=("location",),
    ),
    # Concatenation
    Row(
        "a final has no length",
        400,
        "POST",
        "/files",
        (_SIZE, "Upload-Concat: final;/files/a"),
        b"",
    ),
    Row("neither", 400, "POST", "/files", (_SIZE, "Upload-Concat: whole"), b""),
    Row(
        "of nothing there is",
        404,
        "POST",
        "/files",
        (f"Upload-Concat: final;/files/{'A' * 43}",),
        b"",
    ),
)


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
                self.assertEqual(response.headers.get(name), value, told)
            for name in row.lacks:
                self.assertNotIn(name, response.headers, told)
            if row.target == "ten" and row.status >= 400:
                self.assertEqual(self.offset(target), 5, told)
        self.assertEqual(self.flushLoggedErrors(), [])


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

    def test_location_behind_a_proxy(self) -> None:
        """URLs are below the public base URL where that is known."""
        self.server = Server(Path(self.mktemp()), base_url="https://cdn.example.org")
        response = self.create(length=0)
        self.assertTrue(response.headers["location"].startswith("https://cdn.example.org/files/"))
        place = response.headers["content-location"]
        self.assertTrue(place.startswith("https://cdn.example.org/upload/"), place)


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


class ExpirationTests(TusCase):
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
        target = self.path(self.final(self.part(b"a")))
        self.assertEqual(self.patch(target, 1, b"b").status, 403)

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

    def test_others(self) -> None:
        """Only one's own parts can be joined, and only parts."""
        whole = self.upload()
        self.assertEqual(self.final(whole).status, 404)
        part = self.part(b"a")
        self.alice = self.token("bob")
        self.assertEqual(self.final(part).status, 404)

    def test_off(self) -> None:
        """Where a file may not come in several uploads this is not offered, and refused."""
        self.server = Server(Path(self.mktemp()), tus=TusOffer(MAX_UPLOAD_SIZE, joins=False))
        told = self.server.ask("OPTIONS", "/files").headers
        self.assertNotIn("concatenation", told["tus-extension"])
        self.assertEqual(self.create("Upload-Concat: partial").status, 501)


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
        signed = credential("query", "photo.jpg", 10).target.partition("?")[2]
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

    def test_expired_credential(self) -> None:
        """That a token has expired since the creation is no fault."""
        target = self.upload()
        self.server.clock.advance(1000)
        self.assertEqual(self.ask("HEAD", target, self.alice).status, 200)
        self.assertEqual(self.create().status, 401)

    def test_types_of_a_token(self) -> None:
        """A token may bound the types."""
        self.alice = credential("jwt", "x", owner="alice", allowed_types=("image/*",)).headers[0]
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

    def test_off(self) -> None:
        """Where uploads cannot be taken up again there is no tus."""
        self.server = Server(Path(self.mktemp()), tus=TusOffer(MAX_UPLOAD_SIZE, on=False))
        told = self.server.ask("OPTIONS", "/files")
        self.assertEqual(told.status, 200)
        self.assertNotIn("tus-version", told.headers)
        self.assertEqual(self.create().status, 501)

    def test_nothing_to_create_with(self) -> None:
        """Without a scheme that could sign a creation there is none."""
        offer = TusOffer(MAX_UPLOAD_SIZE, creates=False)
        extensions = set(offer.extensions())
        self.assertEqual(extensions, {"expiration", "termination", "checksum", "checksum-trailer"})

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


class LimitTests(TusCase):
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
