"""Answering a request, with the header fields that every answer has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

from hmacfs.base.errors import Refusal
from hmacfs.web import challenges
from hmacfs.web.errors import (
    Status,
    body_of,
    body_of_incident,
    headers_of,
    status_of,
    wants_problem,
)
from hmacfs.web.request import StreamingRequest
from hmacfs.wire import devices

CORS_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, PUT, POST, PATCH, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": (
        "Authorization, Content-Type, Content-Length, Content-Range, Range, If-Range, If-Match, "
        "If-None-Match, X-Requested-With, "
        "X-Request-ID, Content-Disposition, "
        "X-Session-Token, X-Session-ID, X-Upload-ID, X-Upload-Timestamp, X-File-Name, "
        "X-File-Size, X-File-MAC, X-Content-SHA256, X-HTTP-Method-Override, Tus-Resumable, "
        "Upload-Length, Upload-Offset, Upload-Metadata, Upload-Defer-Length, Upload-Concat, "
        "Upload-Checksum, Upload-Complete, Upload-Incomplete, Upload-Draft-Interop-Version, "
        "Content-Digest, Repr-Digest, Want-Content-Digest, Want-Repr-Digest"
    ),
    "Access-Control-Max-Age": "86400",
}
"""What browsers ask before a request (Fetch, 3.3; XEP-0363, 7): all dialects may use all."""

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": (
        "Accept-Ranges, Content-Length, Content-Range, Content-Location, Location, ETag, "
        "Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate, "
        "X-Session-Token, X-Session-ID, X-Upload-Status, Tus-Resumable, Tus-Version, "
        "Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, Upload-Offset, Upload-Length, "
        "Upload-Metadata, Upload-Defer-Length, Upload-Expires, Upload-Concat, Upload-Complete, "
        "Upload-Incomplete, Upload-Limit, Accept-Patch, Content-Disposition, "
        "Upload-Draft-Interop-Version, Repr-Digest, Content-Digest"
    ),
}
"""What browsers look for in every answer."""


def device_of(request: StreamingRequest) -> str:
    """Tell what device a request comes from, as far as it says."""
    return devices.device_of(header(request, "User-Agent"), header(request, "Sec-CH-UA-Mobile"))


def header(request: StreamingRequest, name: str) -> str | None:
    """
    Tell a request header field, its lines joined as RFC 9110 (5.3) has it.

    Bytes that are not UTF-8 are kept as Latin-1, which changes no ASCII.
    """
    lines = request.requestHeaders.getRawHeaders(name.encode())
    if lines is None:
        return None
    raw: bytes = b", ".join(lines)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def begin(request: StreamingRequest, status: Status, headers: Mapping[str, str]) -> None:
    """Set the status and the header fields of an answer, in place of any that was begun before."""
    request.setResponseCode(status.value, status.phrase.encode())
    for old, _ in tuple(request.responseHeaders.getAllRawHeaders()):
        if old not in (b"Connection", b"Date"):
            request.responseHeaders.removeHeader(old)
    for name, value in {**CORS, **request.dialect, **headers}.items():
        request.setHeader(name.encode(), value.encode())


def reply(
    request: StreamingRequest,
    status: Status,
    headers: Mapping[str, str],
    body: bytes = b"",
) -> None:
    """Answer with a small body and finish."""
    begin(request, status, {**headers, "Content-Length": str(len(body))})
    request.write(body)
    request.finish()


def nothing(request: StreamingRequest, headers: Mapping[str, str] = MappingProxyType({})) -> None:
    """Answer 204, which has no body and no length of one (RFC 9110, 8.6), and finish."""
    begin(request, HTTPStatus.NO_CONTENT, headers)
    request.write(b"")
    request.finish()


def document(
    request: StreamingRequest,
    status: HTTPStatus,
    content: object,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Answer with JSON and finish."""
    body = json.dumps(content, ensure_ascii=False).encode() + b"\n"
    reply(request, status, {"Content-Type": "application/json", **headers}, body)


def fail(request: StreamingRequest, incident: str) -> None:
    """Answer that something went wrong which is in the log under this id, and finish."""
    kind, body = body_of_incident(incident, problem=_is_problem(request))
    headers = {"Content-Type": kind, "Cache-Control": "no-store"}
    reply(request, HTTPStatus.INTERNAL_SERVER_ERROR, headers, body)


def refuse(request: StreamingRequest, refusal: Refusal) -> None:
    """Answer with a refusal and finish."""
    asked = challenges.challenge(request, refusal)
    kind, body = body_of(refusal, problem=_is_problem(request), challenge=asked)
    reply(
        request,
        status_of(refusal, asked),
        {
            "Content-Type": kind,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
            **headers_of(refusal, asked),
        },
        body,
    )


def _is_problem(request: StreamingRequest) -> bool:
    if request.reads_problems or challenges.is_api(request):
        return True
    return wants_problem(header(request, "Accept"))
