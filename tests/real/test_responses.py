"""The server's answers, read by a program that knows the rules of HTTP."""

from __future__ import annotations

import time
from typing import Final

from httplint import HttpRequestLinter, HttpResponseLinter
from httplint.note import levels

from tests.real.case import KILOBYTE, ServerCase
from tests.real.client import Connection, Headers, put

TEXT: Final = b"All that is said of a text is true of it.\n" * 200
# "public" is said on purpose: caches may keep what was asked for with a credential. And that a
# request is bad is its own fault.
MEANT: Final = frozenset({"STORE_PUBLIC_UNNECESSARY", "STATUS_BAD_REQUEST"})


def faults(method: str, target: str, headers: Headers, raw: bytes) -> list[str]:
    """Return what is wrong, or may be, with an answer, head and body."""
    request = HttpRequestLinter()
    request.process_request_topline(method.encode(), f"http://test{target}".encode(), b"1.1")
    sent = {"Host": "test", **headers}
    request.process_headers([(name.encode(), str(sent[name]).encode()) for name in sent])
    request.finish_content(True)
    response = HttpResponseLinter(start_time=time.time())
    response.request = request
    response.is_head_response = method == "HEAD"
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    version, code, phrase = status.split(b" ", 2)
    response.process_response_topline(version.removeprefix(b"HTTP/"), code, phrase)
    fields = [line.partition(b": ") for line in lines]
    response.process_headers([(name, value) for name, _, value in fields])
    response.feed_content(body)
    response.finish_content(True)
    names = [
        f"{type(note).__name__}: {note.summary}"
        for note in response.notes
        if note.level in (levels.WARN, levels.BAD)
    ]
    return [name for name in names if name.partition(":")[0] not in MEANT]


class AnswerTests(ServerCase):
    """Answers about a text that is stored."""

    def setUp(self) -> None:
        self.daemon = self.start()
        target = self.daemon.target("a.txt", len(TEXT), "text/plain; charset=utf-8")
        answer = put(self.daemon.port, target, TEXT, "text/plain; charset=utf-8")
        self.assert_status(201, answer)
        self.etag = answer.headers["etag"]
        self.place = self.daemon.place("a.txt")

    def assert_faultless(
        self, status: int, method: str, target: str, headers: Headers | None = None
    ) -> None:
        """Fail unless the answer has this status and nothing is wrong with it."""
        asked: Headers = {"Connection": "close", **(headers or {})}
        with Connection(self.daemon.port) as connection:
            connection.begin(method, target, asked)
            raw = connection.everything()
        self.assertTrue(raw.startswith(b"HTTP/1.1 %d " % status), raw[:200])
        self.assertEqual([], faults(method, target, asked, raw), raw[: 2 * KILOBYTE])

    def test_file(self) -> None:
        """Nothing is wrong with the whole file, nor with its head."""
        for method in ("GET", "HEAD"):
            self.assert_faultless(200, method, self.place)
            self.assert_faultless(200, method, self.place, {"Want-Repr-Digest": "sha-256=1"})

    def test_part(self) -> None:
        """Nothing is wrong with a part of it, nor with the news that there is no such part."""
        self.assert_faultless(206, "GET", self.place, {"Range": "bytes=10-99"})
        self.assert_faultless(206, "GET", self.place, {"Range": "bytes=-1", "If-Range": self.etag})
        self.assert_faultless(416, "GET", self.place, {"Range": "bytes=999999-"})

    def test_conditional(self) -> None:
        """Nothing is wrong with the news that a client has the file, or wants another."""
        for method in ("GET", "HEAD"):
            self.assert_faultless(304, method, self.place, {"If-None-Match": self.etag})
            self.assert_faultless(412, method, self.place, {"If-Match": '"other"'})

    def test_refused(self) -> None:
        """Nothing is wrong with refusals, for people and for programs."""
        for headers in ({}, {"Accept": "application/json"}):
            self.assert_faultless(404, "GET", self.place + "x", headers)
            self.assert_faultless(404, "HEAD", self.place + "x", headers)
            self.assert_faultless(403, "PUT", f"{self.place}?v2={64 * '0'}", headers)
            self.assert_faultless(405, "FOO", self.place, headers)
            self.assert_faultless(400, "GET", "/%zz", headers)

    def test_malformed(self) -> None:
        """Nothing is wrong with the answer to what cannot even be routed."""
        self.assert_faultless(400, "PUT", self.place, {"Content-Length": "five"})

    def test_preflight(self) -> None:
        """Nothing is wrong with what browsers ask first."""
        headers: Headers = {
            "Origin": "https://chat.example.org",
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "content-type",
        }
        self.assert_faultless(200, "OPTIONS", self.place, headers)
