"""Tests of hmacfs.wire.ranges."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import MalformedRequest
from hmacfs.base.spans import Span
from hmacfs.wire import ranges
from hmacfs.wire.ranges import ContentRange, IntRange, SuffixRange

HUGE = 10**40


def spans() -> st.SearchStrategy[Span]:
    """Make spans that often meet."""
    pairs = st.tuples(st.integers(0, 60), st.integers(1, 12))
    return pairs.map(lambda pair: Span(pair[0], pair[0] + pair[1]))


def positions(*each: Span) -> set[int]:
    """Tell the bytes of spans one by one."""
    return {position for span in each for position in range(span.start, span.stop)}


class ParseTests(SynchronousTestCase):
    """Tests of parse."""

    def test_valid(self) -> None:
        """Ranges are read as RFC 9110, 14.1.1 and 14.1.2, gives them."""
        for header, expected in (
            ("bytes=0-499", (IntRange(0, 499),)),
            ("bytes=9500-", (IntRange(9500, None),)),
            ("bytes=-500", (SuffixRange(500),)),
            ("bytes=-0", (SuffixRange(0),)),
            ("bytes=5-5", (IntRange(5, 5),)),
            ("bytes=0-0,-1", (IntRange(0, 0), SuffixRange(1))),
            ("bytes=500-700,601-999", (IntRange(500, 700), IntRange(601, 999))),
            (
                "bytes= 0-999, 4500-5499, -1000",
                (IntRange(0, 999), IntRange(4500, 5499), SuffixRange(1000)),
            ),
            ("bytes=1-2 \t,\t 3-4", (IntRange(1, 2), IntRange(3, 4))),
            ("bytes=,,1-2,,", (IntRange(1, 2),)),
            ("Bytes=1-2", (IntRange(1, 2),)),
            ("BYTES=001-0002", (IntRange(1, 2),)),
            (f"bytes={HUGE}-", (IntRange(HUGE, None),)),
            (f"bytes=0-{HUGE}", (IntRange(0, HUGE),)),
            (f"bytes=-{HUGE}", (SuffixRange(HUGE),)),
        ):
            self.assertEqual(ranges.parse(header), expected, header)

    def test_ignored(self) -> None:
        """Another unit, or anything invalid in it, makes the whole header one to ignore."""
        for header in (
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=5-4",
            "bytes=0-1,5-4",
            "bytes=0-1,x",
            "bytes=0-1-2",
            "bytes=--1",
            "bytes=-1-",
            "bytes=+1-2",
            "bytes=1 - 2",
            "bytes=1- 2",
            "bytes=1_0-20",
            "bytes=0x0-0x1",
            "bytes=1.0-2",
            "bytes=\u0661-\u0662",
            "bytes=0-1;2-3",
            "bytes =0-1",
            "bytes: 0-1",
            "bytes=bytes=0-1",
            "bytes=0-1, bytes=2-3",
            "items=0-1",
            "lines=1-2",
            "none=0-1",
            "=0-1",
            "0-1",
            "seconds=1-2,bytes=0-1",
        ):
            self.assertEqual(ranges.parse(header), (), header)

    def test_most_ranges(self) -> None:
        """A request may ask for 32 ranges; one for more is answered with the file."""
        most = ["0-0"] * 32
        self.assertEqual(len(ranges.parse("bytes=" + ",".join(most))), 32)
        self.assertEqual(ranges.parse("bytes=" + ",".join([*most, "1-1"])), ())

    def test_flood(self) -> None:
        """Thousands of ranges, commas or digits are not even read."""
        for header in (
            "bytes=" + ",".join(f"{number}-{number}" for number in range(10_000)),
            "bytes=0-0" + "," * 10_000,
            "bytes=0-" + "9" * 10_000,
            "bytes=" + " " * 10_000 + "0-0",
        ):
            self.assertEqual(ranges.parse(header), ())

    def test_longest(self) -> None:
        """A header of 2048 characters is read, and not one more."""
        longest = "bytes=0-" + "9" * 2040
        self.assertEqual(ranges.parse(longest), (IntRange(0, 10**2040 - 1),))
        self.assertEqual(ranges.parse(longest + "9"), ())

    @given(st.text(alphabet="bytes=0123456789-, \tx"))
    def test_anything(self, text: str) -> None:
        """No text makes reading fail, and what is read has no more ranges than commas allow."""
        self.assertLessEqual(len(ranges.parse("bytes=" + text)), text.count(",") + 1)


class SatisfiableTests(SynchronousTestCase):
    """Tests of satisfiable, IntRange and SuffixRange."""

    def test_clipped(self) -> None:
        """What goes beyond the file ends with it; what lies beyond is left out."""
        for header, size, expected in (
            ("bytes=0-499", 10_000, (Span(0, 500),)),
            ("bytes=500-999", 10_000, (Span(500, 1000),)),
            ("bytes=-500", 10_000, (Span(9500, 10_000),)),
            ("bytes=9500-", 10_000, (Span(9500, 10_000),)),
            ("bytes=0-0,-1", 10_000, (Span(0, 1), Span(9999, 10_000))),
            ("bytes=0-", 1, (Span(0, 1),)),
            ("bytes=-1000", 100, (Span(0, 100),)),
            ("bytes=-100", 100, (Span(0, 100),)),
            ("bytes=50-1000", 100, (Span(50, 100),)),
            ("bytes=99-99", 100, (Span(99, 100),)),
            ("bytes=100-", 100, ()),
            ("bytes=100-200", 100, ()),
            ("bytes=-0", 100, ()),
            ("bytes=200-,10-19,-0", 100, (Span(10, 20),)),
            (f"bytes=5-{HUGE}", 100, (Span(5, 100),)),
            (f"bytes=-{HUGE}", 100, (Span(0, 100),)),
            (f"bytes={HUGE}-", 100, ()),
            ("bytes=0-", 0, ()),
            ("bytes=-5", 0, ()),
        ):
            got = ranges.satisfiable(ranges.parse(header), size)
            self.assertEqual(got, expected, (header, size))

    def test_order_is_kept(self) -> None:
        """Ranges come as they were asked for."""
        got = ranges.satisfiable(ranges.parse("bytes=50-59,-10,0-9"), 100)
        self.assertEqual(got, (Span(50, 60), Span(90, 100), Span(0, 10)))


class CoalescedTests(SynchronousTestCase):
    """Tests of coalesced."""

    def test_joined(self) -> None:
        """Spans that overlap, touch or are near become one, at the first's place."""
        for given_spans, gap, expected in (
            ((), 5, ()),
            ((Span(0, 5),), 5, (Span(0, 5),)),
            ((Span(0, 5), Span(3, 9)), 0, (Span(0, 9),)),
            ((Span(0, 5), Span(5, 9)), 0, (Span(0, 9),)),
            ((Span(0, 5), Span(6, 9)), 0, (Span(0, 5), Span(6, 9))),
            ((Span(0, 5), Span(6, 9)), 1, (Span(0, 9),)),
            ((Span(0, 9), Span(2, 3), Span(9, 10)), 0, (Span(0, 10),)),
            ((Span(50, 60), Span(0, 9)), 10, (Span(50, 60), Span(0, 9))),
            ((Span(50, 60), Span(0, 9), Span(60, 61)), 10, (Span(50, 61), Span(0, 9))),
            ((Span(0, 1), Span(50, 60), Span(40, 50)), 5, (Span(0, 1), Span(40, 60))),
            ((Span(9, 10), Span(50, 60), Span(0, 9)), 0, (Span(0, 10), Span(50, 60))),
        ):
            self.assertEqual(ranges.coalesced(given_spans, gap), expected, given_spans)

    @given(st.lists(spans(), max_size=12), st.integers(0, 10))
    def test_same_bytes(self, given_spans: list[Span], gap: int) -> None:
        """Every byte asked for comes once, and no more than the gap comes that nobody asked for."""
        got = ranges.coalesced(given_spans, gap)
        wanted, sent = positions(*given_spans), positions(*got)
        self.assertEqual(sum(span.size for span in got), len(sent))
        self.assertLessEqual(wanted, sent)
        for position in sent - wanted:
            near = set(range(position - gap, position + gap + 1))
            self.assertTrue({each for each in near if each < position} & wanted)
            self.assertTrue({each for each in near if each > position} & wanted)
        in_order = sorted(got)
        for left, right in pairwise(in_order):
            self.assertGreater(right.start - left.stop, gap)

    @given(st.lists(spans(), max_size=12), st.integers(0, 10))
    def test_order(self, given_spans: list[Span], gap: int) -> None:
        """Parts come in the order in which their first bytes were asked for (15.3.7.2)."""
        places = [
            min(
                place for place, each in enumerate(given_spans) if positions(each) <= positions(got)
            )
            for got in ranges.coalesced(given_spans, gap)
        ]
        self.assertEqual(places, sorted(places))


