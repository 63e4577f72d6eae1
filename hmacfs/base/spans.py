"""Spans of bytes: which part of a file is meant, and which parts are there."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import pairwise

from attrs import Attribute, field, frozen, validators


@frozen(order=True)
class Span:
    """
    One byte or more of a file, half-open.

    :ivar start: the position of the first byte, from 0.
    :ivar stop: the position after the last byte.
    :raises ValueError: if that is no byte, or one before the file.
    """

    start: int = field(validator=validators.ge(0))
    stop: int = field()

    @stop.validator
    def _check(self, _: Attribute[int], stop: int) -> None:
        if stop <= self.start:
            raise ValueError(f"there is no byte from {self.start} to before {stop}")

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self.stop - self.start

    @property
    def last(self) -> int:
        """The position of the last byte, which is what HTTP counts with."""
        return self.stop - 1


@frozen
class SpanSet:
    """
    A set of bytes.

    :ivar spans: the fewest spans that make it up, in order: between any two
        there is a gap.
    :raises ValueError: if they are not that.
    """

    spans: tuple[Span, ...] = field(default=())

    @spans.validator
    def _check(self, _: Attribute[tuple[Span, ...]], spans: tuple[Span, ...]) -> None:
        if any(left.stop >= right.start for left, right in pairwise(spans)):
            raise ValueError("the spans are out of order or without a gap between them")

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return sum(span.size for span in self.spans)

    def add(self, span: Span) -> SpanSet:
        """Make the set that has these bytes too."""
        first = bisect_left(self.spans, span.start, key=lambda each: each.stop)
        after = bisect_right(self.spans, span.stop, key=lambda each: each.start)
        touched = (span, *self.spans[first:after])
        joined = Span(min(each.start for each in touched), max(each.stop for each in touched))
        return SpanSet((*self.spans[:first], joined, *self.spans[after:]))

    def split(self, span: Span) -> Iterator[tuple[Span, bool]]:
        """Cut a span where the set begins and ends; tell of each piece whether the set has it."""
        reached = span.start
        first = bisect_right(self.spans, span.start, key=lambda each: each.stop)
        for place in range(first, len(self.spans)):
            each = self.spans[place]
            if each.start >= span.stop:
                break
            if each.start > reached:
                yield Span(reached, each.start), False
                reached = each.start
            yield Span(reached, min(each.stop, span.stop)), True
            reached = min(each.stop, span.stop)
        if reached < span.stop:
            yield Span(reached, span.stop), False

    def missing(self, size: int) -> tuple[Span, ...]:
        """Tell what it lacks of a file of this many bytes, in order."""
        gaps = []
        reached = 0
        for span in self.spans:
            if span.start >= size:
                break
            if span.start > reached:
                gaps.append(Span(reached, span.start))
            reached = span.stop
        if reached < size:
            gaps.append(Span(reached, size))
        return tuple(gaps)
