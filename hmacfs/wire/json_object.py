"""Objects of JSON, read strictly (RFC 8259, 4 and 9)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from hmacfs.base.errors import MalformedRequest

MAX_DEPTH: Final = 8
"""Most objects and arrays within each other."""


def read(text: bytes) -> Mapping[str, Any]:
    """
    Read an object; of a text that somebody has limited.

    :raises MalformedRequest: if it is none, is too deep, or has a member twice.
    """
    if _depth(text) > MAX_DEPTH:
        raise MalformedRequest(f"the JSON is deeper than {MAX_DEPTH}", limit=MAX_DEPTH)
    try:
        document = json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise MalformedRequest("the body is not JSON") from None
    if not isinstance(document, dict):
        raise MalformedRequest("the body is not a JSON object")
    return document


def _depth(text: bytes) -> int:
    # Brackets within strings count too: nobody needs so many.
    deepest = depth = 0
    for byte in text:
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member is there twice")
    return found


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