class ContentRangeTests(SynchronousTestCase):
    """Tests of ContentRange."""

    def test_both_ways(self) -> None:
        """A Content-Range is written as it is read (RFC 9110, 14.4)."""
        for header, value in (
            ("bytes 0-499/1234", ContentRange(Span(0, 500), 1234)),
            ("bytes 734-1233/1234", ContentRange(Span(734, 1234), 1234)),
            ("bytes 0-0/1", ContentRange(Span(0, 1), 1)),
            ("bytes 42-1233/*", ContentRange(Span(42, 1234), None)),
            ("bytes */1234", ContentRange(None, 1234)),
            ("bytes */0", ContentRange(None, 0)),
        ):
            self.assertEqual(str(value), header)
            self.assertEqual(ContentRange.parse(header), value)

    def test_unit_in_any_case(self) -> None:
        """The unit is read in any case of letters (14.1)."""
        self.assertEqual(ContentRange.parse("Bytes 0-0/1"), ContentRange(Span(0, 1), 1))

    def test_malformed(self) -> None:
        """What is no Content-Range in bytes, or contradicts itself, is malformed."""
        for header in (
            "",
            "bytes",
            "bytes */*",
            "bytes 0-9",
            "bytes 0-/10",
            "bytes -9/10",
            "bytes 5-4/10",
            "bytes 0-10/10",
            "bytes 0-9/0",
            "bytes=0-9/10",
            "bytes  0-9/10",
            "bytes 0 - 9/10",
            "bytes 0-9/10, bytes 10-19/20",
            "bytes 0-9/10\n",
            "items 0-9/10",
            "0-9/10",
            "bytes \u0660-\u0669/\u0661\u0660",
            "bytes 0-9/" + "9" * 19,
            "bytes 0-9/" + "9" * 10_000,
        ):
            self.assertRaises(MalformedRequest, ContentRange.parse, header)

    def test_nonsense_cannot_be_made(self) -> None:
        """A Content-Range without bytes and size, or with bytes past the end, is no value."""
        self.assertRaises(ValueError, ContentRange, None, None)
        self.assertRaises(ValueError, ContentRange, Span(0, 11), 10)

    @given(spans(), st.one_of(st.none(), st.integers(0, 10**17)))
    def test_round_trip(self, span: Span, more: int | None) -> None:
        """Whatever can be written can be read."""
        value = ContentRange(span, None if more is None else span.stop + more)
        self.assertEqual(ContentRange.parse(str(value)), value)
