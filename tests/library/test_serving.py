"""Tests of hmacfs.library.serving: examples; the properties are in test_serving_properties."""

from __future__ import annotations

import hashlib
from typing import Literal

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.names import StoredName
from hmacfs.base.spans import Span
from hmacfs.base.values import StoredFile
from hmacfs.library.serving import Ask, Outcome, Plan, Policy, plan

CONTENT = bytes(number % 251 for number in range(10_000))
DIGEST = hashlib.sha256(CONTENT).digest()
ETAG = f'"{DIGEST.hex()}"'
MODIFIED = "Sun, 06 Nov 1994 08:49:37 GMT"
NOW = 784_111_777.75 + 3600
FILE = StoredFile(
    StoredName.parse("slot/Фото.jpg".encode()),
    len(CONTENT),
    DIGEST,
    "image/jpeg",
    784_111_777.75,
)
EMPTY = evolve(FILE, size=0, sha256=hashlib.sha256(b"").digest())

POLICY = Policy()

SAFETY = [
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox"),
]
VALIDATORS = [("ETag", ETAG), ("Last-Modified", MODIFIED)]
CACHED = [("Cache-Control", "public, max-age=31536000, immutable")]
NAMED = [
    (
        "Content-Disposition",
        "inline; filename=\"____.jpg\"; filename*=UTF-8''%D0%A4%D0%BE%D1%82%D0%BE.jpg",
    )
]


def ask(
    headers: dict[str, str] | None = None,
    *,
    method: Literal["GET", "HEAD"] = "GET",
    file: StoredFile = FILE,
    policy: Policy = POLICY,
    now: float = NOW,
) -> Plan:
    """Plan the answer to a request with these headers."""
    return plan(Ask.read(method, headers or {}, now), file, policy)


def header(answer: Plan, name: str) -> str | None:
    """Tell the value of a header of an answer."""
    return dict(answer.headers).get(name)


class FullTests(SynchronousTestCase):
    """Answers with the whole file."""

    def test_get(self) -> None:
        """A plain GET is answered with the file and all that is known of it."""
        answer = ask()
        self.assertIs(answer.outcome, Outcome.FULL)
        self.assertEqual(answer.body, (Span(0, 10_000),))
        self.assertEqual(answer.spans, (Span(0, 10_000),))
        expected = [
            *SAFETY,
            ("Accept-Ranges", "bytes"),
            *VALIDATORS,
            *CACHED,
            *NAMED,
            ("Content-Type", "image/jpeg"),
            ("Content-Length", "10000"),
        ]
        self.assertEqual(list(answer.headers), expected)

    def test_head(self) -> None:
        """A HEAD is answered with the headers of the GET, and no body."""
        answer = ask(method="HEAD")
        self.assertEqual(answer, Plan(Outcome.FULL, ask().headers))

    def test_empty_file(self) -> None:
        """A file without bytes is served as others are."""
        answer = ask(file=EMPTY)
        self.assertEqual((answer.outcome, answer.body), (Outcome.FULL, ()))
        self.assertEqual(header(answer, "Content-Length"), "0")

    def test_type_with_parameters(self) -> None:
        """The type is served with the parameters that it was stored with."""
        answer = ask(file=evolve(FILE, content_type="Text/Plain; charset=UTF-8"))
        self.assertEqual(header(answer, "Content-Type"), "Text/Plain; charset=UTF-8")

    def test_unreadable_type(self) -> None:
        """A type that is none makes the file bytes of any kind, to be saved."""
        answer = ask(file=evolve(FILE, content_type="image/png\r\nX-Evil: 1"))
        self.assertEqual(header(answer, "Content-Type"), "application/octet-stream")
        disposition = header(answer, "Content-Disposition")
        assert disposition is not None
        self.assertEqual(disposition.partition(";")[0], "attachment")

    def test_markup_is_saved(self) -> None:
        """HTML and SVG are never shown in the name of this server."""
        for content_type in ("text/html", "image/svg+xml"):
            answer = ask(file=evolve(FILE, content_type=content_type))
            disposition = header(answer, "Content-Disposition")
            assert disposition is not None
            self.assertTrue(disposition.startswith("attachment;"))

    def test_date_is_not_ahead(self) -> None:
        """After the clock was set back no file is from the future (RFC 9110, 8.8.2.1)."""
        answer = ask(now=784_111_777.75 - 60)
        self.assertEqual(header(answer, "Last-Modified"), "Sun, 06 Nov 1994 08:48:37 GMT")


