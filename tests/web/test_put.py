"""Uploads by signed URL."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.names import StoredName
from hmacfs.base.values import Tombstone
from hmacfs.rules.kinds import Extensions
from tests.web.wire import (
    MAX_UPLOAD_SIZE,
    NOW,
    Response,
    Server,
    mac_v,
    mac_v2,
    request,
)

NAMES = [
    "a/b.txt",
    "d1e2/name with spaces.txt",
    "d1e2/a+b (1) 100%.txt",
    "d1e2/фото на пляже.jpg",
    "d1e2/🦜🏝️.png",
    "d1e2/" + "x" * 251 + ".txt",
    "a&b=c;d/e,f@g.txt",
]


class PutTests(SynchronousTestCase):
    """``PUT`` with ``v``, ``v2`` and ``token``."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp())
        self.server = Server(self.root)

    def put(self, name: str, body: bytes, *headers: str, prefix: str = "/upload/") -> Response:
        """Upload with a good ``v``."""
        target = f"{prefix}{quote(name)}?v={mac_v(name, len(body))}"
        return self.server.ask("PUT", target, headers, body)

    def files(self) -> set[str]:
        """Tell the stored files, the server's own left out."""
        return {
            str(path.relative_to(self.root))
            for path in self.root.rglob("*")
            if path.is_file() and ".hmacfs" not in path.parts
        }

    def stages(self) -> list[Path]:
        """Tell the staged files."""
        return list((self.root / ".hmacfs" / "stage").iterdir())

    def test_names(self) -> None:
        """A file is stored under its decoded name and comes back, with and without prefix."""
        for name in NAMES:
            for prefix in ("/upload/", "/"):
                response = self.put(name, name.encode(), prefix=prefix)
                self.assertEqual(response.status, 201, response.body)
                got = self.server.ask("GET", prefix + quote(name))
                self.assertEqual((got.status, got.body), (200, name.encode()))
        self.assertEqual(self.files(), set(NAMES))
        self.assertEqual(self.stages(), [])

    def test_v2_and_token_bind_the_type(self) -> None:
        """``v2`` and ``token`` sign the Content-Type header verbatim; it is served again."""
        kind = "text/plain; charset=utf-8"
        mac = mac_v2("a/b.txt", 2, kind)
        for parameter in ("v2", "token"):
            target = f"/upload/a/b.txt?{parameter}={mac}"
            good = self.server.ask("PUT", target, [f"Content-Type: {kind}"], b"hi")
            self.assertEqual(good.status, 201)
            wrong = self.server.ask("PUT", target, ["Content-Type: text/plain"], b"hi")
            self.assertEqual(wrong.status, 403)
            self.assertEqual(
                wrong.body, f"{parameter} does not fit this path, size and type\n".encode()
            )
        self.assertEqual(self.server.ask("GET", "/upload/a/b.txt").headers["content-type"], kind)

    def test_v2_without_a_type(self) -> None:
        """Without a Content-Type header, ``v2`` is over application/octet-stream."""
        target = f"/upload/x?v2={mac_v2('x', 1, 'application/octet-stream')}"
        self.assertEqual(self.server.ask("PUT", target, (), b"1").status, 201)

    def test_highest_version_rules(self) -> None:
        """A wrong ``v2`` is not mended by a right ``v``."""
        target = f"/upload/x?v={mac_v('x', 1)}&v2={'0' * 64}"
        self.assertEqual(self.server.ask("PUT", target, (), b"1").status, 403)

    def test_answer(self) -> None:
        """201 tells where the file is and its strong validator, and browsers may see both."""
        response = self.put("a/ö.txt", b"hi")
        self.assertEqual(response.headers["location"], "/upload/a/%C3%B6.txt")
        self.assertEqual(
            response.headers["etag"], self.server.ask("HEAD", "/a/%C3%B6.txt").headers["etag"]
        )
        self.assertEqual(response.headers["access-control-allow-origin"], "*")
        self.assertEqual(response.body, b"")

    def test_raw_utf8(self) -> None:
        """A target with raw UTF-8, as ejabberd sends it, is the same as one that is escaped."""
        raw = request("PUT", f"/upload/a/ü.txt?v={mac_v('a/ü.txt', 1)}", (), b"1")
        self.assertIn("ü".encode(), raw)
        conversation = self.server.connect()
        conversation.send(raw)
        self.assertEqual(conversation.response().status, 201)
        self.assertEqual(self.files(), {"a/ü.txt"})

    def test_empty_file(self) -> None:
        """A file of no bytes is a file."""
        self.assertEqual(self.put("a/empty", b"").status, 201)
        got = self.server.ask("GET", "/upload/a/empty")
        self.assertEqual((got.status, got.body, got.headers["content-length"]), (200, b"", "0"))

    def test_replay_and_conflict(self) -> None:
        """The same bytes again are a success; others are a conflict and change nothing."""
        first = self.put("a/b", b"one")
        again = self.put("a/b", b"one")
        self.assertEqual((again.status, again.headers["etag"]), (201, first.headers["etag"]))
        self.assertEqual(self.put("a/b", b"two").status, 409)
        self.assertEqual(self.put("a/b", b"longer").status, 409)
        self.assertEqual(self.server.ask("GET", "/a/b").body, b"one")
        self.assertEqual(self.stages(), [])

    def test_conflict_before_the_body(self) -> None:
        """A conflict that the length alone shows asks for no byte of the body."""
        self.put("a/b", b"one")
        conversation = self.server.connect()
        target = f"/upload/a/b?v={mac_v('a/b', 5)}"
        conversation.send(request("PUT", target, ["Expect: 100-continue", "Content-Length: 5"]))
        self.assertEqual(conversation.response().status, 409)

    def test_folder_in_the_way(self) -> None:
        """A name below a file, or that of a folder, is taken."""
        self.put("a/b", b"one")
        self.assertEqual(self.put("a/b/c", b"x").status, 409)
        self.assertEqual(self.put("a", b"x").status, 409)
        self.assertEqual(self.files(), {"a/b"})

    def test_tombstone(self) -> None:
        """A deleted name cannot be uploaded again, and its reader is told that it is gone."""
        self.put("a/b", b"one")
        name = StoredName.parse(b"a/b")
        self.successResultOf(self.server.blobs.remove(name))
        self.successResultOf(self.server.index.bury(Tombstone(name, NOW, "deleted")))
        self.assertEqual(self.put("a/b", b"one").status, 409)
        self.assertEqual(self.server.ask("GET", "/a/b").status, 410)
        self.server.clock.advance(1001)
        self.assertEqual(self.server.ask("GET", "/a/b").status, 404)
        self.assertEqual(self.put("a/b", b"one").status, 201)

    def test_reserved_names(self) -> None:
        """Names that route elsewhere are refused where there is no prefix, and fine behind one."""
        self.assertEqual(self.put("api/b", b"1").status, 201)
        bare = Server(Path(self.mktemp()), prefix="")
        for segment in ("files", "health", "download", "thumbnail"):
            path = f"{segment}/x"
            self.assertEqual(bare.ask("PUT", f"/{path}?v={mac_v(path, 1)}", (), b"1").status, 405)
        mac = mac_v("api/x", 1)
        self.assertEqual(bare.ask("PUT", f"/api/x?v={mac}", (), b"1").status, 404)

    def test_limits(self) -> None:
        """A file over the limit is refused before its body, with the limit."""
        size = MAX_UPLOAD_SIZE + 1
        conversation = self.server.connect()
        target = f"/upload/big?v={mac_v('big', size)}"
        conversation.send(
            request(
                "PUT",
                target,
                ["Expect: 100-continue", f"Content-Length: {size}", "Accept: application/json"],
            )
        )
        response = conversation.response()
        self.assertEqual(response.status, 413)
        self.assertIn(f'"limit": {MAX_UPLOAD_SIZE}'.encode(), response.body)

    def test_kinds(self) -> None:
        """A kind of file that is not taken is refused before its body, and says which."""
        server = Server(Path(self.mktemp()), taken_kinds=Extensions.of([".txt", ".jpg"], [".exe"]))
        for name, status in (("a.TXT", 201), ("a.exe.txt", 415), ("a.gif", 415), ("a", 415)):
            target = f"/upload/{name}?v={mac_v(name, 1)}"
            response = server.ask("PUT", target, (), b"1")
            self.assertEqual(response.status, status, name)
        conversation = server.connect()
        target = f"/upload/a.gif?v={mac_v('a.gif', 9)}"
        headers = ["Expect: 100-continue", "Content-Length: 9"]
        conversation.send(request("PUT", target, headers))
        response = conversation.response()
        self.assertEqual(response.status, 415)
        self.assertIn(b".gif", response.body)

    def test_no_space(self) -> None:
        """507 comes before the body where it would leave too little free."""
        server = Server(Path(self.mktemp()), min_free_bytes=1 << 62)
        conversation = server.connect()
        conversation.send(
            request(
                "PUT",
                f"/upload/x?v={mac_v('x', 1)}",
                ["Expect: 100-continue", "Content-Length: 1"],
            )
        )
        self.assertEqual(conversation.response().status, 507)

    def test_refusals(self) -> None:
        """Each bad signature or name gets its status and leaves nothing behind."""
        good = mac_v("x", 1)
        cases = [
            ("/upload/x", 403),
            (f"/upload/x?v={good[:-1]}", 403),
            ("/upload/x?v=" + "g" * 64, 403),
            (f"/upload/y?v={good}", 403),
            (f"/upload/x?v={good}&v={good}", 400),
            (f"/upload/%zz?v={good}", 400),
            (f"/upload/../x?v={mac_v('../x', 1)}", 400),
            (f"/upload/%2e%2e%2fx?v={mac_v('../x', 1)}", 400),
            (f"/upload/a//x?v={mac_v('a//x', 1)}", 400),
            (f"//etc/passwd?v={mac_v('/etc/passwd', 1)}", 400),
            (f"/upload/a%00b?v={mac_v(chr(0).join('ab'), 1)}", 400),
            (f"/upload/.hmacfs/x?v={mac_v('.hmacfs/x', 1)}", 400),
            (f"/upload/{'x' * 256}?v={mac_v('x' * 256, 1)}", 400),
            (f"/upload/?v={mac_v('', 1)}", 400),
        ]
        for target, status in cases:
            response = self.server.ask("PUT", target, (), b"1")
            self.assertEqual(response.status, status, (target, response.body))
            self.assertNotIn(good.encode(), response.body)
        self.assertEqual((self.files(), self.stages()), (set(), []))

    def test_type_is_checked(self) -> None:
        """A type that is too long to keep is refused."""
        response = self.server.ask(
            "PUT", f"/upload/x?v={mac_v('x', 1)}", ["Content-Type: text/" + "x" * 300], b"1"
        )
        self.assertEqual(response.status, 400)

    def test_content_range(self) -> None:
        """Content-Range on a PUT is refused, never ignored (RFC 9110, 14.4)."""
        response = self.server.ask(
            "PUT", f"/upload/x?v={mac_v('x', 1)}", ["Content-Range: bytes 0-0/1"], b"1"
        )
        self.assertEqual(response.status, 400)

    def chunked(self, declared: int, body: bytes) -> Response:
        """Upload a chunked body, its size signed and declared in X-File-Size."""
        conversation = self.server.connect()
        conversation.send(
            request(
                "PUT",
                f"/upload/x?v={mac_v('x', declared)}",
                ["Transfer-Encoding: chunked", f"X-File-Size: {declared}"],
            )
        )
        for start in range(0, len(body), 3):
            part = body[start : start + 3]
            conversation.send(b"%x\r\n%s\r\n" % (len(part), part))
        conversation.send(b"0\r\n\r\n")
        return conversation.response()

    def test_chunked(self) -> None:
        """A chunked body must have the length that X-File-Size says and the signature covers."""
        self.assertEqual(self.chunked(10, b"0123456789").status, 201)
        self.assertEqual(self.server.ask("GET", "/x").body, b"0123456789")

    def test_chunked_of_another_length(self) -> None:
        """Fewer or more bytes than signed are refused and leave nothing."""
        self.assertEqual(self.chunked(10, b"012345678").status, 413)
        self.assertEqual(self.chunked(10, b"0123456789a" * 5).status, 413)
        self.assertEqual((self.files(), self.stages()), (set(), []))

    def test_chunked_without_size(self) -> None:
        """A chunked body of which nobody says the length cannot be verified."""
        target = f"/upload/x?v={mac_v('x', 1)}"
        for headers, status in (
            (["Transfer-Encoding: chunked"], 411),
            (["Transfer-Encoding: chunked", "X-File-Size: -1"], 400),
            (["Transfer-Encoding: chunked", "X-File-Size: 1e3"], 400),
        ):
            conversation = self.server.connect()
            conversation.send(request("PUT", target, headers))
            self.assertEqual(conversation.response().status, status)

    def test_lost_client(self) -> None:
        """A client that vanishes in mid-body leaves no file and no stage."""
        conversation = self.server.connect()
        conversation.send(
            request("PUT", f"/upload/x?v={mac_v('x', 9)}", ["Content-Length: 9"]) + b"123"
        )
        self.assertEqual(len(self.stages()), 1)
        conversation.lose()
        self.assertEqual((self.files(), self.stages()), (set(), []))
        self.assertEqual(self.server.intake.pending.count, 0)

    def test_stalled_client(self) -> None:
        """A client that stops sending is told 408 and leaves nothing."""
        conversation = self.server.connect()
        conversation.send(
            request("PUT", f"/upload/x?v={mac_v('x', 9)}", ["Content-Length: 9"]) + b"123"
        )
        self.server.clock.advance(119)
        self.assertEqual(conversation.output(), b"")
        self.server.clock.advance(1)
        self.assertEqual(conversation.response().status, 408)
        self.assertEqual((self.files(), self.stages()), (set(), []))

    @settings(max_examples=30, deadline=None)
    @given(body=st.binary(max_size=3000), cuts=st.lists(st.integers(0, 3000), max_size=8))
    def test_any_chopping(self, body: bytes, cuts: list[int]) -> None:
        """However the network chops a request up, the file has its bytes."""
        server = Server(Path(self.mktemp()))
        conversation = server.connect()
        whole = request("PUT", f"/upload/x?v={mac_v('x', len(body))}", (), body)
        edges = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
        for start, stop in pairwise(edges):
            conversation.send(whole[start:stop])
        self.assertEqual(conversation.response().status, 201)
        self.assertEqual(server.ask("GET", "/x").body, body)
