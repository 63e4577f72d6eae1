"""
The tokens of the V3 API: ``Authorization: Bearer JWT``.

One token is good for many requests: it says who may do what until when.
Claims: ``exp`` must be there; ``iss``, ``aud``, ``nbf``, ``iat``, ``scope``,
``upload_quota`` and ``allowed_types`` hold where they are there; ``sub`` is the
owner of what is uploaded.
"""

from __future__ import annotations

import math
import re
from urllib.parse import urlsplit

from attrs import frozen

from hmacfs.auth.claims import LEEWAY, Claims
from hmacfs.auth.facts import RequestFacts
from hmacfs.auth.file_share import is_slot
from hmacfs.auth.jws import Tokens, bearer_token, required_token, unverified_claims
from hmacfs.auth.permit import Permit, Scope
from hmacfs.base.errors import TokenRefused

DEFAULT_SCOPES = frozenset({Scope.UPLOAD, Scope.DOWNLOAD})
"""What a token without the claim ``scope`` allows."""

_PATTERN = re.compile(r"\*|[a-z0-9!#$&^_.+*-]+/[a-z0-9!#$&^_.+*-]+")


def audiences_of(base_url: str) -> tuple[str, ...]:
    """
    Tell what issuers call the server of this public base URL: the URL, and its host.

    Never the Host header of a request, which is the client's to choose.
    """
    url = base_url.rstrip("/")
    parts = urlsplit(url)
    names = (url, f"{url}/", parts.netloc, parts.hostname or "")
    return tuple(dict.fromkeys(name for name in names if name.strip("/")))


@frozen
class V3Token:
    """
    The tokens that are verified with the JWT secret.

    :ivar issuer: what ``iss`` must be, where it is claimed.
    :ivar audiences: of which ``aud`` must be or hold one, where it is claimed.
    :ivar leeway: how far the clocks may differ, in seconds.
    :ivar longest_life: how long a token may be good altogether, in seconds.
    """

    tokens: Tokens
    issuer: str = "hmac-file-server"
    audiences: tuple[str, ...] = ()
    leeway: float = LEEWAY
    longest_life: float = math.inf
    name: str = "jwt"

    def is_used_by(self, facts: RequestFacts) -> bool:
        """Tell whether the request carries a token, and not one of a Prosody slot."""
        token = bearer_token(facts)
        return token is not None and not is_slot(unverified_claims(token))

    def read(self, facts: RequestFacts) -> Permit:
        """
        Verify the token.

        :raises SignatureMissing: if there is none.
        :raises SignatureWrong: if the signature does not fit.
        :raises TokenRefused: if it is for another server, or is no V3 token.
        :raises SignatureExpired: if its time is over.
        :raises SignatureNotYetValid: if its time has not come.
        """
        claims = self.tokens.read(required_token(facts), facts.now)
        if is_slot(claims.values):
            raise TokenRefused("the token of an upload slot is no V3 token")
        if claims.text("iss") not in (None, self.issuer):
            raise TokenRefused("the token is from another issuer")
        audiences = claims.texts("aud")
        if audiences is not None and not set(audiences) & set(self.audiences):
            raise TokenRefused("the token is for another server")
        claims.check_time(facts.now, self.leeway)
        self._check_life(claims, facts.now)
        return Permit(
            scheme=self.name,
            scopes=_scopes(claims),
            owner=claims.text("sub"),
            quota=claims.count("upload_quota"),
            allowed_types=_allowed_types(claims),
        )

    def _check_life(self, claims: Claims, now: float) -> None:
        # Of a token that does not say when it was made, what is left of it counts.
        expires, issued = claims.time("exp"), claims.time("iat")
        life = (now if expires is None else expires) - (now if issued is None else issued)
        if life > self.longest_life + self.leeway:
            raise TokenRefused(
                f"the token is good for longer than the {self.longest_life:g} seconds allowed"
            )


def _scopes(claims: Claims) -> frozenset[Scope]:
    """Read ``scope``: a list, or texts with spaces between them (RFC 8693, 4.2)."""
    claimed = claims.texts("scope")
    if claimed is None:
        return DEFAULT_SCOPES
    words = {word for text in claimed for word in text.split()}
    return frozenset(scope for scope in Scope if scope.value in words)


def _allowed_types(claims: Claims) -> tuple[str, ...] | None:
    patterns = claims.texts("allowed_types")
    if patterns is None:
        return None
    lowered = tuple(pattern.lower() for pattern in patterns)
    if not all(map(_PATTERN.fullmatch, lowered)):
        raise TokenRefused("the claim 'allowed_types' is not a list of media types")
    return lowered