class CacheTests(SynchronousTestCase):
    """How long an answer may be kept."""

    def test_until_it_expires(self) -> None:
        """A cache keeps nothing longer than the file exists, in whole seconds rounded down."""
        for left, max_age in (
            (0.5, 0),
            (59.9, 59),
            (60.0, 60),
            (31_535_999.5, 31_535_999),
            (31_536_000.0, 31_536_000),
            (31_536_001.0, 31_536_000),
            (1e12, 31_536_000),
            (float("inf"), 31_536_000),
            (-5.0, 0),
        ):
            answer = ask(file=evolve(FILE, expires_at=1000.0 + left), now=1000.0)
            expected = f"public, max-age={max_age}, immutable"
            self.assertEqual(header(answer, "Cache-Control"), expected, left)

    def test_private(self) -> None:
        """Where downloads need a credential no shared cache keeps them."""
        answer = ask(policy=Policy(private=True))
        self.assertEqual(header(answer, "Cache-Control"), "private, max-age=31536000, immutable")

    def test_errors_are_not_kept(self) -> None:
        """What is refused once may be right a second later."""
        for headers in ({"if-match": '"x"'}, {"range": "bytes=10000-"}):
            self.assertIsNone(header(ask(headers), "Cache-Control"))


class DigestTests(SynchronousTestCase):
    """Repr-Digest."""

    def test_on_wish(self) -> None:
        """The digest of the whole file comes when it is asked for, with a part and on HEAD too."""
        want = {"want-repr-digest": "sha-256=1"}
        for answer in (
            ask(want),
            ask(want, method="HEAD"),
            ask({**want, "range": "bytes=0-9"}),
            ask({**want, "range": "bytes=0-9,5000-5009"}),
            ask(want, policy=Policy(retries=False)),
        ):
            value = header(answer, "Repr-Digest")
            assert value is not None
            self.assertRegex(value, r"\Asha-256=:[A-Za-z0-9+/]{43}=:\Z")

    def test_value(self) -> None:
        """The digest is that of the bytes."""
        answer = ask({"want-repr-digest": "sha-256=10"}, file=EMPTY)
        expected = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"
        self.assertEqual(header(answer, "Repr-Digest"), expected)

    def test_no_wish(self) -> None:
        """It does not come unasked, unwanted, or with an answer that has nothing of the file."""
        want = {"want-repr-digest": "sha-256=1"}
        for answer in (
            ask(),
            ask({"want-repr-digest": "sha-256=0"}),
            ask({"want-repr-digest": "sha-512=10"}),
            ask({**want, "if-none-match": ETAG}),
            ask({**want, "if-match": '"x"'}),
            ask({**want, "range": "bytes=10000-"}),
        ):
            self.assertIsNone(header(answer, "Repr-Digest"))


class ConditionalTests(SynchronousTestCase):
    """Answers to preconditions."""

    def test_not_modified(self) -> None:
        """A 304 refreshes what a cache has, and says nothing of the body (RFC 9110, 15.4.5)."""
        for method in ("GET", "HEAD"):
            answer = ask({"if-none-match": ETAG, "range": "bytes=0-9"}, method=method)
            expected = [*SAFETY, ("Accept-Ranges", "bytes"), *VALIDATORS, *CACHED]
            self.assertEqual(answer, Plan(Outcome.NOT_MODIFIED, tuple(expected)))

    def test_not_modified_since(self) -> None:
        """The date that was told is one to ask with."""
        answer = ask({"if-modified-since": MODIFIED})
        self.assertIs(answer.outcome, Outcome.NOT_MODIFIED)

    def test_precondition_failed(self) -> None:
        """A 412 tells what the file is now, and has no body."""
        answer = ask({"if-match": '"old"'})
        expected = [*SAFETY, ("Accept-Ranges", "bytes"), *VALIDATORS, ("Content-Length", "0")]
        self.assertEqual(answer, Plan(Outcome.PRECONDITION_FAILED, tuple(expected)))

    def test_type_is_no_matter(self) -> None:
        """The tag is that of the bytes, whatever name and type they have."""
        other = evolve(FILE, name=StoredName.parse(b"x"), content_type="text/html", uploaded_at=1.0)
        self.assertEqual(header(ask(file=other), "ETag"), ETAG)


