"""What a door gets to see of an HTTP request."""

from __future__ import annotations

from typing import Final

from hmacfs.auth.facts import RequestFacts
from hmacfs.base.errors import MalformedRequest
from hmacfs.web import replies
from hmacfs.web.request import StreamingRequest

MAX_SIZE_DIGITS: Final = 18
"""Longest X-File-Size in digits: an exabyte less one."""

_SIGNED: Final = (
    "authorization",
    "content-type",
    "x-content-sha256",
    "x-file-size",
    "x-upload-id",
    "x-upload-timestamp",
)


def facts_of(request: StreamingRequest, path: bytes, now: float) -> RequestFacts:
    """
    Tell the facts of a request.

    :param path: the path that signatures are over.
    :param now: seconds since the epoch.
    :raises MalformedRequest: if X-File-Size is needed and no number.
    """
    values = {name: replies.header(request, name) for name in _SIGNED}
    return RequestFacts(
        method=request.method.decode("ascii", "backslashreplace"),
        path=path,
        parameters=request.target.parameters,
        headers={name: value for name, value in values.items() if value is not None},
        length=_length(request),
        now=now,
        uri=request.uri.decode("latin-1"),
    )


def _length(request: StreamingRequest) -> int | None:
    """Tell the length of the body: announced, or in X-File-Size if the body is chunked."""
    if request.body.length is not None:
        return request.body.length
    announced = replies.header(request, "X-File-Size")
    if announced is None:
        return None
    if not (announced.isascii() and announced.isdigit() and len(announced) <= MAX_SIZE_DIGITS):
        raise MalformedRequest("X-File-Size is not a number of bytes")
    return int(announced)
