"""How credentials are written: the Authorization header, hexadecimal, base64, times."""

from __future__ import annotations

import base64
import binascii
import re

from hmacfs.auth.facts import RequestFacts
from hmacfs.base.errors import (
    SignatureExpired,
    SignatureMissing,
    SignatureNotYetValid,
    SignatureWrong,
)

_AUTHORIZATION = re.compile(r"([!#-'*+.^-`|~0-9A-Za-z-]+) +([^ ].*)", re.DOTALL)
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]{64}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{43}=")


LONGEST_TOLD = 200
"""Characters of a fact that the refusal of a signature tells; clients may send very many."""


def misfit(sentence: str, **tried: str | int) -> SignatureWrong:
    """
    Make the refusal of a signature that is not over these facts.

    :param tried: the facts that it was verified against, for whoever has to find out which of
        them the signer meant otherwise.
    """
    told = {
        name: fact if isinstance(fact, int) else fact[:LONGEST_TOLD] for name, fact in tried.items()
    }
    return SignatureWrong(sentence, **told)


def authorization(facts: RequestFacts, scheme: str) -> str | None:
    """Tell what follows this scheme, in lower case, in Authorization (RFC 9110, 11.6.2)."""
    return credentials_of(facts.headers.get("authorization"), scheme)


def credentials_of(header: str | None, scheme: str) -> str | None:
    """Tell what follows this scheme, in lower case, in the value of Authorization, if it is one."""
    match = _AUTHORIZATION.fullmatch(header or "")
    if match is None or match[1].lower() != scheme:
        return None
    return match[2]


def from_hexadecimal(text: str) -> bytes | None:
    """Read a digest of 32 bytes in hexadecimal digits of either case."""
    return None if _HEXADECIMAL.fullmatch(text) is None else bytes.fromhex(text)


def from_base64(text: str) -> bytes | None:
    """
    Read a digest of 32 bytes in base64 (RFC 4648, 4).

    Only the one way of writing it that an encoder has is taken, so that a
    signature has one text.
    """
    if _BASE64.fullmatch(text) is None:
        return None
    digest = binascii.a2b_base64(text)
    return digest if base64.b64encode(digest).decode() == text else None


def signature_in_header(facts: RequestFacts, scheme: str) -> bytes:
    """
    Read the HMAC-SHA256, in base64, that stands in Authorization under a scheme of our own.

    :raises SignatureMissing: if the header is not of this scheme.
    :raises SignatureWrong: if there is anything else under it.
    """
    text = authorization(facts, scheme.lower())
    if text is None:
        raise SignatureMissing(f"the request carries no {scheme} signature")
    digest = from_base64(text)
    if digest is None:
        raise SignatureWrong(f"the {scheme} signature is not 32 bytes in base64")
    return digest


def check_time(now: float, earliest: float, latest: float) -> None:
    """
    Insist on a time, in seconds since the epoch, that lies between these two, or is one of them.

    :raises SignatureNotYetValid: if it is before.
    :raises SignatureExpired: if it is after.
    """
    if now < earliest:
        raise SignatureNotYetValid("the signature is not valid yet; are the clocks right?")
    if now > latest:
        raise SignatureExpired("the signature has expired")