class RangeTests(SynchronousTestCase):
    """Answers to Range."""

    def test_one_range(self) -> None:
        """A range is answered with its bytes and the headers of the whole."""
        answer = ask({"range": "bytes=500-999"})
        self.assertIs(answer.outcome, Outcome.PARTIAL)
        self.assertEqual(answer.body, (Span(500, 1000),))
        expected = [
            *SAFETY,
            ("Accept-Ranges", "bytes"),
            *VALIDATORS,
            *CACHED,
            *NAMED,
            ("Content-Type", "image/jpeg"),
            ("Content-Range", "bytes 500-999/10000"),
            ("Content-Length", "500"),
        ]
        self.assertEqual(list(answer.headers), expected)

    def test_whole_file_as_a_range(self) -> None:
        """A range that is the whole file is still a part: players ask so whether they can seek."""
        answer = ask({"range": "bytes=0-"})
        self.assertIs(answer.outcome, Outcome.PARTIAL)
        self.assertEqual(header(answer, "Content-Range"), "bytes 0-9999/10000")

    def test_spans(self) -> None:
        """Ranges mean the bytes that RFC 9110, 14.1.2, says."""
        huge = "9" * 300
        for wanted, expected in (
            ("bytes=-500", (Span(9500, 10_000),)),
            ("bytes=9500-", (Span(9500, 10_000),)),
            ("bytes=-1000000", (Span(0, 10_000),)),
            ("bytes=9999-20000", (Span(9999, 10_000),)),
            (f"bytes=9000-{huge}", (Span(9000, 10_000),)),
            (f"bytes=-{huge}", (Span(0, 10_000),)),
            ("bytes=500-600,601-999", (Span(500, 1000),)),
            ("bytes=500-700,601-999", (Span(500, 1000),)),
            ("bytes=0-0,-1", (Span(0, 1), Span(9999, 10_000))),
            (
                "bytes= 0-999, 4500-5499, -1000",
                (Span(0, 1000), Span(4500, 5500), Span(9000, 10_000)),
            ),
            ("bytes=5000-5009,0-9", (Span(5000, 5010), Span(0, 10))),
            ("bytes=0-9,20000-,-0", (Span(0, 10),)),
            ("bytes=0-9,20-29", (Span(0, 30),)),
        ):
            answer = ask({"range": wanted})
            self.assertEqual((answer.outcome, answer.spans), (Outcome.PARTIAL, expected), wanted)

    def test_several_ranges(self) -> None:
        """Ranges far from each other come as the parts of one body."""
        answer = ask({"range": "bytes=0-9,-10"})
        boundary = DIGEST.hex()[:32]
        heads = [
            f"--{boundary}\r\nContent-Type: image/jpeg\r\nContent-Range: bytes {part}/10000\r\n\r\n"
            for part in ("0-9", "9990-9999")
        ]
        self.assertEqual(
            answer.body,
            (
                heads[0].encode(),
                Span(0, 10),
                f"\r\n{heads[1]}".encode(),
                Span(9990, 10_000),
                f"\r\n--{boundary}--\r\n".encode(),
            ),
        )
        self.assertEqual(
            header(answer, "Content-Type"), f"multipart/byteranges; boundary={boundary}"
        )
        self.assertIsNone(header(answer, "Content-Range"))
        length = 20 + len("".join(heads)) + len(f"\r\n\r\n--{boundary}--\r\n")
        self.assertEqual(header(answer, "Content-Length"), str(length))

    def test_unsatisfiable(self) -> None:
        """A 416 tells the size, and has no body."""
        for wanted in ("bytes=10000-", "bytes=-0", f"bytes={'9' * 300}-", "bytes=10000-,20000-,-0"):
            answer = ask({"range": wanted})
            expected = [
                *SAFETY,
                ("Accept-Ranges", "bytes"),
                *VALIDATORS,
                ("Content-Range", "bytes */10000"),
                ("Content-Length", "0"),
            ]
            self.assertEqual(answer, Plan(Outcome.RANGE_UNSATISFIABLE, tuple(expected)), wanted)

    def test_finished_download(self) -> None:
        """Who asks for what comes after a file that it has whole is told so, not sent it again."""
        answer = ask({"range": "bytes=10000-", "if-range": ETAG})
        self.assertIs(answer.outcome, Outcome.RANGE_UNSATISFIABLE)

    def test_ignored(self) -> None:
        """What is no range of bytes, too much of it, or not for GET, changes nothing."""
        flood = ",".join(f"{number}-{number}" for number in range(0, 10_000))
        for wanted in ("bytes=9-0", "bytes=x", "lines=1-2", "", "bytes=" + flood, "bytes=0-0\n"):
            self.assertEqual(ask({"range": wanted}), ask(), wanted[:20])
        self.assertEqual(ask({"range": "bytes=0-9"}, method="HEAD"), ask(method="HEAD"))
        self.assertEqual(ask({"range": "bytes=10000-"}, method="HEAD"), ask(method="HEAD"))

    def test_empty_file(self) -> None:
        """A file without bytes is answered whole, whatever part is asked for (14.2)."""
        for wanted in ("bytes=0-", "bytes=-5", "bytes=5-9", "bytes=-0", "bytes=0-0,-1"):
            self.assertEqual(ask({"range": wanted}, file=EMPTY), ask(file=EMPTY), wanted)

    def test_never_more_than_the_file(self) -> None:
        """Ranges whose framing would outweigh what they leave out are answered with the file."""
        file = evolve(FILE, size=400)
        self.assertEqual(
            ask({"range": "bytes=0-9,150-240,390-399"}, file=file).outcome, Outcome.FULL
        )
        answer = ask({"range": "bytes=0-9,390-399"}, file=file)
        self.assertEqual(answer.outcome, Outcome.PARTIAL)

    def test_parts_only_if_shorter(self) -> None:
        """Parts are sent from the point on at which they save a byte."""
        lengths = []
        for gap in range(150, 500):
            answer = ask({"range": f"bytes=0-99,{100 + gap}-"}, file=evolve(FILE, size=1000))
            if answer.outcome is Outcome.PARTIAL:
                lengths.append(header(answer, "Content-Length"))
        self.assertEqual(lengths[:3], ["999", "998", "997"])

    def test_the_same_range_over_and_over(self) -> None:
        """Overlapping ranges do not multiply what is sent."""
        answer = ask({"range": "bytes=" + ",".join(["0-"] * 32)})
        self.assertEqual(answer.spans, (Span(0, 10_000),))
        self.assertEqual(header(answer, "Content-Length"), "10000")

    def test_if_range(self) -> None:
        """With If-Range a range counts for the same file only; else the whole file comes."""
        for validator, outcome in (
            (ETAG, Outcome.PARTIAL),
            (MODIFIED, Outcome.PARTIAL),
            (f"W/{ETAG}", Outcome.FULL),
            ('"old"', Outcome.FULL),
            ("Sun, 06 Nov 1994 08:49:36 GMT", Outcome.FULL),
            ("Sun, 06 Nov 1994 08:49:38 GMT", Outcome.FULL),
            ("*", Outcome.FULL),
        ):
            answer = ask({"range": "bytes=0-9", "if-range": validator})
            self.assertIs(answer.outcome, outcome, validator)

    def test_if_range_outdated_and_unsatisfiable(self) -> None:
        """A range that does not count cannot be wrong either."""
        self.assertEqual(ask({"range": "bytes=10000-", "if-range": '"old"'}), ask())

    def test_if_range_alone(self) -> None:
        """If-Range without Range means nothing (13.1.5)."""
        self.assertEqual(ask({"if-range": '"old"'}), ask())


