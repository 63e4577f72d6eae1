"""Tests of hmacfs.library.serving against RFC 9110, followed word by word in oracle."""

from __future__ import annotations

import hashlib
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.names import StoredName
from hmacfs.base.spans import Span
from hmacfs.base.values import StoredFile
from hmacfs.library.serving import Ask, Outcome, Plan, Policy, plan
from tests.library.oracle import (
    OTHER_TAG,
    OWN_TAG,
    Conditions,
    Date,
    Tag,
    Tags,
    WantedRange,
    parts_of,
)

MODIFIED = 1_700_000_000
NOW = 1_700_003_600.0
MOST_OVERHEAD = 150
"""More than a part of these files costs beside its bytes."""

Method = Literal["GET", "HEAD"]

STATUSES = {
    Outcome.FULL: 200,
    Outcome.PARTIAL: 206,
    Outcome.NOT_MODIFIED: 304,
    Outcome.PRECONDITION_FAILED: 412,
    Outcome.RANGE_UNSATISFIABLE: 416,
}


def content_of(size: int) -> bytes:
    """Make the bytes of a file, every value among them, line ends too."""
    return bytes(number * number % 256 for number in range(size))


def file_of(size: int) -> StoredFile:
    """Make a file of this size."""
    digest = hashlib.sha256(content_of(size)).digest()
    return StoredFile(StoredName.parse(b"a/b.txt"), size, digest, "text/plain", MODIFIED + 0.9)


def body_of(answer: Plan, content: bytes) -> bytes:
    """Make the bytes that a client gets."""
    return b"".join(
        content[piece.start : piece.stop] if isinstance(piece, Span) else piece
        for piece in answer.body
    )


methods: st.SearchStrategy[Method] = st.sampled_from(["GET", "HEAD"])
garbage = st.sampled_from(["", "x", "1", '"', 'w/"own"', "own", '*, "a"', "Sun", "0", "None"])
tag_values = st.builds(Tag, st.sampled_from([OWN_TAG, OTHER_TAG, "", "a,b"]), st.booleans())
tag_lists = st.one_of(
    st.builds(Tags, st.lists(tag_values, min_size=1, max_size=4).map(tuple)),
    st.just(Tags(asterisk=True)),
    st.builds(Tags, garbage=garbage.filter(bool)),
)
date_values = st.one_of(
    st.builds(
        Date,
        st.sampled_from([-86400, -2, -1, 0, 1, 2, 86400, 10**8]),
        st.sampled_from(
            ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"]
        ),
    ),
    st.builds(Date, garbage=garbage),
)
conditions = st.builds(
    Conditions,
    st.none() | tag_lists,
    st.none() | date_values,
    st.none() | tag_lists,
    st.none() | date_values,
    st.none() | tag_values | date_values,
)

positions = st.integers(0, 40) | st.integers(0, 3000) | st.just(10**25)
range_specs = st.one_of(
    st.builds(WantedRange, positions, st.none()),
    st.builds(lambda first, more: WantedRange(first, first + more), positions, st.integers(0, 500)),
    st.builds(WantedRange, positions, positions),
    st.builds(WantedRange, st.none(), positions),
)
range_lists = st.lists(range_specs, min_size=1, max_size=8)
sizes = st.integers(0, 40) | st.integers(0, 2500)
separators = st.sampled_from([",", ", ", " ,\t", ",,"])

NAMES = (
    "if-match",
    "if-unmodified-since",
    "if-none-match",
    "if-modified-since",
    "if-range",
    "range",
    "want-repr-digest",
)
words = st.one_of(
    st.text(max_size=30),
    st.text(alphabet='bytes=0123456789-, \t*/W"sha-256:;?()', max_size=30),
    st.sampled_from(["bytes=0-9", "bytes=5-", "bytes=0-0,-1", "*", "sha-256=1", '"x"']),
)


