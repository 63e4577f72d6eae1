"""Uploads that break behind nginx or Apache, and go on there."""

from __future__ import annotations

from typing import Final

import jwt

from tests.real import certificates, proxies
from tests.real.case import MEGABYTE, ServerCase, noise
from tests.real.client import Answer, Connection, Headers
from tests.real.daemon import Daemon, eventually
from tests.real.proxies import Proxy

SIZE: Final = 3 * MEGABYTE
ENOUGH: Final = MEGABYTE // 2
TOKEN_SECRET: Final = "a secret for the tokens of these tests only"
FAR_AWAY: Final = 4_000_000_000

VERSION: Final = "upload-draft-interop-version"
DRAFT: Final = {"Upload-Draft-Interop-Version": "6"}
PART: Final = {**DRAFT, "Content-Type": "application/partial-upload", "Upload-Complete": "?1"}
TUS: Final = {"Tus-Resumable": "1.0.0"}
TUS_PART: Final = {**TUS, "Content-Type": "application/offset+octet-stream"}


class Cases:
    """What is true of every proxy; :meth:`before` says which one it is."""

    class ProxyCase(ServerCase):
        """A server behind a proxy."""

        def before(self, port: int) -> Proxy:
            """Return the proxy for a server on this port."""
            raise NotImplementedError

        def serve(self, **uploads: object) -> Daemon:
            """Start a server and the proxy before it."""
            self.certificate = certificates.make(self.directory())
            daemon = self.start(
                {
                    "server": {"trusted_proxies": ["127.0.0.1/32"]},
                    "security": {
                        "enablejwt": True,
                        "jwtsecret": TOKEN_SECRET,
                        "jwtexpiration": "100y",
                    },
                    "uploads": uploads,
                }
            )
            self.proxy = self.before(daemon.port)
            self.addCleanup(self.proxy.stop)
            self.proxy.start()
            self.data = noise(SIZE)
            return daemon

        def through(self) -> Connection:
            """Return a connection to the proxy, which is closed after the test."""
            connection = Connection(self.proxy.port, "", self.certificate.trusting())
            self.addCleanup(connection.close)
            return connection

        def ask(self, method: str, target: str, headers: Headers) -> Answer:
            """Return the answer to a request without a body, through the proxy."""
            return self.through().request(method, target, headers)

        def upload_of(self, answer: Answer) -> str:
            """Return the target of the upload that an answer tells of, as its client reaches it."""
            location = answer.headers["location"]
            self.assertTrue(location.startswith("https://test/files/"), location)
            return location.removeprefix("https://test")

        def break_off(self, daemon: Daemon, connection: Connection, sent: int) -> None:
            """Send that much of the file, wait until some of it is there, and go away."""
            connection.send(self.data[:sent])
            eventually("bytes behind the proxy", lambda: written(daemon) >= ENOUGH)
            connection.close()

        def go_on(self, upload: str, headers: Headers, asking: Headers) -> Answer:
            """Ask for the offset, send the rest; return the last answer."""
            head = self.ask("HEAD", upload, asking)
            offset = int(head.headers["upload-offset"])
            self.assertGreaterEqual(offset, ENOUGH)
            self.assertLess(offset, SIZE)
            rest = self.data[offset:]
            connection = self.through()
            lengths = {"Upload-Offset": offset, "Content-Length": len(rest)}
            connection.begin("PATCH", upload, {**headers, **lengths})
            connection.send(rest)
            return connection.answer("PATCH")

        def test_slot(self) -> None:
            """A signed upload URL of XMPP, whose client begins without bytes to learn the URL."""
            daemon = self.serve()
            target = daemon.target("slot/photo.jpg", SIZE)
            begin: Headers = {**DRAFT, "Upload-Complete": "?0", "Upload-Length": SIZE}
            created = self.ask("PUT", target, {**begin, "Content-Length": 0})
            self.assert_status(201, created)
            upload = self.upload_of(created)
            connection = self.through()
            lengths = {"Upload-Offset": 0, "Content-Length": SIZE}
            connection.begin("PATCH", upload, {**PART, **lengths})
            self.break_off(daemon, connection, 2 * MEGABYTE)
            answer = self.go_on(upload, PART, DRAFT)
            self.assert_status(201, answer)
            self.assertEqual("?1", answer.headers["upload-complete"])
            place = daemon.place("slot/photo.jpg")
            self.assertEqual(f"https://test{place}", answer.headers["location"])
            self.assert_comes_back(daemon, place, self.data)

        def test_tus(self) -> None:
            """tus, with the methods that it has and by POST."""
            daemon = self.serve()
            claims = {"sub": "alice", "exp": FAR_AWAY, "scope": "upload"}
            token = jwt.encode(claims, TOKEN_SECRET, "HS256")
            authorized: Headers = {**TUS, "Authorization": f"Bearer {token}"}
            lengths: Headers = {"Upload-Length": SIZE, "Content-Length": 0}
            created = self.ask("POST", "/files", {**authorized, **lengths})
            self.assert_status(201, created)
            upload = self.upload_of(created)
            connection = self.through()
            override: Headers = {"X-HTTP-Method-Override": "PATCH"}
            lengths = {"Upload-Offset": 0, "Content-Length": SIZE}
            connection.begin("POST", upload, {**TUS_PART, **override, **lengths})
            self.break_off(daemon, connection, 2 * MEGABYTE)
            answer = self.go_on(upload, TUS_PART, TUS)
            self.assert_status(204, answer)
            place = answer.headers["content-location"].removeprefix("https://test")
            self.assert_comes_back(daemon, place, self.data)


def written(daemon: Daemon) -> int:
    """Tell where the bytes end that were written of the one session."""
    journals = list((daemon.storage / ".hmacfs" / "sessions").glob("*.journal"))
    return sum(journal.with_suffix("").stat().st_size for journal in journals)


class NginxTests(Cases.ProxyCase):
    """nginx."""

    def before(self, port: int) -> Proxy:
        """Return nginx with the example."""
        return proxies.nginx(self.directory(), port, self.certificate)


class ApacheTests(Cases.ProxyCase):
    """Apache."""

    def before(self, port: int) -> Proxy:
        """Return Apache with the example."""
        return proxies.apache(self.directory(), port, self.certificate)

    def test_interim_responses(self) -> None:
        """Where 104 may be sent to proxies it comes through, though not before the whole body."""
        daemon = self.serve(interim_responses="always")
        target = daemon.target("slot/photo.jpg", SIZE)
        connection = self.through()
        whole: Headers = {**DRAFT, "Upload-Complete": "?1", "Content-Length": SIZE}
        connection.begin("PUT", target, whole)
        connection.send(self.data)
        interim = connection.answer("PUT")
        self.assertEqual((104, "6"), (interim.status, interim.headers[VERSION]))
        self.upload_of(interim)
        while (answer := connection.answer("PUT")).status == 104:
            self.assertIn("upload-offset", answer.headers)
        self.assert_status(201, answer)
        self.assert_comes_back(daemon, daemon.place("slot/photo.jpg"), self.data)
