"""
The header fields of tus 1.0.0 (https://tus.io/protocols/resumable-upload, 2016-03-25).

Every value that cannot be read is a refusal that names its field.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from attrs import frozen

from hmacfs.base.errors import MalformedRequest, VersionRefused
from hmacfs.wire.checksums import Checksum
from hmacfs.wire.content_type import MediaType

VERSION: Final = "1.0.0"
"""The version that is spoken here, the only one."""

CONTENT_TYPE: Final = MediaType("application", "offset+octet-stream")
"""The type of a body that is a part of a file."""

ALGORITHMS: Final = ("sha1", "sha256", "md5")
"""Checksums that are taken; the first is the one that the specification asks for."""

MAX_METADATA: Final = 4096
"""Longest Upload-Metadata in bytes."""

MAX_PAIRS: Final = 64
"""Most pairs in Upload-Metadata."""

MAX_PARTS: Final = 1000
"""Most uploads that one is joined from."""

_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_KEY = re.compile(r"[!-+\--~]+")
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)


def check_version(value: str | None) -> None:
    """
    Insist on the version of the protocol that the client speaks: Tus-Resumable.

    :raises VersionRefused: if it is another, or not told.
    """
    if value is None:
        raise VersionRefused(f"the request needs the header field Tus-Resumable: {VERSION}")
    if value != VERSION:
        raise VersionRefused(f"the version of tus that is spoken here is {VERSION}")


def number(name: str, value: str) -> int:
    """
    Read Upload-Offset or Upload-Length: bytes, as a non-negative integer.

    :raises MalformedRequest: if it is not that.
    """
    if _NUMBER.fullmatch(value) is None:
        raise MalformedRequest(f"{name} is not a number of bytes")
    return int(value)


def declared_length(length: str | None, deferred: str | None) -> int | None:
    """
    Read Upload-Length, or Upload-Defer-Length in its place; ``None`` if the length comes later.

    :raises MalformedRequest: if neither is there, or both are, or one cannot be read.
    """
    if deferred is not None and deferred != "1":
        raise MalformedRequest("Upload-Defer-Length can only be 1")
    if length is not None and deferred is not None:
        raise MalformedRequest("Upload-Length and Upload-Defer-Length exclude each other")
    if length is not None:
        return number("Upload-Length", length)
    if deferred is None:
        raise MalformedRequest("the request needs Upload-Length, or Upload-Defer-Length: 1")
    return None


def _base64(name: str, text: str) -> bytes:
    try:
        return b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise MalformedRequest(f"{name} has a value that is not Base64") from None


def metadata(value: str | None) -> Mapping[str, bytes]:
    """
    Read Upload-Metadata: pairs of a key and a value in Base64, which may be left out.

    Some clients (tuspy) send the field without any pair, if they have none.

    :raises MalformedRequest: if it cannot be read, has a key twice, or is too
        long; ``limit`` in bytes or pairs.
    """
    if not value:
        return MappingProxyType({})
    if len(value) > MAX_METADATA:
        raise MalformedRequest(
            f"Upload-Metadata has more than {MAX_METADATA} bytes", limit=MAX_METADATA
        )
    pairs = value.split(",")
    if len(pairs) > MAX_PAIRS:
        raise MalformedRequest(f"Upload-Metadata has more than {MAX_PAIRS} pairs", limit=MAX_PAIRS)
    read: dict[str, bytes] = {}
    for pair in pairs:
        # Field lines that a proxy has joined have a space after the comma (RFC 9110, 5.3).
        key, _, text = pair.strip(" \t").partition(" ")
        if _KEY.fullmatch(key) is None:
            raise MalformedRequest("Upload-Metadata has a key that is empty or not ASCII")
        if key in read:
            raise MalformedRequest("Upload-Metadata has a key twice")
        read[key] = _base64("Upload-Metadata", text)
    return MappingProxyType(read)


def checksum(value: str) -> Checksum:
    """
    Read Upload-Checksum: an algorithm and a digest in Base64.

    :raises MalformedRequest: if it is not that, or of an algorithm that is not taken.
    """
    algorithm, space, text = value.partition(" ")
    if not space or algorithm not in ALGORITHMS:
        names = ", ".join(ALGORITHMS)
        raise MalformedRequest(f"Upload-Checksum needs one of {names}, a space and the checksum")
    try:
        return Checksum(algorithm, _base64("Upload-Checksum", text))
    except ValueError:
        raise MalformedRequest(f"Upload-Checksum is not as long as a {algorithm}") from None


def upload_id(url: str) -> str:
    """
    Tell the id of an upload from its URL, whatever host that names: an id is unguessable.

    :raises MalformedRequest: if there is none at its end.
    """
    try:
        path = urlsplit(url).path
    except ValueError:
        path = ""
    found = path.rpartition("/")[2]
    if _ID.fullmatch(found) is None:
        raise MalformedRequest("Upload-Concat has a URL that is not that of an upload")
    return found


@frozen
class Concat:
    """
    What Upload-Concat tells of an upload.

    :ivar parts: the ids of the uploads that it is joined from, in order;
        ``None`` if it is itself a part.
    """

    parts: tuple[str, ...] | None = None

    @property
    def is_final(self) -> bool:
        """Tell whether it is joined from others."""
        return self.parts is not None


def concat(value: str) -> Concat:
    """
    Read Upload-Concat: ``partial``, or ``final`` and URLs.

    :raises MalformedRequest: if it is neither, or has too many URLs; ``limit``.
    """
    if value == "partial":
        return Concat()
    kind, semicolon, urls = value.partition(";")
    if kind != "final" or not semicolon:
        raise MalformedRequest("Upload-Concat is neither partial nor final with URLs")
    listed = urls.split()
    if not listed:
        raise MalformedRequest("Upload-Concat has no URL of an upload to join")
    if len(listed) > MAX_PARTS:
        raise MalformedRequest(f"Upload-Concat has more than {MAX_PARTS} URLs", limit=MAX_PARTS)
    return Concat(tuple(map(upload_id, listed)))