class PropertyTests(SynchronousTestCase):
    """What holds for every request."""

    @given(methods, conditions, st.booleans())
    def test_preconditions(self, method: Method, asked: Conditions, retries: bool) -> None:
        """Preconditions are evaluated in the order and by the rules of RFC 9110, 13."""
        file = file_of(100)
        headers = {**asked.written(file.sha256.hex(), MODIFIED), "range": "bytes=0-9"}
        answer = plan(Ask.read(method, headers, NOW), file, Policy(retries=retries))
        expected = asked.status(has_validators=retries)
        if expected == 200 and method == "GET" and retries and asked.range_counts():
            expected = 206
        self.assertEqual(STATUSES[answer.outcome], expected)

    @given(range_lists, sizes, separators)
    def test_ranges(self, asked: list[WantedRange], size: int, separator: str) -> None:
        """A client gets every byte it asked for, once, and hardly any other."""
        file, content = file_of(size), content_of(size)
        wanted_range = "bytes=" + separator.join(each.written() for each in asked)
        answer = plan(Ask("GET", NOW, wanted_range=wanted_range), file, Policy())
        headers, body = dict(answer.headers), body_of(answer, content)
        self.assertEqual(headers["Content-Length"], str(len(body)))

        wanted_each = [each.positions(size) for each in asked]
        wanted = set().union(*wanted_each)
        if size == 0 or not all(each.is_valid() for each in asked):
            self.assertIs(answer.outcome, Outcome.FULL)
        elif not wanted:
            self.assertIs(answer.outcome, Outcome.RANGE_UNSATISFIABLE)
            self.assertEqual(headers["Content-Range"], f"bytes */{size}")
        elif answer.outcome is Outcome.FULL:
            satisfiable = sum(1 for each in wanted_each if each)
            self.assertGreater(satisfiable, 1)
            self.assertGreaterEqual(len(wanted) + (satisfiable + 1) * MOST_OVERHEAD, size)
        else:
            self.assertIs(answer.outcome, Outcome.PARTIAL)
            self.assert_parts(answer, content, wanted_each)
        if answer.outcome is Outcome.FULL:
            self.assertEqual(body, content)

    def assert_parts(self, answer: Plan, content: bytes, wanted_each: list[set[int]]) -> None:
        """Check the parts of a 206."""
        body = body_of(answer, content)
        self.assertLessEqual(len(body), len(content))
        wanted = set().union(*wanted_each)
        parts = parts_of(dict(answer.headers), body)
        sent: set[int] = set()
        places = []
        for part in parts:
            self.assertEqual((part.size, part.content_type), (len(content), "text/plain"))
            self.assertEqual(part.content, content[part.first : part.last + 1])
            bytes_of_part = set(range(part.first, part.last + 1))
            # No byte comes twice, and each part begins and ends with what was asked for.
            self.assertTrue(sent.isdisjoint(bytes_of_part))
            self.assertLessEqual({part.first, part.last}, wanted)
            sent |= bytes_of_part
            places.append(
                min(place for place, each in enumerate(wanted_each) if each & bytes_of_part)
            )
        self.assertLessEqual(wanted, sent)
        self.assertEqual(places, sorted(places))
        if len(parts) == 1:
            self.assertIn("Content-Range", dict(answer.headers))
        unwanted = 0
        for position in range(len(content)):
            unwanted = unwanted + 1 if position in sent - wanted else 0
            self.assertLess(unwanted, MOST_OVERHEAD)

    @given(range_lists, sizes, conditions)
    def test_ranges_under_conditions(
        self, asked: list[WantedRange], size: int, conditional: Conditions
    ) -> None:
        """Preconditions decide whether Range is looked at, and change nothing else."""
        file = file_of(size)
        wanted = {"range": "bytes=" + ",".join(each.written() for each in asked)}
        both = {**wanted, **conditional.written(file.sha256.hex(), MODIFIED)}
        answer = plan(Ask.read("GET", both, NOW), file, Policy())
        if conditional.status(has_validators=True) != 200:
            self.assertEqual(answer.body, ())
            return
        headers = wanted if conditional.range_counts() else {}
        self.assertEqual(answer, plan(Ask.read("GET", headers, NOW), file, Policy()))

    @given(
        methods,
        st.dictionaries(st.sampled_from(NAMES), words),
        st.sampled_from([0, 1, 30, 400, 10_000]),
        st.text(max_size=40),
        st.builds(Policy, st.booleans(), st.booleans()),
    )
    def test_any_request(
        self, method: Method, headers: dict[str, str], size: int, content_type: str, policy: Policy
    ) -> None:
        """Whatever a client sends, the answer is whole, safe and in step with its length."""
        file = StoredFile(
            StoredName.parse("ж\"'\\.svg".encode()),
            size,
            hashlib.sha256(content_of(size)).digest(),
            content_type,
            MODIFIED,
        )
        answer = plan(Ask.read(method, headers, NOW), file, policy)
        names = [name.lower() for name, _ in answer.headers]
        self.assertEqual(len(names), len(set(names)))
        for name, value in answer.headers:
            self.assertTrue(value.isascii() and value.isprintable(), name)
        sent = dict(answer.headers)
        self.assertEqual(sent["X-Content-Type-Options"], "nosniff")
        self.assertIn("sandbox", sent["Content-Security-Policy"])
        self.assertEqual("ETag" in sent, policy.retries)
        self.assertEqual("Last-Modified" in sent, policy.retries)
        length = len(body_of(answer, content_of(size)))
        if answer.outcome is Outcome.NOT_MODIFIED:
            self.assertEqual((length, "Content-Length" in sent), (0, False))
        elif method == "HEAD" and answer.outcome is Outcome.FULL:
            self.assertEqual((length, sent["Content-Length"]), (0, str(size)))
        else:
            self.assertEqual(sent["Content-Length"], str(length))
        self.assertLessEqual(length, size)
        if method == "HEAD" or not policy.retries:
            self.assertNotIn(answer.outcome, (Outcome.PARTIAL, Outcome.RANGE_UNSATISFIABLE))
