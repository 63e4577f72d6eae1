"""The access log."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from hmacfs.web.access_log import SECRET_PARAMETERS, censored
from tests.web.wire import Server, mac_v, request


class CensoredTests(SynchronousTestCase):
    """``censored``."""

    def test_every_secret(self) -> None:
        """Each parameter that lets a reader repeat the request is blanked, whatever its case."""
        for name in SECRET_PARAMETERS:
            for spelling in (name, name.upper()):
                shown = censored(f"/x?a=1&{spelling}=s3cret&b=2".encode())
                self.assertEqual(shown, f"/x?a=1&{spelling}=***&b=2")

    def test_other_parameters(self) -> None:
        """Parameters that only end like a secret one are shown."""
        self.assertEqual(censored(b"/x?rev=1&thumbnail=true"), "/x?rev=1&thumbnail=true")

    def test_uploads(self) -> None:
        """The URL of an upload is all it takes to use it: only its beginning is shown."""
        upload = "kVPzHn3q_y0-" + "A" * 31
        for target in (f"/files/{upload}", f"/files/kVPzHn3q%5Fy0-{'A' * 31}"):
            self.assertEqual(censored(target.encode()), "/files/kVPzHn***")

    def test_mistyped(self) -> None:
        """The id of a V3 session is shortened in a path that is none of V3's, too."""
        session = "sess_kVPzHn3q_y0-" + "A" * 31
        for target, shown in (
            (f"/API/v3/upload/{session}", "/API/v3/upload/kVPzHn***"),
            (f"/api/v3/upload//{session}", "/api/v3/upload/***/kVPzHn***"),
            (f"/upload/../api/v3/upload/{session}", "/upload/../api/v3/upload/kVPzHn***"),
        ):
            self.assertEqual(censored(target.encode()), shown)

    def test_capabilities(self) -> None:
        """The id of an upload session is blanked wherever it is in a target, however escaped."""
        for target, shown in (
            ("/api/v3/upload/sess_1", "/api/v3/upload/***"),
            ("/api/v3/upload/sess_1/chunks/2", "/api/v3/upload/***/chunks/2"),
            ("/api/v3/upload/sess_1%2Fchunks%2f2", "/api/v3/upload/***/chunks/2"),
            ("/api/v3/upl%6fad/sess_1?x=y", "/api/v3/upload/***?x=y"),
            ("/api/v3/progress/sess_1", "/api/v3/progress/***"),
            ("/api/v3/chunk/1?session=sess_1", "/api/v3/chunk/1?session=***"),
            ("/api/v3/upload", "/api/v3/upload"),
        ):
            self.assertEqual(censored(target.encode()), shown)

    @given(st.binary())
    def test_one_line(self, uri: bytes) -> None:
        """Nothing in a target breaks the line."""
        shown = censored(uri.replace(b"\n", b"").replace(b"\r", b""))
        self.assertTrue(shown.isascii())


class LineTests(SynchronousTestCase):
    """What is logged of a request."""

    def observed(self) -> list[str]:
        """Tell what is logged from now on, as it comes."""
        lines: list[str] = []

        @implementer(ILogObserver)
        def observe(event: LogEvent) -> None:
            lines.append(formatEvent(event))

        observer = cast(ILogObserver, observe)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        return lines

    def test_lost_client(self) -> None:
        """A client that vanishes is in the log, with what it had sent."""
        lines = self.observed()
        server = Server(Path(self.mktemp()))
        conversation = server.connect()
        target = f"/upload/x?v={mac_v('x', 9)}"
        conversation.send(request("PUT", target, ["Content-Length: 9"]) + b"123")
        conversation.lose()
        self.assertIn("192.0.2.1 PUT /upload/x?v=*** 499 in=3 out=0", lines)

    def test_refused_once(self) -> None:
        """A refusal before the end of the body is one line, whenever the connection goes."""
        lines = self.observed()
        conversation = Server(Path(self.mktemp())).connect()
        conversation.send(request("PUT", "/upload/x?v=bad", ["Content-Length: 9"]) + b"123")
        conversation.lose()
        told = [line for line in lines if line.startswith("192.0.2.1 PUT ")]
        self.assertEqual(len(told), 1, told)

    def test_unreadable(self) -> None:
        """What cannot be read as a request is told with its client, too."""
        lines = self.observed()
        Server(Path(self.mktemp())).connect().send(b"no request at all\r\n\r\n")
        told = "192.0.2.1 sent what is no request: 400 the request cannot be read"
        self.assertEqual([line for line in lines if line.startswith("192.0.2.1")], [told])

    def test_tried(self) -> None:
        """Over what a signature was tried is told, so that who differs from the signer is seen."""
        lines = self.observed()
        server = Server(Path(self.mktemp()))
        kind = f"text/{220 * 'x'}"
        server.ask("PUT", f"/upload/d/%C3%A9?v2={'0' * 64}", [f"Content-Type: {kind}"], b"1")
        told = "; ".join(("", r"path 'd/\xe9'", "size 1", f"content_type {kind[:200]!a}"))
        (line,) = [each for each in lines if "signature-wrong" in each]
        self.assertTrue(line.endswith(f"v2 does not fit this path, size and type{told}"), line)

    def test_no_signature_in_the_log(self) -> None:
        """Neither a good nor a bad MAC, nor the secret, is in anything that is logged."""
        lines = self.observed()
        server = Server(Path(self.mktemp()))
        good, bad = mac_v("x", 1), "0123456789abcdef" * 4
        server.ask("PUT", f"/upload/x?v={good}", (), b"1")
        server.ask("PUT", f"/upload/x?v2={bad}", (), b"1")
        server.ask("PUT", f"/upload/y?V2={bad}", (), b"1")
        text = "\n".join(lines)
        self.assertIn("192.0.2.1 PUT /upload/x?v=*** 201 in=1 out=0", text)
        self.assertIn("v2 does not fit this path, size and type; path 'x'; size 1;", text)
        for secret in (good, bad, "correct horse"):
            self.assertNotIn(secret, text)
