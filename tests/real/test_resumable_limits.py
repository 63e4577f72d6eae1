"""What the daemon does with uploads that are too many, too old, or not wanted any more."""

from __future__ import annotations

import time
from typing import Final

from tests.real.case import MEGABYTE, ServerCase, noise
from tests.real.client import NoAnswer
from tests.real.daemon import eventually
from tests.real.wire import SECTIONS, RealServer, RealTalk
from tests.web.rufh_suite import ORIGIN, Client
from tests.web.signing import credential
from tests.web.tus_rows import PART, V
from tests.web.wire import Response, request

MANY: Final = 1000
SIZE: Final = MEGABYTE


def token(owner: str) -> str:
    """Write the header line of a token that may upload."""
    return credential("jwt", "x", owner=owner, lifetime=3600, now=time.time()).headers[0]


class LimitTests(ServerCase):
    """tus and the IETF's drafts, side by side."""

    def serve(self, **uploads: object) -> RealServer:
        """Start a server."""
        sections = {**SECTIONS, "uploads": uploads}
        return RealServer(self.start(sections))

    def create(self, talk: RealTalk, owner: str) -> tuple[Response, Response]:
        """Ask for an upload in both dialects; return the answers."""
        answers = []
        for lines in (
            [V, f"Upload-Length: {SIZE}"],
            ["Upload-Draft-Interop-Version: 9", "Upload-Complete: ?0", f"Upload-Length: {SIZE}"],
        ):
            talk.send(request("POST", "/files", [token(owner), *lines], b""))
            answer = talk.response()
            while answer.status == 104:
                answer = talk.response()
            answers.append(answer)
        return answers[0], answers[1]

    def test_many(self) -> None:
        """A thousand unfinished uploads of one owner are the most; others go on."""
        server = self.serve()
        talk = server.connect()
        for _ in range(MANY // 2):
            for answer in self.create(talk, "alice"):
                self.assertEqual(201, answer.status)
        for answer in self.create(talk, "alice"):
            self.assertEqual(429, answer.status)
            self.assertIn("retry-after", answer.headers)
        for answer in self.create(talk, "bob"):
            self.assertEqual(201, answer.status)
        talk.close()
        self.assertEqual(MANY + 2, server.uploads())

    def test_expired(self) -> None:
        """An upload that nobody goes on with is gone, also for a server that was restarted."""
        server = self.serve(sessiontimeout="1s")
        talk = server.connect()
        created = self.create(talk, "alice")
        talk.close()
        targets = [answer.headers["location"].removeprefix(ORIGIN) for answer in created]
        spoken = ([V], ["Upload-Draft-Interop-Version: 9"])
        self.assertIn("upload-expires", created[0].headers)
        self.assertRegex(created[1].headers["upload-limit"], r"max-age=[01]$")
        for _ in range(2):
            for target, lines in zip(targets, spoken, strict=True):
                eventually(
                    "the end of an upload",
                    lambda: server.ask("HEAD", target, lines).status == 410,  # noqa: B023
                )
                self.assertEqual(410, server.ask("PATCH", target, lines, b"x").status)
                self.assertEqual(410, server.ask("DELETE", target, lines).status)
            server.daemon.restart()

    def test_deleted(self) -> None:
        """DELETE ends a request that still sends; what it has sent is gone."""
        server = self.serve()
        talk = server.connect()
        created = self.create(talk, "alice")
        talk.close()
        data = noise(SIZE // 2)
        appends = (
            [V, PART],
            [
                "Upload-Draft-Interop-Version: 9",
                "Upload-Complete: ?1",
                "Content-Type: application/partial-upload",
            ],
        )
        for answer, lines in zip(created, appends, strict=True):
            target = answer.headers["location"].removeprefix(ORIGIN)
            talk = server.connect()
            head = [*lines, "Upload-Offset: 0", f"Content-Length: {SIZE}"]
            talk.send(request("PATCH", target, head) + data)
            eventually("some bytes", lambda: self.written(server) > 0)
            self.assertEqual(204, server.ask("DELETE", target, lines).status)
            with self.assertRaises((NoAnswer, ConnectionError)):
                talk.response()
            talk.close()
            self.assertIn(server.ask("HEAD", target, lines).status, (404, 410))
        self.assert_nothing_stored(server.daemon)

    def written(self, server: RealServer) -> int:
        """Return how many bytes of unfinished uploads there are."""
        journals = (server.daemon.storage / ".hmacfs" / "sessions").glob("*.journal")
        stages = [journal.with_suffix("") for journal in journals]
        return sum(stage.stat().st_size for stage in stages if stage.exists())


class OfferTests(ServerCase):
    """What is told is what is on."""

    def told(self, **uploads: object) -> tuple[RealServer, dict[str, str]]:
        """Start a server; return it, and what OPTIONS tells of it."""
        server = RealServer(self.start({**SECTIONS, "uploads": uploads}))
        return server, server.ask("OPTIONS", "/files").headers

    def test_nothing(self) -> None:
        """Where no upload can be taken up again none is offered, and a PUT is a plain one."""
        server, told = self.told(resumable_uploads_enabled=False)
        for name in told:
            self.assertFalse(name.startswith(("tus-", "upload-", "accept-patch")), name)
        lines = [V, token("alice"), "Upload-Length: 1"]
        self.assertEqual(501, server.ask("POST", "/files", lines, b"").status)
        client = Client(server, "slot/photo.jpg")
        answer = client.ask("PUT", client.target(), body=b"1234567890", last=True)
        self.assertEqual(201, answer.status)
        self.assertNotIn("upload-complete", answer.headers)

    def test_some(self) -> None:
        """Neither parts nor checksums."""
        server, told = self.told(chunked_uploads_enabled=False, checksum_verification=False)
        on = "creation,creation-defer-length,creation-with-upload,expiration,termination"
        self.assertEqual(on, told["tus-extension"])
        self.assertNotIn("tus-checksum-algorithm", told)
        lines = [V, token("alice"), "Upload-Length: 1", "Upload-Concat: partial"]
        self.assertEqual(501, server.ask("POST", "/files", lines, b"").status)
