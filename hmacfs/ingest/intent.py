"""The facts of a file that is being published, as bytes that survive a crash."""

from __future__ import annotations

import json
from typing import Final

from hmacfs.base.errors import NameRefused
from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile

_KINDS: Final = {
    "name": str,
    "size": int,
    "sha256": str,
    "type": str,
    "uploaded_at": float | int,
    "owner": str | None,
    "expires_at": float | int | None,
}


def _no_number(written: str) -> float:
    raise ValueError(f"{written} is no number")


def encode(file: StoredFile) -> bytes:
    """Write the facts down."""
    facts = {
        "name": str(file.name),
        "size": file.size,
        "sha256": file.sha256.hex(),
        "type": file.content_type,
        "uploaded_at": file.uploaded_at,
        "owner": file.owner,
        "expires_at": file.expires_at,
    }
    if file.metadata is not None:
        facts["metadata"] = file.metadata
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()


def decode(written: bytes) -> StoredFile:
    """
    Read what :func:`encode` wrote.

    :raises ValueError: if it is anything else.
    """
    try:
        facts = json.loads(written, parse_constant=_no_number)
        for fact, kind in _KINDS.items():
            if not isinstance(facts[fact], kind):
                raise TypeError(f"{fact} is {facts[fact]!r}")
        metadata = facts.get("metadata")
        if not isinstance(metadata, str | None):
            raise TypeError(f"metadata is {metadata!r}")
        return StoredFile(
            name=StoredName.parse(facts["name"].encode()),
            size=facts["size"],
            sha256=bytes.fromhex(facts["sha256"]),
            content_type=facts["type"],
            uploaded_at=facts["uploaded_at"],
            owner=facts["owner"],
            expires_at=facts["expires_at"],
            metadata=metadata,
        )
    except (KeyError, TypeError, RecursionError, NameRefused) as error:
        raise ValueError(f"not the facts of a file: {error}") from error
