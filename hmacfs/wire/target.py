"""The request target (RFC 9112, 3.2), decoded once and by nobody else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import unquote_to_bytes

from attrs import field, frozen

from hmacfs.base.errors import MalformedRequest

MAX_PARAMETERS = 64
"""Most parameters that a query may have."""

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_ABSOLUTE = re.compile(rb"https?://[^/?#]*", re.IGNORECASE)


def _read_only(parameters: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(parameters))


@frozen
class Target:
    """
    What a request asks for.

    :ivar path: the path without its leading slash, percent-decoded once; a
        ``+`` is a plus.
    :ivar parameters: the parameters of the query, decoded as forms are (a
        ``+`` is a space).  Some are signatures, so a ``repr`` has none of them.
    """

    path: bytes
    parameters: Mapping[str, str] = field(converter=_read_only, factory=dict, repr=False)


def _decoded(raw: bytes) -> bytes:
    if _BAD_ESCAPE.search(raw):
        raise MalformedRequest("the request target has a bad percent-encoding")
    return unquote_to_bytes(raw)


def _text(raw: bytes) -> str:
    try:
        return _decoded(raw.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedRequest("the query is not UTF-8") from None


def origin_form(raw: bytes) -> bytes:
    """Reduce an absolute-form target, as proxies send it, to origin-form (RFC 9112, 3.2.2)."""
    absolute = _ABSOLUTE.match(raw)
    if absolute is None:
        return raw
    rest = raw[absolute.end() :]
    return rest if rest.startswith(b"/") else b"/" + rest


def parse(raw: bytes) -> Target:
    """
    Read a request target in origin-form, or the ``*`` of OPTIONS.

    :raises MalformedRequest: if it is neither, has a fragment, a bad
        percent-encoding, a query that is not UTF-8, too many parameters or one
        parameter twice.
    """
    if raw == b"*":
        return Target(b"")
    if not raw.startswith(b"/"):
        raise MalformedRequest("the request target is not a path")
    if b"#" in raw:
        raise MalformedRequest("the request target has a fragment")
    path, _, query = raw.partition(b"?")
    pairs = [pair for pair in query.split(b"&") if pair]
    if len(pairs) > MAX_PARAMETERS:
        raise MalformedRequest(f"the query has more than {MAX_PARAMETERS} parameters")
    parameters: dict[str, str] = {}
    for pair in pairs:
        key, _, value = pair.partition(b"=")
        name = _text(key)
        if name in parameters:
            raise MalformedRequest(f"the query parameter {name!r} is given more than once")
        parameters[name] = _text(value)
    return Target(_decoded(path[1:]), parameters)
