"""
The one table that turns refusals into HTTP.

People get a sentence of plain text, programs that accept JSON a problem
document (RFC 9457).
"""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from http import HTTPStatus

from twisted.web.http import datetimeToString

from hmacfs.base import errors
from hmacfs.base.errors import Refusal
from hmacfs.wire import rufh


class OwnStatus(enum.IntEnum):
    """Statuses that protocols use without having registered them."""

    CHECKSUM_MISMATCH = 460
    """tus 1.0.0, Checksum."""

    @property
    def phrase(self) -> str:
        """What stands after the number."""
        return self.name.replace("_", " ").title()


Status = HTTPStatus | OwnStatus

STATUS: dict[type[Refusal], Status] = {
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
    errors.ContentBlocked: HTTPStatus.FORBIDDEN,
    errors.NameTaken: HTTPStatus.CONFLICT,
    errors.Unknown: HTTPStatus.NOT_FOUND,
    errors.Unreadable: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.Gone: HTTPStatus.GONE,
    errors.Stalled: HTTPStatus.REQUEST_TIMEOUT,
    errors.NoSpace: HTTPStatus.INSUFFICIENT_STORAGE,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.MethodRefused: HTTPStatus.METHOD_NOT_ALLOWED,
    errors.SignatureExpired: HTTPStatus.FORBIDDEN,
    errors.SignatureNotYetValid: HTTPStatus.FORBIDDEN,
    errors.SignatureAmbiguous: HTTPStatus.BAD_REQUEST,
    errors.TokenRefused: HTTPStatus.FORBIDDEN,
    errors.ScopeMissing: HTTPStatus.FORBIDDEN,
    errors.NotCovered: HTTPStatus.FORBIDDEN,
    errors.Replayed: HTTPStatus.CONFLICT,
    errors.DigestMismatch: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InconsistentLength: HTTPStatus.BAD_REQUEST,
    errors.CompletedUpload: HTTPStatus.BAD_REQUEST,
    errors.ChecksumMismatch: OwnStatus.CHECKSUM_MISMATCH,
    errors.QuotaExceeded: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.Infected: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.DailyQuotaExceeded: HTTPStatus.TOO_MANY_REQUESTS,
    errors.TypeRefused: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.OptionUnsupported: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.UpgradeRequired: HTTPStatus.UPGRADE_REQUIRED,
    errors.Unimplemented: HTTPStatus.NOT_IMPLEMENTED,
    errors.VersionRefused: HTTPStatus.PRECONDITION_FAILED,
    errors.OffsetWrong: HTTPStatus.CONFLICT,
    errors.BytesDiffer: HTTPStatus.CONFLICT,
    errors.LengthChanged: HTTPStatus.CONFLICT,
    errors.Incomplete: HTTPStatus.CONFLICT,
    errors.UploadOver: HTTPStatus.CONFLICT,
    errors.TooManyUploads: HTTPStatus.TOO_MANY_REQUESTS,
    errors.FollowsTooMany: HTTPStatus.TOO_MANY_REQUESTS,
    errors.CodingRefused: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.RetriesExhausted: HTTPStatus.GONE,
    errors.AddressChanged: HTTPStatus.FORBIDDEN,
    errors.Scattered: HTTPStatus.CONFLICT,
    errors.RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Banned: HTTPStatus.TOO_MANY_REQUESTS,
    errors.NeverBanned: HTTPStatus.UNPROCESSABLE_ENTITY,
}
"""What each refusal is for a client of the upload URLs (XEP-0363)."""

_OF_CREDENTIALS = (
    errors.SignatureMissing,
    errors.SignatureWrong,
    errors.SignatureExpired,
    errors.SignatureNotYetValid,
    errors.TokenRefused,
)
"""What clients may mend that can be asked for a credential (RFC 9110, 15.5.2)."""

PROBLEM_TYPE = "urn:hmac-file-server:problem:"
"""What a refusal's code is appended to for the ``type`` of its problem document."""

