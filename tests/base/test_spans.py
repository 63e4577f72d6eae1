"""Tests of hmacfs.base.spans."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.spans import Span, SpanSet

LIMIT = 40


def spans() -> st.SearchStrategy[Span]:
    """Make spans in a small file, so that they often meet."""
    pairs = st.tuples(st.integers(0, LIMIT - 1), st.integers(1, 8))
    return pairs.map(lambda pair: Span(pair[0], pair[0] + pair[1]))


def gathered(added: list[Span]) -> SpanSet:
    """Make a set by adding one span after the other."""
    whole = SpanSet()
    for span in added:
        whole = whole.add(span)
    return whole


def positions(*each: Span) -> set[int]:
    """Tell the bytes of spans one by one."""
    return {position for span in each for position in range(span.start, span.stop)}


class SpanTests(SynchronousTestCase):
    """Tests of Span."""

    def test_counts(self) -> None:
        """The stop is not part of the span, the last byte is."""
        span = Span(10, 15)
        self.assertEqual((span.size, span.last), (5, 14))

    def test_one_byte(self) -> None:
        """The smallest span has one byte."""
        self.assertEqual((Span(0, 1).size, Span(0, 1).last), (1, 0))

    def test_larger_than_any_file(self) -> None:
        """Positions have no upper limit."""
        self.assertEqual(Span(0, 10**30).size, 10**30)

    def test_refused(self) -> None:
        """A span without a byte, backwards or before the file cannot be made."""
        for start, stop in ((0, 0), (5, 5), (5, 4), (-1, 3)):
            self.assertRaises(ValueError, Span, start, stop)

    def test_order(self) -> None:
        """Spans sort by their first byte."""
        self.assertEqual(sorted([Span(5, 6), Span(0, 9)]), [Span(0, 9), Span(5, 6)])


class SpanSetTests(SynchronousTestCase):
    """Tests of SpanSet."""

    def test_touching_spans_join(self) -> None:
        """Spans without a gap between them become one, whichever came first."""
        for added in ([Span(0, 5), Span(5, 9)], [Span(5, 9), Span(0, 5)]):
            self.assertEqual(gathered(added).spans, (Span(0, 9),))

    def test_bridge(self) -> None:
        """A span that fills the gaps between others joins them all."""
        whole = gathered([Span(0, 2), Span(4, 6), Span(8, 10), Span(20, 30), Span(1, 9)])
        self.assertEqual(whole.spans, (Span(0, 10), Span(20, 30)))

    def test_inside(self) -> None:
        """Bytes that are there already change nothing."""
        self.assertEqual(gathered([Span(0, 9), Span(3, 4)]).spans, (Span(0, 9),))

    def test_missing(self) -> None:
        """What is missing lies before, between and after."""
        whole = gathered([Span(2, 4), Span(6, 8)])
        self.assertEqual(whole.missing(10), (Span(0, 2), Span(4, 6), Span(8, 10)))

    def test_empty_file(self) -> None:
        """Of a file without bytes nothing is missing."""
        self.assertEqual(SpanSet().missing(0), ())

    def test_add_leaves_the_old_set(self) -> None:
        """Adding makes another set."""
        first = gathered([Span(0, 1)])
        first.add(Span(1, 2))
        self.assertEqual(first.spans, (Span(0, 1),))

    def test_only_normal_sets(self) -> None:
        """A set of spans that touch, overlap or are out of order cannot be made."""
        for wrong in (
            (Span(0, 2), Span(2, 3)),
            (Span(0, 2), Span(1, 3)),
            (Span(4, 5), Span(0, 1)),
            (Span(0, 1), Span(0, 1)),
        ):
            self.assertRaises(ValueError, SpanSet, wrong)

    @given(st.lists(spans(), max_size=12))
    def test_same_as_a_set_of_positions(self, added: list[Span]) -> None:
        """A set of spans is the set of their bytes, told in as few spans as can be."""
        whole = gathered(added)
        expected = positions(*added)
        self.assertEqual(positions(*whole.spans), expected)
        self.assertEqual(whole.size, len(expected))
        runs = sum(1 for position in expected if position - 1 not in expected)
        self.assertEqual(len(whole.spans), runs)

    @given(st.lists(spans(), max_size=12), st.integers(0, LIMIT + 10))
    def test_missing_is_the_complement(self, added: list[Span], size: int) -> None:
        """What is missing of a file is every byte of it that was not added."""
        missing = gathered(added).missing(size)
        self.assertEqual(positions(*missing), set(range(size)) - positions(*added))
        self.assertEqual(SpanSet(missing).spans, missing)

    @given(st.lists(spans(), max_size=12), spans())
    def test_split(self, added: list[Span], asked: Span) -> None:
        """A span is cut into pieces that the set has, and such that it has nothing of."""
        whole = gathered(added)
        pieces = list(whole.split(asked))
        self.assertEqual(pieces[0][0].start, asked.start)
        self.assertEqual(pieces[-1][0].stop, asked.stop)
        for (left, _), (right, _) in pairwise(pieces):
            self.assertEqual(left.stop, right.start)
        for piece, is_known in pieces:
            common = positions(piece) & positions(*added)
            self.assertEqual(common, positions(piece) if is_known else set())
