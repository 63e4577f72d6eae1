"""What tus 1.0.0 says of single requests, as a table (https://tus.io/protocols/resumable-upload)."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Final

from attrs import field, frozen

from tests.web.wire import MAX_UPLOAD_SIZE

V: Final = "Tus-Resumable: 1.0.0"
PART: Final = "Content-Type: application/offset+octet-stream"
SIZE: Final = "Upload-Length: 10"


def base64(data: bytes) -> str:
    """Write Base64 as the header fields of tus have it."""
    return b64encode(data).decode()


def checksum(data: bytes, algorithm: str = "sha1") -> str:
    """Write the checksum of bytes."""
    digest = hashlib.new(algorithm, data, usedforsecurity=False).digest()
    return f"{algorithm} {base64(digest)}"


@frozen
class Row:
    """
    One request and its answer.

    :ivar target: ``ten`` is an upload of ten bytes of which five are here.
    :ivar has: header fields of the answer; empty for one that may say anything.
    :ivar lacks: names of header fields that it must not have.
    """

    rule: str
    status: int
    method: str
    target: str
    headers: tuple[str, ...] = ()
    body: bytes | None = None
    has: dict[str, str] = field(factory=dict)
    lacks: tuple[str, ...] = ()
    version: tuple[str, ...] = (V,)


_METHODS = "GET, HEAD, PATCH, POST, DELETE, OPTIONS"
_SPOKEN = {"tus-resumable": "1.0.0"}
_OTHER_VERSION = {"tus-version": "1.0.0", "tus-resumable": "1.0.0"}
_CORS = {"access-control-allow-origin": "*", "access-control-expose-headers": ""}
_PARTIAL = "Upload-Concat: partial"
_EXPIRES = {"upload-expires": ""}
_AT_FIVE = (PART, "Upload-Offset: 5")

ROWS: Final = (
    # Core protocol
    Row("HEAD tells offset and length", 200, "HEAD", "ten", has={"upload-offset": "5"}),
    Row("HEAD tells the length", 200, "HEAD", "ten", has={"upload-length": "10"}),
    Row("HEAD is not cached", 200, "HEAD", "ten", has={"cache-control": "no-store"}),
    Row("answers tell the version", 200, "HEAD", "ten", has=_SPOKEN),
    Row("unknown: no offset", 404, "HEAD", "/files/" + "A" * 43, lacks=("upload-offset",)),
    Row("no such id", 404, "HEAD", "/files/nonsense", lacks=("upload-offset",)),
    Row("a path below an upload", 404, "HEAD", "/files/" + "A" * 43 + "/x"),
    Row("errors tell the version too", 404, "HEAD", "/files/" + "A" * 43, has=_SPOKEN),
    Row("no version", 412, "HEAD", "ten", version=(), has=_OTHER_VERSION),
    Row("other version", 412, "HEAD", "ten", version=("Tus-Resumable: 0.2.2",), has=_OTHER_VERSION),
    Row("newer", 412, "PATCH", "ten", _AT_FIVE, b"x", version=("Tus-Resumable: 1.0.1",)),
    Row("POST without version", 412, "POST", "/files", (SIZE,), b"", version=()),
    Row("DELETE without version", 412, "DELETE", "ten", version=()),
    Row("PATCH is acknowledged", 204, "PATCH", "ten", _AT_FIVE, b"67", {"upload-offset": "7"}),
    Row("a part of no bytes", 204, "PATCH", "ten", _AT_FIVE, b"", {"upload-offset": "5"}),
    Row("no type", 415, "PATCH", "ten", ("Upload-Offset: 5",), b"6"),
    Row("wrong type", 415, "PATCH", "ten", ("Content-Type: text/plain", "Upload-Offset: 5"), b"6"),
    Row(
        "types have parameters", 204, "PATCH", "ten", (f"{PART}; charset=utf-8", _AT_FIVE[1]), b"6"
    ),
    Row("types have no case", 204, "PATCH", "ten", (PART.replace("o", "O"), _AT_FIVE[1]), b"6"),
    Row("not processed", 412, "PATCH", "ten", _AT_FIVE, b"6", version=("Tus-Resumable: 2.0.0",)),
    Row("two versions", 412, "HEAD", "ten", version=(V, V), has=_OTHER_VERSION),
    Row("a version with spaces", 200, "HEAD", "ten", version=("Tus-Resumable:  1.0.0 ",)),
    Row("HEAD has no body", 200, "HEAD", "ten", has={"content-length": "0"}),
    Row("a huge offset", 409, "PATCH", "ten", (PART, "Upload-Offset: 999999999999999999"), b"6"),
    Row("too many digits", 400, "PATCH", "ten", (PART, f"Upload-Offset: {'9' * 19}"), b"6"),
    Row("no integer", 400, "PATCH", "ten", (PART, "Upload-Offset: 5.0"), b"6"),
    Row("a plus", 400, "PATCH", "ten", (PART, "Upload-Offset: +5"), b"6"),
    Row("empty", 400, "PATCH", "ten", (PART, "Upload-Offset:"), b"6"),
    Row("other length", 409, "PATCH", "ten", (*_AT_FIVE, "Upload-Length: 11"), b"6"),
    Row("less than is here", 409, "PATCH", "ten", (*_AT_FIVE, "Upload-Length: 4"), b""),
    Row("same length", 204, "PATCH", "ten", (*_AT_FIVE, SIZE), b"6", {"upload-offset": "6"}),
    Row("errors say when it ends", 409, "PATCH", "ten", (PART, "Upload-Offset: 6"), b"7", _EXPIRES),
    Row("so do others", 415, "PATCH", "ten", (), b"7", _EXPIRES),
    Row("and success", 204, "PATCH", "ten", _AT_FIVE, b"6", _EXPIRES),
    Row("and HEAD", 200, "HEAD", "ten", has=_EXPIRES),
    Row("and creation", 201, "POST", "/files", (SIZE,), b"", _EXPIRES),
    Row("browsers read errors", 409, "PATCH", "ten", (PART, "Upload-Offset: 0"), b"1", _CORS),
    Row("of other versions too", 412, "HEAD", "ten", version=(), has=_CORS),
    Row("GET before the end", 404, "GET", "ten", has=_SPOKEN),
    Row("no offset", 400, "PATCH", "ten", (PART,), b"6"),
    Row("no number", 400, "PATCH", "ten", (PART, "Upload-Offset: -5"), b"6"),
    Row("two offsets", 400, "PATCH", "ten", (*_AT_FIVE, "Upload-Offset: 5"), b"6"),
    Row("bytes twice", 409, "PATCH", "ten", (PART, "Upload-Offset: 0"), b"1"),
    Row("a gap", 409, "PATCH", "ten", (PART, "Upload-Offset: 6"), b"7"),
    Row("beyond the length", 409, "PATCH", "ten", (PART, "Upload-Offset: 99"), b"7"),
    Row("more than the length", 413, "PATCH", "ten", _AT_FIVE, b"123456"),
    Row("PATCH of nothing", 404, "PATCH", "/files/" + "A" * 43, _AT_FIVE, b"6"),
    Row("no PATCH of the creation URL", 405, "PATCH", "/files", _AT_FIVE, b"6"),
    Row("override", 200, "POST", "ten", ("X-HTTP-Method-Override: HEAD",), b"", _SPOKEN),
    Row(
        "override of PATCH",
        204,
        "POST",
        "ten",
        (*_AT_FIVE, "X-HTTP-Method-Override: PATCH"),
        b"6",
        {"upload-offset": "6"},
    ),
    Row("override of PUT", 204, "PUT", "ten", (*_AT_FIVE, "X-HTTP-Method-Override: PATCH"), b"6"),
    Row("override of GET", 200, "GET", "ten", ("X-HTTP-Method-Override: HEAD",), None, _SPOKEN),
    Row(
        "override by DELETE",
        204,
        "DELETE",
        "ten",
        (*_AT_FIVE, "X-HTTP-Method-Override: PATCH"),
        b"6",
    ),
    Row("override is no way in", 405, "POST", "ten", ("X-HTTP-Method-Override: PUT",), b"6"),
    Row("nor to nonsense", 405, "POST", "ten", ("X-HTTP-Method-Override: \\x,",), b"6"),
    Row(
        "override is a creation",
        201,
        "PUT",
        "/files",
        (SIZE, "X-HTTP-Method-Override: POST"),
        b"",
    ),
    Row(
        "override of OPTIONS",
        200,
        "POST",
        "ten",
        ("X-HTTP-Method-Override: OPTIONS",),
        b"",
        {"tus-version": "1.0.0"},
        version=(),
    ),
    Row("PUT is not possible", 405, "PUT", "ten", (), b"6", {"allow": _METHODS}),
    Row("nor on creation", 405, "PUT", "/files", (), b"", {"allow": "POST, OPTIONS"}),
    Row("methods are case-sensitive", 405, "POST", "ten", ("X-HTTP-Method-Override: head",), b""),
    Row(
        "OPTIONS needs no version",
        200,
        "OPTIONS",
        "/files",
        version=(),
        has={"tus-version": "1.0.0"},
    ),
    Row("OPTIONS ignores it", 200, "OPTIONS", "/files", version=("Tus-Resumable: 9.9.9",)),
    Row("OPTIONS of an upload", 200, "OPTIONS", "ten", version=(), has={"tus-version": "1.0.0"}),
    Row("the largest", 200, "OPTIONS", "/files", has={"tus-max-size": str(MAX_UPLOAD_SIZE)}),
    Row(
        "SHA-1 among the algorithms",
        200,
        "OPTIONS",
        "/files",
        has={"tus-checksum-algorithm": "sha1,sha256,md5"},
    ),
    # Creation
    Row("both URLs make uploads", 201, "POST", "/files/", (SIZE,), b""),
    Row("no length", 400, "POST", "/files", (), b""),
    Row("a length that is none", 400, "POST", "/files", ("Upload-Length: ten",), b""),
    Row("deferred", 201, "POST", "/files", ("Upload-Defer-Length: 1",), b""),
    Row("deferred otherwise", 400, "POST", "/files", ("Upload-Defer-Length: 0",), b""),
    Row("told and deferred", 400, "POST", "/files", (SIZE, "Upload-Defer-Length: 1"), b""),
    Row("too large", 413, "POST", "/files", (f"Upload-Length: {MAX_UPLOAD_SIZE + 1}",), b""),
    Row("creation says so", 201, "POST", "/files", (SIZE,), b"", {**_SPOKEN, "location": ""}),
    Row("the offset of what is new", 201, "POST", "/files", (SIZE,), b"", {"upload-offset": "0"}),
    Row("negative", 400, "POST", "/files", ("Upload-Length: -1",), b""),
    Row("two lengths", 400, "POST", "/files", (SIZE, SIZE), b""),
    Row("no metadata", 201, "POST", "/files", (SIZE, "Upload-Metadata:"), b""),
    Row("values may be empty", 201, "POST", "/files", (SIZE, "Upload-Metadata: a,b ,c eA=="), b""),
    Row("keys have no spaces", 400, "POST", "/files", (SIZE, "Upload-Metadata: a b eA=="), b""),
    Row("only commas", 400, "POST", "/files", (SIZE, "Upload-Metadata: ,"), b""),
    Row("a key twice", 400, "POST", "/files", (SIZE, "Upload-Metadata: a eA==,a eQ=="), b""),
    Row("an empty key", 400, "POST", "/files", (SIZE, "Upload-Metadata: eA==,"), b""),
    Row("no Base64", 400, "POST", "/files", (SIZE, "Upload-Metadata: a x"), b""),
    # Creation With Upload
    Row("body without its type", 415, "POST", "/files", (SIZE,), b"12345"),
    Row("body and offset", 201, "POST", "/files", (SIZE, PART), b"12345", {"upload-offset": "5"}),
    Row("too much body", 413, "POST", "/files", (SIZE, PART), b"12345678901"),
    # Checksum
    Row("right", 204, "PATCH", "ten", (*_AT_FIVE, f"Upload-Checksum: {checksum(b'6')}"), b"6"),
    Row("of no bytes", 204, "PATCH", "ten", (*_AT_FIVE, f"Upload-Checksum: {checksum(b'')}"), b""),
    Row("nor of none", 460, "PATCH", "ten", (*_AT_FIVE, f"Upload-Checksum: {checksum(b'6')}"), b""),
    Row("upper case", 400, "PATCH", "ten", (*_AT_FIVE, f"Upload-Checksum: SHA1 {'A' * 28}"), b"6"),
    Row("no checksum", 400, "PATCH", "ten", (*_AT_FIVE, "Upload-Checksum: sha1"), b"6"),
    Row("wrong", 460, "PATCH", "ten", (*_AT_FIVE, f"Upload-Checksum: {checksum(b'7')}"), b"6"),
    Row("unknown", 400, "PATCH", "ten", (*_AT_FIVE, "Upload-Checksum: crc32 AAAAAA=="), b"6"),
    Row("unreadable", 400, "PATCH", "ten", (*_AT_FIVE, "Upload-Checksum: sha1 AAAA"), b"6"),
    Row(
        "wrong at creation",
        460,
        "POST",
        "/files",
        (SIZE, PART, f"Upload-Checksum: {checksum(b'7')}"),
        b"6",
        lacks=("location",),
    ),
    # Concatenation
    Row(
        "a final has no length",
        400,
        "POST",
        "/files",
        (SIZE, "Upload-Concat: final;/files/a"),
        b"",
    ),
    Row("neither", 400, "POST", "/files", (SIZE, "Upload-Concat: whole"), b""),
    Row("of nothing", 400, "POST", "/files", ("Upload-Concat: final;",), b""),
    Row("no URL", 400, "POST", "/files", ("Upload-Concat: final;/files/a b%20c/",), b""),
    Row("deferred part", 201, "POST", "/files", (_PARTIAL, "Upload-Defer-Length: 1"), b""),
    Row("a part of no length", 400, "POST", "/files", (_PARTIAL,), b""),
    Row(
        "a final that is deferred",
        400,
        "POST",
        "/files",
        ("Upload-Concat: final;/files/a", "Upload-Defer-Length: 1"),
        b"",
    ),
    Row(
        "of nothing there is",
        404,
        "POST",
        "/files",
        (f"Upload-Concat: final;/files/{'A' * 43}",),
        b"",
    ),
)
