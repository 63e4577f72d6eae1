"""Forms with files, as clients write them (RFC 7578)."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

BOUNDARY = "limit-of-the-parts"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
HEADER = f"Content-Type: {CONTENT_TYPE}"


@frozen
class Part:
    """A part of a form; a ``filename`` makes it a file."""

    field: str
    content: bytes = b""
    filename: str | None = None
    content_type: str | None = None

    def written(self) -> bytes:
        """Write it as a client does."""
        head = f'Content-Disposition: form-data; name="{self.field}"'
        if self.filename is not None:
            head += f'; filename="{self.filename}"'
        if self.content_type is not None:
            head += f"\r\nContent-Type: {self.content_type}"
        return head.encode() + b"\r\n\r\n" + self.content


def form(*parts: Part) -> bytes:
    """Write a form."""
    return joined(part.written() for part in parts)


def joined(parts: Iterable[bytes]) -> bytes:
    """Put boundaries around parts."""
    dashes = b"--" + BOUNDARY.encode()
    return b"".join(dashes + b"\r\n" + part + b"\r\n" for part in parts) + dashes + b"--\r\n"


def file(content: bytes, filename: str = "photo.jpg", content_type: str = "image/jpeg") -> Part:
    """Make the file of a form."""
    return Part("file", content, filename, content_type)
