"""Byte ranges: Range and Content-Range (RFC 9110, 14)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from attrs import Attribute, field, frozen

from hmacfs.base.errors import MalformedRequest
from hmacfs.base.spans import Span

MAX_RANGES = 32
"""Most ranges that a request may ask for; with more, Range is ignored."""

MAX_RANGE_CHARACTERS = 2048
"""Longest Range that is read; a longer one is ignored."""

_RANGE = re.compile("([0-9]+)-([0-9]*)|-([0-9]+)")
# 18 digits stay below 2**63, the largest size that files have.
_CONTENT_RANGE = re.compile(
    r"bytes (?:([0-9]{1,18})-([0-9]{1,18})|\*)/(?:([0-9]{1,18})|\*)", re.IGNORECASE
)


class ByteRange(Protocol):
    """One of the ranges that a request asks for."""

    def within(self, size: int) -> Span | None:
        """Tell which bytes of a file of this size are meant; ``None`` if it has none of them."""


@frozen
class IntRange:
    """From a position to another, both included, or to the end."""

    first: int
    last: int | None

    def within(self, size: int) -> Span | None:
        """See :meth:`ByteRange.within`."""
        if self.first >= size:
            return None
        return Span(self.first, size if self.last is None else min(self.last + 1, size))


@frozen
class SuffixRange:
    """The last bytes."""

    length: int

    def within(self, size: int) -> Span | None:
        """See :meth:`ByteRange.within`."""
        if size == 0 or self.length == 0:
            return None
        return Span(max(size - self.length, 0), size)


def _parse_one(text: str) -> ByteRange | None:
    match = _RANGE.fullmatch(text)
    if match is None:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        return SuffixRange(int(suffix))
    if last and int(last) < int(first):
        return None
    return IntRange(int(first), int(last) if last else None)


def parse(header: str) -> tuple[ByteRange, ...]:
    """
    Read a Range; tell no ranges if it is one to ignore (14.2).

    That is one in another unit, one that is not valid as a whole, and one that
    asks for more than a client with good intent does.
    """
    unit, _, listed = header.partition("=")
    if unit.lower() != "bytes" or len(header) > MAX_RANGE_CHARACTERS:
        return ()
    texts = [text for element in listed.split(",") if (text := element.strip(" \t"))]
    if len(texts) > MAX_RANGES:
        return ()
    parsed = [_parse_one(text) for text in texts]
    valid = tuple(each for each in parsed if each is not None)
    return valid if len(valid) == len(parsed) else ()


def satisfiable(ranges: Sequence[ByteRange], size: int) -> tuple[Span, ...]:
    """Tell which bytes of a file of this size are asked for, as they were asked for."""
    return tuple(span for each in ranges if (span := each.within(size)) is not None)


def coalesced(spans: Sequence[Span], gap: int) -> tuple[Span, ...]:
    """
    Join the spans that overlap or have at most ``gap`` bytes between them (15.3.7.2).

    Each comes where the first of those it was made of was.
    """
    joined: list[tuple[int, Span]] = []
    for place, span in sorted(enumerate(spans), key=lambda entry: entry[1]):
        if joined and span.start - joined[-1][1].stop <= gap:
            first_place, before = joined.pop()
            whole = Span(before.start, max(before.stop, span.stop))
            joined.append((min(first_place, place), whole))
        else:
            joined.append((place, span))
    return tuple(span for _, span in sorted(joined))


@frozen
class ContentRange:
    """
    The value of a Content-Range (14.4).

    :ivar span: the bytes that come along, or ``None`` where none can be given.
    :ivar size: how many bytes the whole file has, or ``None`` where that is not known.
    :raises ValueError: if the file cannot have these bytes, or both are ``None``.
    """

    span: Span | None
    size: int | None = field()

    @size.validator
    def _check(self, _: Attribute[int | None], size: int | None) -> None:
        if self.span is None and size is None:
            raise ValueError("neither bytes nor a size")
        if self.span is not None and size is not None and self.span.stop > size:
            raise ValueError(f"a file of {size} bytes has no byte {self.span.last}")

    @classmethod
    def parse(cls, header: str) -> ContentRange:
        """
        Read the Content-Range of an upload.

        :raises MalformedRequest: if it is not a valid one in bytes.
        """
        match = _CONTENT_RANGE.fullmatch(header)
        if match is None:
            raise MalformedRequest("Content-Range is not one in bytes")
        first, last, size = match.groups()
        try:
            span = None if first is None else Span(int(first), int(last) + 1)
            return cls(span, None if size is None else int(size))
        except ValueError as error:
            raise MalformedRequest(f"Content-Range contradicts itself: {error}") from None

    def __str__(self) -> str:
        bytes_given = "*" if self.span is None else f"{self.span.start}-{self.span.last}"
        return f"bytes {bytes_given}/{'*' if self.size is None else self.size}"
