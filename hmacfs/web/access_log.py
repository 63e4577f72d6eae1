"""One line for each request, without anything that would let a reader repeat it."""

from __future__ import annotations

import re
from urllib.parse import quote_from_bytes, unquote_to_bytes

from hmacfs.base.addresses import Address
from hmacfs.web.request import StreamingRequest

SECRET_PARAMETERS = ("v", "v2", "v3", "token", "signature", "get", "access_token", "session")
"""Query parameters whose values are never written down."""

CAPABILITIES = (b"/api/v3/upload/", b"/api/v3/progress/")
"""What the segment of a path comes after that is as good as a credential."""

LONGEST_VALUE = 40
"""Bytes of a value beyond which it may be a secret under a mistyped name, and is not written."""

FORMAT = "{client} {method} {uri} {status} in={received} out={sent}"
"""The line of a request."""

_CAPABILITY = re.compile(rb"(?:sess_)?[A-Za-z0-9_-]{43}")
"""The id of an upload: 256 bits in base64url, which is all it takes to use it; V3 adds a word."""

_SHOWN = 6
"""Characters of such an id that are written, to tell uploads apart."""

_SECRET = frozenset(name.encode() for name in SECRET_PARAMETERS)


def censored(uri: bytes) -> str:
    """Show a request target with its secrets blanked and nothing that breaks a line."""
    path, mark, query = uri.partition(b"?")
    shown = b"&".join(_shown(piece) for piece in query.split(b"&"))
    return (_shown_path(path) + mark + shown).decode("ascii", "backslashreplace")


def _shown_path(path: bytes) -> bytes:
    # An escaped path is the same path to the routes.
    decoded = unquote_to_bytes(path)
    for place in CAPABILITIES:
        if decoded.startswith(place) and len(decoded) > len(place):
            _, slash, rest = decoded[len(place) :].partition(b"/")
            return place + b"***" + slash + b"/".join(map(_shortened, _quoted(rest)))
    return b"/".join(map(_shortened, path.split(b"/")))


def _quoted(path: bytes) -> list[bytes]:
    return quote_from_bytes(path).encode().split(b"/")


def _shortened(segment: bytes) -> bytes:
    decoded = unquote_to_bytes(segment)
    if _CAPABILITY.fullmatch(decoded) is None:
        return segment
    return decoded.removeprefix(b"sess_")[:_SHOWN] + b"***"


def _shown(piece: bytes) -> bytes:
    name, _, value = piece.partition(b"=")
    if len(name) > LONGEST_VALUE:
        return b"***"
    # An escaped name is the same name to whoever reads the query.
    if len(value) > LONGEST_VALUE or unquote_to_bytes(name).lower() in _SECRET:
        return name + b"=***"
    return piece


def fields(request: StreamingRequest, client: Address, status: int) -> dict[str, str | int]:
    """Describe a request and its answer, for :data:`FORMAT`; sizes in bytes."""
    return {
        "client": str(client),
        "method": request.method.decode("ascii", "backslashreplace"),
        "uri": censored(request.uri),
        "status": status,
        "received": request.body.received,
        "sent": request.sentLength,
    }
