"""The media type of a file of which only the name is known."""

from __future__ import annotations

import mimetypes
import posixpath
from typing import Final

from hmacfs.base.values import DEFAULT_CONTENT_TYPE

_MORE: Final = {
    ".3gp": "video/3gpp",
    ".aac": "audio/aac",
    ".amr": "audio/amr",
    ".apk": "application/vnd.android.package-archive",
    ".avif": "image/avif",
    ".flac": "audio/flac",
    ".gz": "application/gzip",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".jxl": "image/jxl",
    ".m4a": "audio/mp4",
    ".m4v": "video/mp4",
    ".md": "text/markdown",
    ".mkv": "video/matroska",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".ogv": "video/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
    ".webp": "image/webp",
    ".xz": "application/x-xz",
    ".zst": "application/zstd",
}
"""What people send each other and not every release of Python knows, or calls alike."""


def _table() -> dict[str, str]:
    # Of Python alone: what the machine has in /etc/mime.types differs.
    common, registered = mimetypes.MimeTypes().types_map
    return {**common, **registered, **_MORE}


_BY_EXTENSION: Final = _table()


def guess(leaf: str) -> str:
    """Tell the type by the last extension of a file name; octets where it tells nothing."""
    extension = posixpath.splitext(leaf)[1].lower()
    return _BY_EXTENSION.get(extension, DEFAULT_CONTENT_TYPE)
