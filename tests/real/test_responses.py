"""The server's answers, held against the rules of HTTP that are true of every answer."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import Final

from tests.real.case import ServerCase
from tests.real.client import Answer, Connection, Headers, put

KIND: Final = "text/plain; charset=utf-8"
TEXT: Final = b"All that is said of a text is true of it.\n" * 200
DATE: Final = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"
)
TAG: Final = re.compile(r'(W/)?"[\x21\x23-\x7e]*"')
TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
DIRECTIVES: Final = re.compile(rf"{TOKEN}(=[0-9]+)?(, {TOKEN}(=[0-9]+)?)*")
MEDIA_TYPE: Final = re.compile(rf'{TOKEN}/{TOKEN}(; {TOKEN}=({TOKEN}|"[^"\\]*"))*')
# What a 304 would have to repeat of a 200 (RFC 9110, 15.4.5).
REPEATED: Final = ("cache-control", "etag", "expires", "vary", "content-location")


def faults(answer: Answer, method: str) -> list[str]:
    """Return which rules of RFC 9110 and 9111 an answer breaks, by their sections."""
    found = [f"{name}: {section}" for name, section in syntax_faults(answer)]
    rules = {
        # A recipient may not look for content in these.
        "15.4.5": answer.status == 304 and int(answer.headers.get("content-length", 0)) > 0,
        "15.3.7": answer.status == 206 and is_without_place(answer),
        "15.5.17": answer.status == 416
        and re.fullmatch(r"bytes \*/\d+", answer.headers.get("content-range", "")) is None,
        "15.5.6": answer.status == 405 and not answer.headers.get("allow"),
        "14.4": answer.status not in (206, 416) and "content-range" in answer.headers,
        "8.3": bool(answer.body) and "content-type" not in answer.headers,
        "8.6": method != "HEAD" and answer.status != 304 and "content-length" not in answer.headers,
        "8.8.2.1": later(answer.headers.get("last-modified"), answer.headers.get("date")),
        # An error that may be kept would outlive its cause.
        "9111, 3": answer.status in (404, 405, 410) and not is_kept_by_nobody(answer),
    }
    return found + [section for section, is_broken in rules.items() if is_broken]


def syntax_faults(answer: Answer) -> list[tuple[str, str]]:
    """Return the header fields that are not written as they have to be, with the section."""
    grammar = (
        ("date", DATE, "6.6.1"),
        ("last-modified", DATE, "8.8.2"),
        ("etag", TAG, "8.8.3"),
        ("cache-control", DIRECTIVES, "9111, 5.2"),
        ("content-type", MEDIA_TYPE, "8.3.1"),
        ("content-length", re.compile(r"\d+"), "8.6"),
        ("accept-ranges", re.compile("bytes|none"), "14.3"),
    )
    return [
        (name, section)
        for name, pattern, section in grammar
        # An answer without a Date is one of a server without a clock.
        if (name in answer.headers or name == "date")
        and pattern.fullmatch(answer.headers.get(name, "")) is None
    ]


def later(first: str | None, second: str | None) -> bool:
    """Tell whether of two dates that can be read the first is the later."""
    if not all(text is not None and DATE.fullmatch(text) for text in (first, second)):
        return False
    assert first is not None and second is not None
    return parsedate_to_datetime(first) > parsedate_to_datetime(second)


def is_without_place(answer: Answer) -> bool:
    """Tell whether a part does not say which part it is; several of them say it one by one."""
    several = answer.headers.get("content-type", "").startswith("multipart/byteranges;")
    return several == ("content-range" in answer.headers)


def is_kept_by_nobody(answer: Answer) -> bool:
    """Tell whether no cache may keep an answer."""
    return "no-store" in answer.headers.get("cache-control", "")


class AnswerTests(ServerCase):
    """Answers about a text that is stored."""

    def setUp(self) -> None:
        self.daemon = self.start()
        target = self.daemon.target("a.txt", len(TEXT), KIND)
        stored = put(self.daemon.port, target, TEXT, KIND)
        self.assert_status(201, stored)
        self.assertEqual([], faults(stored, "PUT"))
        self.etag = stored.headers["etag"]
        self.place = self.daemon.place("a.txt")

    def ask(self, status: int, method: str, target: str, headers: Headers | None = None) -> Answer:
        """Return an answer that has this status and breaks no rule."""
        with Connection(self.daemon.port) as connection:
            answer = connection.request(method, target, headers)
        self.assert_status(status, answer, (method, target, headers))
        self.assertEqual([], faults(answer, method), f"{method} {target} {headers}: {answer}")
        return answer

    def test_file(self) -> None:
        """HEAD is answered as GET is, without the body."""
        for headers in ({}, {"Want-Repr-Digest": "sha-256=1"}):
            whole = self.ask(200, "GET", self.place, headers)
            head = self.ask(200, "HEAD", self.place, headers)
            self.assertEqual((TEXT, b""), (whole.body, head.body))
            # The clock may have gone on in between.
            fields = [{**answer.headers, "date": ""} for answer in (whole, head)]
            self.assertEqual(*[{**each, "cache-control": ""} for each in fields])

    def test_part(self) -> None:
        """A part comes with its place and the same tag, and so does what is no part."""
        whole = self.ask(200, "GET", self.place)
        for asked in ({"Range": "bytes=10-99"}, {"Range": "bytes=-1", "If-Range": self.etag}):
            part = self.ask(206, "GET", self.place, asked)
            self.assertEqual(whole.headers["etag"], part.headers["etag"])
            self.assertEqual(str(len(part.body)), part.headers["content-length"])
        self.ask(206, "GET", self.place, {"Range": "bytes=0-9,2000-2009"})
        self.ask(416, "GET", self.place, {"Range": "bytes=999999-"})

    def test_conditional(self) -> None:
        """Who has the file is told all that may have changed about it."""
        whole = self.ask(200, "GET", self.place)
        for method in ("GET", "HEAD"):
            same = self.ask(304, method, self.place, {"If-None-Match": self.etag})
            self.assertEqual(
                [name in whole.headers for name in REPEATED],
                [name in same.headers for name in REPEATED],
            )
            self.ask(412, method, self.place, {"If-Match": '"other"'})

    def test_refused(self) -> None:
        """Refusals are in order, for people and for programs."""
        for headers in ({}, {"Accept": "application/json"}):
            self.ask(404, "GET", self.place + "x", headers)
            self.ask(404, "HEAD", self.place + "x", headers)
            self.ask(403, "PUT", f"{self.place}?v2={64 * '0'}", {**headers, "Content-Length": 0})
            self.ask(405, "FOO", self.place, headers)

    def test_malformed(self) -> None:
        """So are the answers to what cannot be routed, and to what cannot even be read."""
        self.ask(400, "GET", "/%zz")
        self.ask(400, "PUT", self.place, {"Content-Length": "five"})

    def test_preflight(self) -> None:
        """Browsers are told what they may send."""
        headers: Headers = {
            "Origin": "https://chat.example.org",
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "content-type",
        }
        answer = self.ask(200, "OPTIONS", self.place, headers)
        self.assertIn("PUT", answer.headers["access-control-allow-methods"])
        self.assertIn("Content-Type", answer.headers["access-control-allow-headers"])

    def test_rules(self) -> None:
        """The rules are seen to be broken where they are."""
        good = self.ask(200, "GET", self.place)
        broken: tuple[tuple[int, dict[str, str], str], ...] = (
            (200, {"date": "yesterday"}, "date: 6.6.1"),
            (200, {"etag": "bare"}, "etag: 8.8.3"),
            (200, {"last-modified": "Fri, 01 Jan 2100 00:00:00 GMT"}, "8.8.2.1"),
            (200, {"content-range": "bytes 0-1/2"}, "14.4"),
            (206, {}, "15.3.7"),
            (405, {"cache-control": "no-store"}, "15.5.6"),
            (404, {}, "9111, 3"),
        )
        for status, fields, fault in broken:
            answer = Answer(status, {**good.headers, **fields}, good.body, good.sha256)
            self.assertEqual([fault], faults(answer, "GET"), fields)
