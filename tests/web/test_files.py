"""Downloads."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile
from hmacfs.flow.source import READ_SIZE, Truncated
from hmacfs.rules.kinds import Extensions
from tests.flow.held_pool import HeldPool
from tests.web.wire import NOW, Conversation, Server, mac_v, request

SAFETY = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}


class FilesTests(SynchronousTestCase):
    """``GET`` and ``HEAD``."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp())
        self.server = Server(self.root)

    def store(self, name: str, body: bytes, content_type: str = "text/plain") -> None:
        """Upload a file."""
        response = self.server.ask(
            "PUT",
            f"/upload/{name}?v={mac_v(name, len(body))}",
            [f"Content-Type: {content_type}"],
            body,
        )
        self.assertEqual(response.status, 201)

    def test_headers(self) -> None:
        """A file comes with its type, its exact length, validators and the safety headers."""
        self.store("a/b.txt", b"hello", "text/plain; charset=utf-8")
        got = self.server.ask("GET", "/upload/a/b.txt")
        self.assertEqual((got.status, got.body), (200, b"hello"))
        expected = {
            **SAFETY,
            "content-type": "text/plain; charset=utf-8",
            "content-length": "5",
            "etag": '"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"',
            "last-modified": "Fri, 15 Jan 2027 08:00:00 GMT",
            "accept-ranges": "bytes",
            "content-disposition": 'inline; filename="b.txt"',
            "access-control-allow-origin": "*",
            "server": "hmac-file-server",
        }
        self.assertEqual({name: got.headers[name] for name in expected}, expected)

    def test_head(self) -> None:
        """HEAD has the header fields of GET and no body."""
        self.store("x", b"hello")
        conversation = self.server.connect()
        conversation.send(request("HEAD", "/x"))
        head = conversation.response("HEAD")
        self.assertEqual(conversation.output(), b"")
        get = self.server.ask("GET", "/x")
        volatile = {"date"}
        self.assertEqual(
            {name: value for name, value in head.headers.items() if name not in volatile},
            {name: value for name, value in get.headers.items() if name not in volatile},
        )

    def test_only_safe_types_are_shown(self) -> None:
        """What could run as a script is never shown inline."""
        shown = ["image/png", "video/mp4", "audio/ogg", "text/plain"]
        saved = ["text/html", "image/svg+xml", "application/xhtml+xml", "nonsense", "text/plain2"]
        for number, kind in enumerate(shown + saved):
            self.store(f"f{number}", b"x", kind)
            got = self.server.ask("GET", f"/f{number}")
            self.assertEqual(
                got.headers["content-disposition"].split(";")[0],
                "inline" if kind in shown else "attachment",
                kind,
            )

    def test_other_paths(self) -> None:
        """Every file is also below /download and /uploads."""
        self.store("a/b", b"x")
        for path in ("/upload/a/b", "/a/b", "/download/a/b", "/uploads/a/b"):
            self.assertEqual(self.server.ask("GET", path).status, 200, path)

    def test_ranges(self) -> None:
        """A range is answered with its bytes, and a range past the end with the length."""
        self.store("x", b"0123456789")
        got = self.server.ask("GET", "/x", ["Range: bytes=2-4"])
        self.assertEqual((got.status, got.body), (206, b"234"))
        self.assertEqual(got.headers["content-range"], "bytes 2-4/10")
        got = self.server.ask("GET", "/x", ["Range: bytes=10-"])
        self.assertEqual((got.status, got.headers["content-range"]), (416, "bytes */10"))

    def test_several_ranges(self) -> None:
        """Ranges that are worth it come as parts, in exactly the length announced."""
        body = bytes(range(256)) * 100
        self.store("x", body)
        conversation = self.server.connect()
        conversation.send(request("GET", "/x", ["Range: bytes=0-9,20000-20009"]))
        got = conversation.response()
        self.assertEqual((got.status, conversation.output()), (206, b""))
        self.assertTrue(got.headers["content-type"].startswith("multipart/byteranges; boundary="))
        self.assertIn(body[:10], got.body)
        self.assertIn(body[20000:20010], got.body)

    def test_conditional(self) -> None:
        """A client that has the file is told so."""
        self.store("x", b"hello")
        etag = self.server.ask("HEAD", "/x").headers["etag"]
        got = self.server.ask("GET", "/x", [f'If-None-Match: "other", {etag}'])
        self.assertEqual((got.status, got.body, got.headers["etag"]), (304, b"", etag))
        self.assertEqual(self.server.ask("GET", "/x", ['If-Match: "other"']).status, 412)

    def test_digest(self) -> None:
        """The digest is told to who wants it (RFC 9530)."""
        self.store("x", b"hello")
        got = self.server.ask("HEAD", "/x", ["Want-Repr-Digest: sha-256=5"])
        self.assertEqual(
            got.headers["repr-digest"],
            "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:",
        )

    def test_what_is_not_there(self) -> None:
        """No file, a folder, the server's own files and paths that are none: all 404."""
        self.store("a/b", b"x")
        for path in (
            "/",
            "/upload/",
            "/a",
            "/a/",
            "/nothing",
            "/upload/.hmacfs/index.sqlite",
            "/.hmacfs/lock",
            "/%2ehmacfs/lock",
            "/upload/../.hmacfs/lock",
            "//a/b",
            "/a//b",
            "/a%00",
        ):
            self.assertEqual(self.server.ask("GET", path).status, 404, path)

    def test_internal_link(self) -> None:
        """A symbolic link planted in the storage is not followed."""
        secret = Path(self.mktemp())
        secret.write_bytes(b"secret")
        (self.root / "link").symlink_to(secret.resolve())
        name = StoredName.parse(b"link")
        self.server.index.add(StoredFile(name, 6, bytes(32), "text/plain", NOW))
        self.assertEqual(self.server.ask("GET", "/link").status, 404)

    def test_expired(self) -> None:
        """An expired file is gone at once, not at the next sweep."""
        name = StoredName.parse(b"x")
        self.server.index.add(StoredFile(name, 1, bytes(32), "a/b", NOW, None, NOW + 10))
        (self.root / "x").write_bytes(b"1")
        self.assertEqual(self.server.ask("GET", "/x").status, 200)
        self.server.clock.advance(10)
        self.assertEqual(self.server.ask("GET", "/x").status, 410)

    def test_kinds(self) -> None:
        """A kind of file that is not given out is 403."""
        server = Server(Path(self.mktemp()), served_kinds=Extensions.of([".txt"]))
        for name, status in (("a.TXT", 200), ("a.exe", 403), ("a", 403)):
            server.ask("PUT", f"/upload/{name}?v={mac_v(name, 1)}", (), b"1")
            self.assertEqual(server.ask("GET", f"/{name}").status, status, name)

    def test_file_that_was_changed(self) -> None:
        """A file whose bytes are not those that were stored is not served as if they were."""
        self.store("x", b"hello")
        (self.root / "x").write_bytes(b"hell")
        self.assertEqual(self.server.ask("GET", "/x").status, 404)


