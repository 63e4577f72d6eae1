"""Digests of a whole file in headers (RFC 9530); sha-256 is the only algorithm."""

from __future__ import annotations

from typing import cast

import http_sf
from http_sf import DictionaryType

from hmacfs.base.errors import MalformedRequest

_ALGORITHM = "sha-256"
_SHA256_BYTES = 32
_MAX_PREFERENCE = 10


def _member(header: str) -> object:
    """
    Tell what a dictionary holds for our algorithm, without parameters; ``None`` if nothing.

    :raises ValueError: if the header is not a dictionary (RFC 9651).
    """
    members = cast(DictionaryType, http_sf.parse(header.encode(), tltype="dictionary"))
    member = members.get(_ALGORITHM)
    return member[0] if isinstance(member, tuple) else member


def wants_sha256(header: str) -> bool:
    """
    Tell whether a Want-Repr-Digest asks for the digest we have (RFC 9530, 4).

    It is a wish, so one that cannot be read is no error.
    """
    try:
        preference = _member(header)
    except ValueError:
        return False
    # A key alone is the boolean true, which is an int to Python but not to the RFC.
    return type(preference) is int and 0 < preference <= _MAX_PREFERENCE


def render(sha256: bytes) -> str:
    """Write the Repr-Digest of a file with this digest (RFC 9530, 3)."""
    return http_sf.ser({_ALGORITHM: sha256})


def parse(header: str) -> bytes | None:
    """
    Read the SHA-256 in a Repr-Digest, 32 bytes; ``None`` if it tells only others.

    :raises MalformedRequest: if it cannot be read.
    """
    try:
        digest = _member(header)
    except ValueError:
        raise MalformedRequest("Repr-Digest is not a dictionary of digests") from None
    if digest is None:
        return None
    if not isinstance(digest, bytes) or len(digest) != _SHA256_BYTES:
        raise MalformedRequest(f"Repr-Digest has a {_ALGORITHM} that is not {_SHA256_BYTES} bytes")
    return digest
