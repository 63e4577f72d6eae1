"""The framing of several ranges in one body (RFC 9110, 14.6)."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from hmacfs.base.spans import Span
from hmacfs.wire.ranges import ContentRange


@frozen
class ByteRanges:
    """
    A body of type ``multipart/byteranges``.

    :ivar boundary: what parts are separated by; it must not occur in the file.
    :ivar content_type: the type of the file, in ASCII.
    :ivar size: how many bytes the whole file has.
    """

    boundary: str
    content_type: str
    size: int

    @property
    def media_type(self) -> str:
        """The type of the body; the boundary is not quoted, which some clients cannot read."""
        return f"multipart/byteranges; boundary={self.boundary}"

    @property
    def overhead(self) -> int:
        """The most bytes that one more part adds beside those of the file."""
        return len(self._head(Span(self.size - 1, self.size))) + len("\r\n")

    def body(self, spans: Iterable[Span]) -> tuple[bytes | Span, ...]:
        """Make the body: what to send, in order, the spans standing for bytes of the file."""
        pieces: list[bytes | Span] = []
        for span in spans:
            pieces += [b"\r\n" + self._head(span) if pieces else self._head(span), span]
        return (*pieces, f"\r\n--{self.boundary}--\r\n".encode("ascii"))

    def _head(self, span: Span) -> bytes:
        lines = (
            f"--{self.boundary}",
            f"Content-Type: {self.content_type}",
            f"Content-Range: {ContentRange(span, self.size)}",
            "",
            "",
        )
        return "\r\n".join(lines).encode("ascii")