class PressureTests(SynchronousTestCase):
    """A slow client reaches the disk."""

    def setUp(self) -> None:
        self.pool = HeldPool()
        self.server = Server(Path(self.mktemp()), pool=self.pool)
        self.pool.run_all()
        self.body = bytes(range(256)) * (3 * READ_SIZE // 256)
        conversation = self.server.connect()
        conversation.send(
            request("PUT", f"/upload/x?v={mac_v('x', len(self.body))}", (), self.body)
        )
        self.pool.run_all()
        self.assertEqual(conversation.response().status, 201)
        conversation.close()

    def download(self) -> Conversation:
        """Ask for the file and run until its first bytes are out."""
        conversation = self.server.connect()
        conversation.send(request("GET", "/x"))
        while not conversation.output():
            self.pool.run_next()
        return conversation

    def test_pause(self) -> None:
        """While the client takes nothing, at most one read is made ahead."""
        conversation = self.download()
        conversation.channel.pauseProducing()
        sent = len(conversation.output())
        self.pool.run_all()
        self.assertEqual(len(conversation.output()), sent)
        conversation.channel.resumeProducing()
        self.pool.run_all()
        self.assertEqual(conversation.response().body, self.body)

    def test_lost_client(self) -> None:
        """A client that vanishes stops the reading, and the file is closed once no read runs."""
        conversation = self.download()
        held = len(self.pool.held)
        self.assertEqual(held, 1)
        conversation.lose()
        self.pool.run_all()
        self.assertLess(len(conversation.output()), len(self.body))
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_file_that_shrinks(self) -> None:
        """A file that is cut short while it is served cuts the connection: no false whole."""
        conversation = self.download()
        (self.server.root / "x").write_bytes(b"")
        self.pool.run_all()
        self.assertTrue(conversation.wire.aborted)
        self.assertEqual(len(self.flushLoggedErrors(Truncated)), 1)