REGISTERED: dict[str, str] = {
    errors.OffsetWrong.code: "mismatching-upload-offset",
    errors.InconsistentLength.code: "inconsistent-upload-length",
    errors.CompletedUpload.code: "completed-upload",
}
"""Codes whose problem type is one that others know (draft-ietf-httpbis-resumable-upload)."""

_TEXT = "text/plain; charset=utf-8"
_PROBLEM = "application/problem+json"


def status_of(refusal: Refusal, challenge: str | None = None) -> Status:
    """
    Tell the status of a refusal.

    :param challenge: what the client can be asked for, if anything.
    """
    if challenge is not None and isinstance(refusal, _OF_CREDENTIALS):
        return HTTPStatus.UNAUTHORIZED
    return STATUS[type(refusal)]


def headers_of(refusal: Refusal, challenge: str | None = None) -> dict[str, str]:
    """Tell the header fields that the facts of a refusal call for."""
    headers = {}
    if challenge is not None and isinstance(refusal, (*_OF_CREDENTIALS, errors.ScopeMissing)):
        headers["WWW-Authenticate"] = challenge
    if "retry_after" in refusal.facts:
        headers["Retry-After"] = f"{refusal.facts['retry_after']:.0f}"
    if isinstance(refusal, errors.RateLimited):
        # draft-ietf-httpapi-ratelimit-headers-09
        headers["RateLimit-Policy"] = f'"uploads";q={refusal.facts["limit"]};w=60'
        headers["RateLimit"] = f'"uploads";r=0;t={refusal.facts["retry_after"]}'
    if isinstance(refusal, errors.OffsetWrong):
        headers["Upload-Offset"] = str(refusal.facts["offset"])
    if "upgrade" in refusal.facts:
        headers["Upgrade"] = str(refusal.facts["upgrade"])
        # What is meant for the next hop alone says so (RFC 9110, 7.8).
        headers["Connection"] = "upgrade"
    if "version" in refusal.facts:
        headers["Sec-WebSocket-Version"] = str(refusal.facts["version"])
    if "accept_encoding" in refusal.facts:
        headers["Accept-Encoding"] = str(refusal.facts["accept_encoding"])
    if "allow" in refusal.facts:
        headers["Allow"] = str(refusal.facts["allow"])
    return headers


def body_of(refusal: Refusal, *, problem: bool, challenge: str | None = None) -> tuple[str, bytes]:
    """Tell the content type and the bytes that explain a refusal."""
    if not problem:
        return _TEXT, f"{refusal.detail}\n".encode()
    status = status_of(refusal, challenge)
    return _PROBLEM, _document(refusal.code, status, refusal.detail, refusal.facts)


def body_of_incident(incident: str, *, problem: bool) -> tuple[str, bytes]:
    """Tell the content type and the bytes for what nobody foresaw, by its id in the log."""
    detail = f"something went wrong on the server; it is logged as {incident}"
    if not problem:
        return _TEXT, f"{detail}\n".encode()
    facts = {"incident": incident}
    return _PROBLEM, _document("error", HTTPStatus.INTERNAL_SERVER_ERROR, detail, facts)


def _document(
    code: str, status: Status, detail: str, facts: Mapping[str, str | int | float]
) -> bytes:
    document = {
        "type": _type_of(code),
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        **facts,
    }
    return json.dumps(document, ensure_ascii=False).encode() + b"\n"


def _type_of(code: str) -> str:
    registered = REGISTERED.get(code)
    return PROBLEM_TYPE + code if registered is None else rufh.PROBLEM_TYPES + registered


def wants_problem(accept: str | None) -> bool:
    """Tell whether the Accept header asks for JSON."""
    kinds = {part.partition(";")[0].strip().lower() for part in (accept or "").split(",")}
    return bool(kinds & {"application/json", _PROBLEM})


def bare_response(refusal: Refusal) -> bytes:
    """Make the whole response to a request that is too broken to be routed."""
    status = status_of(refusal)
    kind, body = body_of(refusal, problem=False)
    return (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nDate: {datetimeToString().decode()}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    ).encode() + body
