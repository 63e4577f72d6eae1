"""How facts of files are written for people and for programs."""

from __future__ import annotations

from typing import Any

from hmacfs.base.values import StoredFile


def safe(text: str) -> str:
    r"""
    Escape what a terminal would obey or not show, and the backslash, as Python does.

    Names and types are what strangers chose: ``\x1b[2J`` clears a screen, and
    ``\u202e`` makes letters run backwards.
    """
    return "".join(
        sign
        if sign.isprintable() and sign != "\\"
        else sign.encode("unicode_escape").decode("ascii")
        for sign in text
    )


def facts(file: StoredFile) -> dict[str, Any]:
    """Tell all facts of a file by the names that they have in JSON; times are seconds."""
    return {
        "name": str(file.name),
        "size": file.size,
        "sha256": file.sha256.hex(),
        "content_type": file.content_type,
        "uploaded_at": file.uploaded_at,
        "owner": file.owner,
        "expires_at": file.expires_at,
        "metadata": file.metadata,
    }
