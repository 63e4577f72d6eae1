"""
Download links: ``GET /path?expires=UNIX&get=MAC``.

The MAC is the hexadecimal HMAC-SHA256 under the shared secret of ``GET``, NUL,
the time at which the link ends, NUL, and the path.  HEAD is covered too.  The
MAC of an upload is never a link, nor the other way round
(:data:`hmacfs.auth.mac.LINK_PATH`).
"""

from __future__ import annotations

import re

from attrs import frozen

from hmacfs.auth.credentials import from_hexadecimal
from hmacfs.auth.facts import RequestFacts
from hmacfs.auth.keyring import Keyring
from hmacfs.auth.mac import LINK_PATH
from hmacfs.auth.permit import Permit, Scope
from hmacfs.base.errors import MalformedRequest, SignatureExpired, SignatureWrong

_EXPIRES = re.compile(r"0|[1-9][0-9]{0,11}")


def message(path: bytes, expires: int) -> bytes:
    """Make the message that is signed."""
    return b"%s\0%d\0%s" % (LINK_PATH, expires, path)


@frozen
class DownloadLink:
    """The MAC of a download link."""

    keyring: Keyring
    name: str = "get"

    def is_used_by(self, facts: RequestFacts) -> bool:
        """Tell whether the request carries this MAC."""
        return "get" in facts.parameters

    def read(self, facts: RequestFacts) -> Permit:
        """
        Verify the MAC.

        :raises MalformedRequest: if the time at which it ends is missing or is none.
        :raises SignatureWrong: if it does not fit.
        :raises SignatureExpired: if the link has ended.
        :raises NameRefused: if it fits a path that cannot be a name.
        """
        expires = facts.parameters.get("expires", "")
        if _EXPIRES.fullmatch(expires) is None:
            raise MalformedRequest("the link comes without 'expires' in seconds since 1970")
        given = from_hexadecimal(facts.parameters["get"])
        if given is None:
            raise SignatureWrong("get is not a MAC of 64 hexadecimal digits")
        text = message(facts.path, int(expires))
        if facts.method not in ("GET", "HEAD") or not self.keyring.verifies(text, given, facts.now):
            raise SignatureWrong("get does not fit this path and time")
        if facts.now >= int(expires):
            raise SignatureExpired("the link has ended")
        return Permit(scheme=self.name, scopes=frozenset({Scope.DOWNLOAD}), name=facts.name)
