"""How administrators prove who they are: a token (RFC 6750), or name and password (RFC 7617)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final, Protocol

from attrs import field, frozen

from hmacfs.auth.credentials import credentials_of
from hmacfs.auth.permit import Permit, Scope
from hmacfs.base.errors import Refusal, SignatureMissing, SignatureWrong

REALM: Final = 'realm="hmac-file-server administration"'

_SCOPES: Final = frozenset({Scope.ADMIN})


class Credential(Protocol):
    """What administrators are recognised by."""

    def verify(self, header: str | None) -> Permit:
        """
        Recognise an administrator by what Authorization says.

        :raises SignatureMissing: if it says nothing of this kind.
        :raises SignatureWrong: if it says something else.
        """
        raise NotImplementedError

    def challenge(self, refusal: Refusal) -> str:
        """Tell what WWW-Authenticate says with a refusal of it."""
        raise NotImplementedError


@frozen
class Token:
    """A token; the empty one is nobody's."""

    token: str = field(repr=False)

    def verify(self, header: str | None) -> Permit:
        """Recognise an administrator; see :class:`Credential`."""
        given = credentials_of(header, "bearer")
        if given is None:
            raise SignatureMissing("a token is needed: Authorization: Bearer TOKEN")
        if not _is_same(given, self.token):
            raise SignatureWrong("this is not the token of the administrators")
        return Permit("admin-token", _SCOPES)

    def challenge(self, refusal: Refusal) -> str:
        """Ask for the token; where there was none, without an error (RFC 6750, 3.1)."""
        if isinstance(refusal, SignatureMissing):
            return f"Bearer {REALM}"
        return f'Bearer {REALM}, error="invalid_token"'


@frozen
class Login:
    """A name and a password; with an empty password it is nobody's."""

    username: str
    password: str = field(repr=False)

    def verify(self, header: str | None) -> Permit:
        """Recognise an administrator; see :class:`Credential`."""
        given = credentials_of(header, "basic")
        if given is None:
            raise SignatureMissing("a name and a password are needed: Authorization: Basic …")
        name, password = _pair(given)
        # Both are compared whatever the first is, so that the time tells nothing of it.
        is_name = _is_same(name, self.username)
        is_password = _is_same(password, self.password)
        if not (is_name and is_password):
            raise SignatureWrong("this is not the name and the password of the administrator")
        return Permit("admin-password", _SCOPES, owner=self.username)

    def challenge(self, refusal: Refusal) -> str:
        """Ask for name and password, which are taken in UTF-8 (RFC 7617, 2.1)."""
        return f'Basic {REALM}, charset="UTF-8"'


def _pair(text: str) -> tuple[str, str]:
    try:
        name, _, password = base64.b64decode(text, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        raise SignatureWrong("what follows Basic is not base64 of NAME:PASSWORD") from None
    return name, password


def _is_same(given: str, wanted: str) -> bool:
    # Digests have one length, so that the time tells nothing of that of the secret either.
    both = (
        hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (given, wanted)
    )
    return hmac.compare_digest(*both) and bool(wanted)
