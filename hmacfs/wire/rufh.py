"""
The header fields of resumable uploads for HTTP (draft-ietf-httpbis-resumable-upload).

Drafts that cannot talk to each other are told apart by an interop version:
-01 is 3, -02 is 4, -03 is 5, -04 and -05 are 6, -06 to -08 are 7, -09 to -11
are 8, and -12 is 9.  The fields are structured (RFC 9651); one that cannot be
read counts as absent, as the draft has it.
"""

from __future__ import annotations

from typing import Final

import http_sf
from attrs import frozen
from http_sf import DictionaryType

from hmacfs.base.errors import MalformedRequest
from hmacfs.wire.checksums import SIZES, Checksum
from hmacfs.wire.content_type import MediaType

CONTENT_TYPE: Final = MediaType("application", "partial-upload")
"""The type of a body that is a part of a representation."""

OLDEST: Final = 3
NEWEST: Final = 9

PROBLEM_TYPES: Final = "https://iana.org/assignments/http-problem-types#"
"""What the names of the draft's problem types stand after (RFC 9457)."""

_LARGEST = 999_999_999_999_999
_ALGORITHMS = {"sha-256": "sha256", "sha-512": "sha512"}


@frozen
class Dialect:
    """
    The draft that a client speaks.

    :ivar version: its interop version.
    :ivar is_agreed: whether the client has said so: only then are there
        interim responses.
    """

    version: int = NEWEST
    is_agreed: bool = False

    @property
    def is_inverted(self) -> bool:
        """Whether completeness is told by Upload-Incomplete."""
        return self.version == OLDEST

    @property
    def completeness(self) -> str:
        """The field that tells whether a request ends the upload."""
        return "Upload-Incomplete" if self.is_inverted else "Upload-Complete"

    @property
    def tells_progress(self) -> bool:
        """Whether interim responses may tell the offset."""
        return self.version >= 5

    @property
    def needs_type(self) -> bool:
        """Whether an append needs the content type."""
        return self.version >= 6

    @property
    def excess_is_inconsistent(self) -> bool:
        """Whether bytes for an upload that is complete are a matter of its length."""
        return self.version >= NEWEST

    @property
    def ends_by_length(self) -> bool:
        """
        Whether an upload ends with its last byte too.

        The first drafts had no Upload-Length.  Clients of them that send it all
        the same (tus-js-client) do not say which part is the last.
        """
        return self.version <= 6

    def is_complete(self, value: str | None) -> bool | None:
        """Read the field :attr:`completeness`: whether the body ends the upload."""
        told = _item(value)
        if not isinstance(told, bool):
            return None
        return told is not self.is_inverted

    def complete(self, done: bool) -> str:
        """Write the field :attr:`completeness`."""
        return "?1" if done is not self.is_inverted else "?0"

    def limits(self, *, max_size: int, max_age: float | None = None) -> str:
        """
        Write Upload-Limit.

        :param max_size: the largest upload in bytes.
        :param max_age: seconds that are left to the upload, if it has begun.
        """
        size: DictionaryType = {"max-size": max_size}
        if max_age is None:
            return http_sf.ser(size)
        name = "expires" if self.version <= 6 else "max-age"
        return http_sf.ser({**size, name: max(0, int(max_age))})


def dialect(value: str | None) -> Dialect:
    """Read Upload-Draft-Interop-Version; whoever speaks none we know gets the newest."""
    told = integer(value)
    if told is not None and OLDEST <= told <= NEWEST:
        return Dialect(told, is_agreed=True)
    return Dialect()


def _item(value: str | None) -> object:
    if value is None:
        return None
    try:
        parsed = http_sf.parse(value.encode(), tltype="item")
    except ValueError:
        return None
    return parsed[0] if isinstance(parsed, tuple) else parsed


def integer(value: str | None) -> int | None:
    """Read Upload-Offset or Upload-Length: a non-negative integer; ``None`` if it is not that."""
    told = _item(value)
    # A boolean is an integer to Python, but not to RFC 9651.
    if type(told) is not int or not 0 <= told <= _LARGEST:
        return None
    return told


def content_digest(value: str | None) -> Checksum | None:
    """
    Read Content-Digest (RFC 9530, 2); ``None`` if it tells of no algorithm that is known here.

    :raises MalformedRequest: if it cannot be read.
    """
    if value is None:
        return None
    try:
        members = http_sf.parse(value.encode(), tltype="dictionary")
    except ValueError:
        members = None
    if not isinstance(members, dict):
        raise MalformedRequest("Content-Digest is not a dictionary of digests")
    for name, algorithm in _ALGORITHMS.items():
        if name in members:
            member = members[name]
            digest = member[0] if isinstance(member, tuple) else member
            if not isinstance(digest, bytes) or len(digest) != SIZES[algorithm]:
                raise MalformedRequest(
                    f"Content-Digest has a {name} that is not {SIZES[algorithm]} bytes"
                )
            return Checksum(algorithm, digest)
    return None