class ChangingTests(SynchronousTestCase):
    """Ranges where a file may be replaced."""

    POLICY = Policy(changing=True)

    def ask(self, condition: str) -> Outcome:
        """Ask for a range on a condition."""
        answer = ask({"range": "bytes=0-9", "if-range": condition}, policy=self.POLICY)
        return answer.outcome

    def test_condition(self) -> None:
        """A tag tells that the file is the same, a date does not (8.8.2.2)."""
        self.assertIs(self.ask(ETAG), Outcome.PARTIAL)
        self.assertIs(self.ask(MODIFIED), Outcome.FULL)


class PartsOffTests(SynchronousTestCase):
    """Answers where several ranges are not sent."""

    OFF = Policy(parts=False)

    def test_several(self) -> None:
        """Who asks for several ranges gets the whole file (14.2)."""
        for wanted in ("bytes=0-9,5000-5009", "bytes=0-9,0-9", "bytes=0-,10000-"):
            self.assertEqual(ask({"range": wanted}, policy=self.OFF), ask())

    def test_one(self) -> None:
        """One range is sent, or found wrong, as everywhere."""
        for wanted in ("bytes=0-9", "bytes=-10", "bytes=10000-"):
            self.assertEqual(ask({"range": wanted}, policy=self.OFF), ask({"range": wanted}))


class RetriesOffTests(SynchronousTestCase):
    """Answers where downloads may not be resumed."""

    OFF = Policy(retries=False)

    def test_get(self) -> None:
        """There are no validators, and ranges are declined."""
        answer = ask(policy=self.OFF)
        expected = [
            *SAFETY,
            ("Accept-Ranges", "none"),
            *CACHED,
            *NAMED,
            ("Content-Type", "image/jpeg"),
            ("Content-Length", "10000"),
        ]
        self.assertEqual(answer, Plan(Outcome.FULL, tuple(expected), (Span(0, 10_000),)))

    def test_ranges_are_ignored(self) -> None:
        """Whatever range is asked for, the file comes."""
        for wanted in ("bytes=0-9", "bytes=0-9,5000-5009", "bytes=10000-"):
            self.assertEqual(ask({"range": wanted}, policy=self.OFF), ask(policy=self.OFF))

    def test_nothing_is_recognised(self) -> None:
        """A tag or date that the client has from elsewhere does not save the transfer."""
        for headers in (
            {"if-none-match": ETAG},
            {"if-modified-since": MODIFIED},
            {"range": "bytes=0-9", "if-range": ETAG},
        ):
            self.assertEqual(ask(headers, policy=self.OFF), ask(policy=self.OFF))
