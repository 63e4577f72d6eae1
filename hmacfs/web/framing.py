"""What header fields say of where a request ends, and whether its connection does."""

from __future__ import annotations

from collections.abc import Iterable

from hmacfs.base.errors import MalformedRequest

MAX_LENGTH_DIGITS = 18
"""Longest Content-Length in digits: an exabyte less one."""


def check_length(header: bytes, value: bytes, *, is_known: bool) -> None:
    """
    Insist that a field that tells the length of the body can be relied on (RFC 9112, 6.3).

    :param is_known: whether another field has told it.
    :raises MalformedRequest: if it cannot; never for other fields.
    """
    if header not in (b"Content-Length", b"Transfer-Encoding"):
        return
    if header == b"Content-Length" and (not value.isdigit() or len(value) > MAX_LENGTH_DIGITS):
        raise MalformedRequest("Content-Length is not a number of bytes")
    if header == b"Transfer-Encoding" and value.lower() != b"chunked":
        raise MalformedRequest("the only transfer coding known here is chunked")
    if is_known:
        raise MalformedRequest("the length of the body is given more than once")


def lets_go_on(version: bytes, connection: Iterable[bytes]) -> bool:
    """
    Tell whether a connection may bring another request (RFC 9112, 9.3).

    :param connection: the lines of the Connection field, each a list of options.
    """
    options = b",".join(connection).replace(b",", b" ").lower().split()
    return version == b"HTTP/1.1" and b"close" not in options
