"""What uploaders say of their files: a small JSON object."""

from __future__ import annotations

import json
from typing import Final

from hmacfs.base.errors import MalformedRequest

MAX_METADATA: Final = 2048
"""Most bytes that it may have when it is kept; it has to fit beside the facts of a crash."""


def compact(text: str) -> str:
    """
    Write a JSON object as it is kept.

    :raises MalformedRequest: if the text is no JSON object (RFC 8259), or too long; ``limit``.
    """
    try:
        value = json.loads(text)
        if not isinstance(value, dict):
            raise MalformedRequest("the metadata is not a JSON object")
        # JSON has no infinite numbers, and UTF-8 no halves of surrogate pairs.
        written = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        size = len(written.encode())
    except (ValueError, RecursionError):
        raise MalformedRequest("the metadata cannot be read as JSON") from None
    if size > MAX_METADATA:
        raise MalformedRequest(
            f"the metadata has more than {MAX_METADATA} bytes", limit=MAX_METADATA
        )
    return written
