"""
The bearer MAC of the 2.x documents: ``Authorization: Bearer MAC``.

The MAC is that of ``v`` (:mod:`hmacfs.auth.mac`), over path, space and length
of the file, in hexadecimal or base64.  A token with a dot is a JWT.
"""

from __future__ import annotations

from attrs import frozen

from hmacfs.auth.credentials import authorization, from_base64, from_hexadecimal, misfit
from hmacfs.auth.facts import RequestFacts
from hmacfs.auth.keyring import Keyring
from hmacfs.auth.mac import message_v
from hmacfs.auth.pending import Fact, FileFacts, Pending, settled
from hmacfs.auth.permit import Permit
from hmacfs.base.errors import SignatureMissing, SignatureWrong


@frozen
class BearerMac:
    """A MAC as a bearer token."""

    keyring: Keyring
    name: str = "bearer"

    def is_used_by(self, facts: RequestFacts) -> bool:
        """Tell whether the request carries a bearer token that is no JWT."""
        token = authorization(facts, "bearer")
        return token is not None and "." not in token

    def read(self, facts: RequestFacts) -> Permit | Pending:
        """
        Verify the MAC; of a file in a form, once its size is known.

        :raises SignatureMissing: if there is no bearer token.
        :raises SignatureWrong: if it does not fit.
        :raises LengthRequired: if the length it covers is not known.
        :raises NameRefused: if it fits a path that cannot be a name.
        """
        token = authorization(facts, "bearer")
        if token is None:
            raise SignatureMissing("the request carries no bearer token")
        given = from_hexadecimal(token) or from_base64(token)
        if given is None:
            raise SignatureWrong("the bearer token is neither a JWT nor a MAC in hex or base64")

        def verify(file: FileFacts) -> Permit:
            message = message_v(facts.path, file.size, file.content_type)
            if not self.keyring.verifies(message, given, facts.now):
                sentence = "the bearer MAC does not fit this path and size"
                raise misfit(sentence, path=facts.path_told, size=file.size)
            return Permit(scheme=self.name, name=facts.name, size=file.size)

        return settled(self.name, frozenset({Fact.SIZE}), facts.announced, verify)
