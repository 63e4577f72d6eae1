"""JSON Web Tokens (RFC 7519) signed with a secret: reading and writing them."""

from __future__ import annotations

import binascii
import json
import math
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any, NoReturn

from attrs import Factory, field, frozen
from jwt import PyJWS
from jwt.algorithms import HMACAlgorithm
from jwt.exceptions import PyJWTError

from hmacfs.auth.claims import Claims
from hmacfs.auth.credentials import authorization
from hmacfs.auth.facts import RequestFacts
from hmacfs.auth.keyring import Keyring
from hmacfs.base.errors import SignatureMissing, SignatureWrong, TokenRefused

MAX_TOKEN = 8192
"""Longest token in characters."""

HASHES = {
    "HS256": HMACAlgorithm.SHA256,
    "HS384": HMACAlgorithm.SHA384,
    "HS512": HMACAlgorithm.SHA512,
}
"""The algorithms there are (RFC 7518, 3.2), by name."""

_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# The message of a query signature, whose file name is the client's to choose,
# could begin like a token; it always ends like this.
_QUERY_SIGNATURE = re.compile(r"[0-9]{11}[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\Z")
_NOT_UNDERSTOOD = ("crit", "b64", "zip", "enc")


class _AnyLength(HMACAlgorithm):
    """HMAC that leaves the length of the secret to the checks of the configuration."""

    def check_key_length(self, key: Any) -> str | None:
        return None


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")


def _parsed(payload: bytes) -> Mapping[str, object]:
    """Read a JSON object; raises a ValueError or a RecursionError."""
    value = json.loads(payload.decode("utf-8"), parse_constant=_no_number)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def bearer_token(facts: RequestFacts) -> str | None:
    """Tell the bearer token if it has the shape of a JWT: there is a dot in it."""
    token = authorization(facts, "bearer")
    return token if token is not None and "." in token else None


def required_token(facts: RequestFacts) -> str:
    """
    Tell the bearer token.

    :raises SignatureMissing: if there is none that has the shape of a JWT.
    """
    token = bearer_token(facts)
    if token is None:
        raise SignatureMissing("the request carries no bearer token")
    return token


def unverified_claims(token: str) -> Mapping[str, object]:
    """
    Tell what a token claims, of which nothing can be believed.

    It serves to find the scheme that shall verify it.  Of what is no token the
    claims are none.
    """
    if len(token) > MAX_TOKEN or _SHAPE.fullmatch(token) is None:
        return {}
    try:
        return _parsed(urlsafe_b64decode(token.split(".")[1] + "=="))
    except (binascii.Error, ValueError, RecursionError):
        return {}


def _make_jws(tokens: Tokens) -> PyJWS:
    if tokens.algorithm not in HASHES:
        raise ValueError(f"there is no algorithm {tokens.algorithm!r} for tokens with a secret")
    jws = PyJWS(algorithms=())
    jws.register_algorithm(tokens.algorithm, _AnyLength(HASHES[tokens.algorithm]))
    return jws


@frozen
class Tokens:
    """
    The tokens of one issuer.

    :ivar algorithm: the one algorithm that is accepted, whatever a token says;
        one of :data:`HASHES`, else a ValueError is raised.
    """

    keyring: Keyring
    algorithm: str = "HS256"
    _jws: PyJWS = field(
        init=False, eq=False, repr=False, default=Factory(_make_jws, takes_self=True)
    )

    def read(self, token: str, now: float = math.inf) -> Claims:
        """
        Verify a token's signature and read its claims; their meaning is not looked at.

        :raises SignatureWrong: if the signature does not fit.
        :raises TokenRefused: if it fits something that is no set of claims, or
            that asks for more than is understood.
        """
        if len(token) > MAX_TOKEN:
            raise SignatureWrong(f"the token is longer than {MAX_TOKEN} characters")
        signing_input, _, _ = token.rpartition(".")
        if _SHAPE.fullmatch(token) is None or _QUERY_SIGNATURE.search(signing_input):
            raise SignatureWrong("the token is not a signed JWT")
        decoded, fitting = None, []
        # Every secret is tried, so the time taken does not tell which fitted.
        for key in self.keyring.verifying(now):
            try:
                decoded = self._jws.decode_complete(token, key.secret, [self.algorithm])
            except (PyJWTError, RecursionError):
                continue
            fitting.append(key)
        self.keyring.note(fitting)
        if decoded is None:
            raise SignatureWrong(f"the token has no signature of {self.algorithm} that fits")
        header = decoded["header"]
        if str(header.get("typ", "JWT")).upper() != "JWT":
            raise TokenRefused("the token is not of the type JWT")
        if any(name in header for name in _NOT_UNDERSTOOD):
            raise TokenRefused("the token has extensions that are not understood")
        try:
            return Claims(_parsed(decoded["payload"]))
        except (ValueError, RecursionError):
            raise TokenRefused("the token holds no claims that can be read") from None

    def write(self, claims: Mapping[str, object], now: float) -> str:
        """
        Sign claims.

        :raises LookupError: if no key signs at this time.
        """
        payload = json.dumps(claims, ensure_ascii=False, separators=(",", ":")).encode()
        secret = self.keyring.signing_key(now).secret
        return self._jws.encode(payload, secret, self.algorithm)
