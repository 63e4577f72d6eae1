"""Which credential a client is asked for when it brings none, or a bad one (RFC 9110, 11.6.1)."""

from __future__ import annotations

from typing import Final

from hmacfs.base.errors import Refusal, ScopeMissing, SignatureMissing
from hmacfs.web.request import StreamingRequest

_REALM: Final = 'realm="hmac-file-server"'
_V1: Final = f"HMAC-SHA256 {_REALM}"
_V2: Final = f"HMAC-SHA256-V2 {_REALM}"
_URL_SIGNATURES: Final = frozenset({"v", "v2", "token", "signature", "get"})


def is_api(request: StreamingRequest) -> bool:
    """Tell whether a request is for the API, whose errors are always problem documents."""
    path = request.target.path
    # Of a target that cannot be read there is no path.
    return path == b"api" or path.startswith(b"api/") or request.uri.startswith(b"/api/")


def challenge(request: StreamingRequest, refusal: Refusal) -> str | None:
    """
    Tell what WWW-Authenticate says with this refusal of a credential.

    ``None`` is for those whose credential belongs in the URL: XMPP clients,
    whose server got the URL for them, can do nothing about it.
    """
    path = request.target.path
    if path.startswith(b"api/v1/"):
        return _V1
    if path.startswith(b"api/v2/"):
        return _V2
    if is_api(request):
        return f"{_bearer(refusal)}, {_V2}"
    if not request.requestHeaders.hasHeader(b"Authorization"):
        by_url = not _URL_SIGNATURES.isdisjoint(request.target.parameters)
        if by_url or request.method == b"PUT":
            return None
    return _bearer(refusal)


def _bearer(refusal: Refusal) -> str:
    # RFC 6750, 3: no code where there was no credential.
    if isinstance(refusal, SignatureMissing):
        return f"Bearer {_REALM}"
    if isinstance(refusal, ScopeMissing):
        scope = refusal.facts.get("scope", "")
        return f'Bearer {_REALM}, error="insufficient_scope", scope="{scope}"'
    return f'Bearer {_REALM}, error="invalid_token"'
