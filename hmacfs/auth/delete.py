"""
Metronome's signed delete: ``DELETE /path?token=MAC``.

The MAC is the hexadecimal HMAC-SHA256 under the shared secret of the path, NUL
and a second secret that is only for this (mod_http_upload_external of
Metronome, ``http_upload_external_delete_secret``).
"""

from __future__ import annotations

from attrs import field, frozen

from hmacfs.auth.credentials import from_hexadecimal
from hmacfs.auth.facts import RequestFacts
from hmacfs.auth.keyring import Keyring
from hmacfs.auth.permit import Permit, Scope
from hmacfs.base.errors import SignatureWrong


def message(path: bytes, delete_secret: str) -> bytes:
    """Make the message that is signed."""
    return b"%s\0%s" % (path, delete_secret.encode())


@frozen
class SignedDelete:
    """The MAC of a signed delete."""

    keyring: Keyring
    delete_secret: str = field(repr=False)
    name: str = "delete"

    def is_used_by(self, facts: RequestFacts) -> bool:
        """Tell whether the request carries this MAC."""
        return facts.method == "DELETE" and "token" in facts.parameters

    def read(self, facts: RequestFacts) -> Permit:
        """
        Verify the MAC.

        :raises SignatureWrong: if it does not fit.
        :raises NameRefused: if it fits a path that cannot be a name.
        """
        given = from_hexadecimal(facts.parameters["token"])
        if given is None:
            raise SignatureWrong("token is not a MAC of 64 hexadecimal digits")
        if not self.keyring.verifies(message(facts.path, self.delete_secret), given, facts.now):
            raise SignatureWrong("token does not fit this path")
        return Permit(scheme=self.name, scopes=frozenset({Scope.DELETE}), name=facts.name)
