"""Tokens made by hand, so that the tests do not read with what wrote them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def encode(data: bytes) -> str:
    """Write base64url without padding (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign_segments(segments: str, secret: str, algorithm: str = "HS256") -> str:
    """Append the signature to header and payload."""
    digest = hmac.digest(secret.encode(), segments.encode(), HASHES[algorithm])
    return f"{segments}.{encode(digest)}"


def make_raw(header: bytes, payload: bytes, secret: str, algorithm: str = "HS256") -> str:
    """Make a token of a header and a payload that may be no JSON."""
    return sign_segments(f"{encode(header)}.{encode(payload)}", secret, algorithm)


def make(
    claims: object,
    secret: str,
    algorithm: str = "HS256",
    **header: object,
) -> str:
    """Make a token; ``header`` is put over ``alg`` and ``typ``."""
    written = json.dumps({"alg": algorithm, "typ": "JWT", **header}).encode()
    return make_raw(written, json.dumps(claims).encode(), secret, algorithm)
