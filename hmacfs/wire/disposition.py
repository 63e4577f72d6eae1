"""Content-Disposition (RFC 6266): shown or saved, and under which name."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from multipart import parse_options_header

from hmacfs.wire.content_type import MediaType

_INLINE_FAMILIES = frozenset({"image", "video", "audio"})
_PLAIN_TEXT = MediaType("text", "plain")

# What a quoted name cannot hold, and what browsers read in different ways (RFC 6266, D).
_UNSAFE = re.compile(r'[^\x20-\x7e]|["\\%/]')
# attr-char (RFC 8187, 3.2.1) beside the letters, digits and "-._~" that quote() leaves alone.
_ATTR_CHARACTERS = "!#$&+^`|"

_EXTENDED = re.compile(r";\s*filename\*\s*=\s*utf-8'[^']*'([^\s;]+)", re.IGNORECASE)


def may_be_inline(content_type: str) -> bool:
    """Tell whether a browser may show the type: pictures, sound, film and plain text, no markup."""
    media_type = MediaType.parse(content_type)
    if media_type is None:
        return False
    if media_type == _PLAIN_TEXT:
        return True
    is_svg = media_type.subtype.startswith("svg")
    return media_type.type in _INLINE_FAMILIES and not media_type.is_xml and not is_svg


def render(name: str, content_type: str) -> str:
    """
    Write the header for a file with this name and type.

    Where the name is not plain ASCII it comes twice: as ``filename*`` (RFC 8187)
    and, for clients that do not know that, with underscores in ``filename``.
    """
    plain = _UNSAFE.sub("_", name)
    parts = ["inline" if may_be_inline(content_type) else "attachment", f'filename="{plain}"']
    if plain != name:
        parts.append(f"filename*=UTF-8''{quote(name, safe=_ATTR_CHARACTERS)}")
    return "; ".join(parts)


def extended_filename(header: str) -> str | None:
    """Read ``filename*`` (RFC 8187, 3.2.1) in UTF-8; ``None`` if there is none."""
    found = _EXTENDED.search(header)
    return None if found is None else unquote(found[1])


def filename(header: str) -> str:
    """Read the name of a file: ``filename*`` goes before ``filename`` (4.3); may be empty."""
    extended = extended_filename(header)
    if extended is not None:
        return extended
    _, options = parse_options_header(header)
    return str(options.get("filename", ""))
