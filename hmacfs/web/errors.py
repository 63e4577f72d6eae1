"""
The one table that turns refusals into HTTP.

People get a sentence of plain text, programs that accept JSON a problem
document (RFC 9457).
"""

from __future__ import annotations

import json
from http import HTTPStatus

from hmacfs.base import errors
from hmacfs.base.errors import Refusal

STATUS: dict[type[Refusal], HTTPStatus] = {
    errors.MalformedRequest: HTTPStatus.BAD_REQUEST,
    errors.HeadersTooLarge: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.NameRefused: HTTPStatus.BAD_REQUEST,
    errors.SignatureMissing: HTTPStatus.FORBIDDEN,
    errors.SignatureWrong: HTTPStatus.FORBIDDEN,
    errors.LengthRequired: HTTPStatus.LENGTH_REQUIRED,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.SizeMismatch: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.SchemeRefused: HTTPStatus.FORBIDDEN,
    errors.KindRefused: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.NotServed: HTTPStatus.FORBIDDEN,
    errors.NameTaken: HTTPStatus.CONFLICT,
    errors.Unknown: HTTPStatus.NOT_FOUND,
    errors.Gone: HTTPStatus.GONE,
    errors.Stalled: HTTPStatus.REQUEST_TIMEOUT,
    errors.NoSpace: HTTPStatus.INSUFFICIENT_STORAGE,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.MethodRefused: HTTPStatus.METHOD_NOT_ALLOWED,
}
"""What each refusal is for a client of the upload URLs (XEP-0363)."""

PROBLEM_TYPE = "urn:hmac-file-server:problem:"
"""What a refusal's code is appended to for the ``type`` of its problem document."""

_TEXT = "text/plain; charset=utf-8"
_PROBLEM = "application/problem+json"


def status_of(refusal: Refusal) -> HTTPStatus:
    """Tell the status of a refusal."""
    return STATUS[type(refusal)]


def headers_of(refusal: Refusal) -> dict[str, str]:
    """Tell the header fields that the facts of a refusal call for."""
    headers = {}
    if "retry_after" in refusal.facts:
        headers["Retry-After"] = f"{refusal.facts['retry_after']:.0f}"
    if "allow" in refusal.facts:
        headers["Allow"] = str(refusal.facts["allow"])
    return headers


def body_of(refusal: Refusal, *, problem: bool) -> tuple[str, bytes]:
    """Tell the content type and the bytes that explain a refusal."""
    status = status_of(refusal)
    if not problem:
        return _TEXT, f"{refusal.detail}\n".encode()
    document = {
        "type": PROBLEM_TYPE + refusal.code,
        "title": status.phrase,
        "status": status.value,
        "detail": refusal.detail,
        **refusal.facts,
    }
    return _PROBLEM, json.dumps(document, ensure_ascii=False).encode() + b"\n"


def wants_problem(accept: str | None) -> bool:
    """Tell whether the Accept header asks for JSON."""
    kinds = {part.partition(";")[0].strip().lower() for part in (accept or "").split(",")}
    return bool(kinds & {"application/json", _PROBLEM})


def bare_response(refusal: Refusal) -> bytes:
    """Make the whole response to a request that is too broken to be routed."""
    status = status_of(refusal)
    kind, body = body_of(refusal, problem=False)
    return (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    ).encode() + body
