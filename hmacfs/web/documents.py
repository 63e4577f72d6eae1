"""The JSON documents that uploads are answered with, as the 3.x documents have them."""

from __future__ import annotations

import json
from typing import Any

from hmacfs.base.moments import rfc3339
from hmacfs.base.values import StoredFile

Document = dict[str, Any]


def upload(file: StoredFile, url: str) -> Document:
    """Describe a file that came as a form outside the API."""
    return {
        **v1(file, url),
        "content_type": file.content_type,
        "checksum": f"sha256:{file.sha256.hex()}",
    }


def v1(file: StoredFile, url: str) -> Document:
    """Describe a file as V1 does."""
    return {"success": True, "url": url, "filename": file.name.leaf, "size": file.size}


def v2(file: StoredFile, url: str, upload_id: str) -> Document:
    """Describe a file as V2 does; what the server does not know is left out."""
    document = {"version": "v2", "upload_id": upload_id, **upload(file, url)}
    if file.expires_at is not None:
        document["expires_at"] = rfc3339(file.expires_at)
    if file.metadata is not None:
        document["metadata"] = json.loads(file.metadata)
    return document
