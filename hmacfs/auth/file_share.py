"""
The tokens of Prosody's mod_http_file_share: ``Authorization: Bearer JWT``.

With ``http_file_share_base_url`` set, Prosody leaves the files to an external
server (prosody.im/doc/external_upload) and issues, for each slot, a token that
names the file: its path is ``slot/filename``, and size, type, owner and expiry
are claimed too.  It is a token for one upload, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from hmacfs.auth.claims import LEEWAY
from hmacfs.auth.facts import RequestFacts
from hmacfs.auth.jws import Tokens, bearer_token, required_token, unverified_claims
from hmacfs.auth.permit import Permit
from hmacfs.base.errors import TokenRefused
from hmacfs.base.names import StoredName


def is_slot(claims: Mapping[str, object]) -> bool:
    """Tell whether these are the claims of a slot, whoever signed them."""
    return "slot" in claims and "filename" in claims


@frozen
class SlotToken:
    """
    The tokens that are verified with the secret shared with mod_http_file_share.

    :ivar leeway: how far the clocks may differ, in seconds.
    """

    tokens: Tokens
    leeway: float = LEEWAY
    name: str = "prosody"

    def is_used_by(self, facts: RequestFacts) -> bool:
        """Tell whether the request carries a token that claims to be of a slot."""
        token = bearer_token(facts)
        return token is not None and is_slot(unverified_claims(token))

    def read(self, facts: RequestFacts) -> Permit:
        """
        Verify the token.

        :raises SignatureMissing: if there is none.
        :raises SignatureWrong: if the signature does not fit.
        :raises TokenRefused: if it does not claim what a slot does.
        :raises SignatureExpired: if its time is over.
        :raises SignatureNotYetValid: if its time has not come.
        :raises NotCovered: if it is for another path.
        :raises NameRefused: if its path cannot be a name.
        """
        claims = self.tokens.read(required_token(facts), facts.now)
        slot, filename = claims.text("slot"), claims.text("filename")
        size = claims.count("filesize")
        if slot is None or filename is None or size is None:
            raise TokenRefused("the token is not that of an upload slot")
        claims.check_time(facts.now, self.leeway)
        permit = Permit(
            scheme=self.name,
            name=StoredName.parse(f"{slot}/{filename}".encode("utf-8", "surrogatepass")),
            size=size,
            content_type=claims.text("filetype"),
            owner=claims.text("sub"),
            file_expires_at=claims.time("expires"),
        )
        permit.check_name(facts.name)
        return permit
