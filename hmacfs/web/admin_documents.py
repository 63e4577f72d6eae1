"""The JSON documents of the interface for administrators."""

from __future__ import annotations

import json

from hmacfs.base.moments import rfc3339
from hmacfs.base.survey import Uploader
from hmacfs.base.units import human
from hmacfs.base.values import StoredFile
from hmacfs.web.documents import Document


def file(stored: StoredFile) -> Document:
    """Describe a file; what is not known of it is ``null``."""
    return {
        "path": str(stored.name),
        "name": stored.name.leaf,
        **size("size", stored.size),
        "content_type": stored.content_type,
        "mod_time": rfc3339(stored.uploaded_at),
        "owner": stored.owner,
        "sha256": stored.sha256.hex(),
        "expires_at": None if stored.expires_at is None else rfc3339(stored.expires_at),
        "metadata": None if stored.metadata is None else json.loads(stored.metadata),
    }


def user(uploader: Uploader) -> Document:
    """Describe an uploader."""
    return {
        "jid": uploader.owner,
        "files": uploader.files,
        **size("used_bytes", uploader.size),
        "last_upload": rfc3339(uploader.latest),
    }


def size(name: str, count: int) -> Document:
    """Tell a number of bytes, for programs and for people."""
    return {name: count, f"{name.removesuffix('_bytes')}_human": human(count)}
