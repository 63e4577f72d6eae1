"""
Forms with files: ``multipart/form-data`` (RFC 7578), read while they come in.

Whatever a form holds, what is kept of it here is bounded: the lines of the head
of one part, and the bytes that may be the beginning of a boundary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from attrs import frozen
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from hmacfs.base.errors import MalformedRequest
from hmacfs.base.values import DEFAULT_CONTENT_TYPE
from hmacfs.wire import disposition

MAX_PARTS: Final = 100
MAX_HEADER_LINE: Final = 4096
"""Longest line in the head of a part, in bytes."""
MAX_HEADER_LINES: Final = 8
MAX_MARGIN: Final = 65536
"""Most bytes before the first part and after the last, which mean nothing, or of one head."""

# RFC 2046, 5.1.1.
_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_AS_IT_IS: Final = frozenset({"7bit", "8bit", "binary"})


@frozen
class PartHead:
    """
    The head of a part.

    :ivar field: the name of its field.
    :ivar filename: as the client names the file; ``None`` if the part is no file.
    :ivar content_type: the type, as it was written.
    """

    field: str
    filename: str | None
    content_type: str = DEFAULT_CONTENT_TYPE


FormEvent = PartHead | bytes | None
"""The head of a part, some of its bytes, or its end."""


class FormParser:
    """
    Takes a form apart.

    :param content_type: that of the form, with its boundary.
    :raises MalformedRequest: if it has none, or none that RFC 2046 (5.1.1) allows.
    """

    def __init__(self, content_type: str) -> None:
        _, options = parse_options_header(content_type)
        boundary = options.get("boundary", "")
        if _BOUNDARY.fullmatch(boundary) is None:
            raise MalformedRequest("the Content-Type needs a boundary of 1 to 70 characters")
        self._parser = PushMultipartParser(
            boundary,
            max_header_size=MAX_HEADER_LINE,
            max_header_count=MAX_HEADER_LINES,
            max_segment_count=MAX_PARTS,
        )
        self._margin = 0

    def parse(self, data: bytes) -> Iterator[FormEvent]:
        """
        Take bytes; what is yielded has to be taken before the next bytes.

        :raises MalformedRequest: if they belong to no form that is taken here.
        """
        self._margin += len(data)
        try:
            for event in self._parser.parse(data):
                self._margin = 0
                yield _head(event) if isinstance(event, MultipartSegment) else event
        except MultipartError as error:
            raise MalformedRequest(f"the form cannot be read: {error}") from None
        if self._margin > MAX_MARGIN:
            raise MalformedRequest("the form has too much around its parts")

    def end(self) -> None:
        """
        Take note that no more will come.

        :raises MalformedRequest: if the form is not complete.
        """
        try:
            self._parser.close()
        except MultipartError:
            raise MalformedRequest("the form ends in the middle") from None


def _head(segment: MultipartSegment) -> PartHead:
    encoding = segment.header("Content-Transfer-Encoding", "binary").strip().lower()
    if encoding not in _AS_IT_IS:
        raise MalformedRequest(f"a part of the form has the transfer encoding {encoding[:40]!r}")
    filename = segment.filename
    if filename is None:
        # Some clients write names so that are not ASCII.
        filename = disposition.extended_filename(segment.header("Content-Disposition", ""))
    content_type = segment.header("Content-Type", DEFAULT_CONTENT_TYPE).strip()
    return PartHead(segment.name or "", filename, content_type or DEFAULT_CONTENT_TYPE)
