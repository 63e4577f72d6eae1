"""Media types, read as far as serving a file needs (RFC 9110, 8.3)."""

from __future__ import annotations

import re
import unicodedata

from attrs import frozen

from hmacfs.base.errors import MalformedRequest
from hmacfs.base.values import DEFAULT_CONTENT_TYPE

MAX_CHARACTERS = 255
"""Longest Content-Type that an upload may have."""

_TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - the RFC's word for it
_QUOTED = r'"(?:[\t \x21\x23-\x5b\x5d-\x7e]|\\[\t \x21-\x7e])*+"'
# Every run of spaces has one place where it fits: no header makes this slow.
_MEDIA_TYPE = re.compile(
    rf"({_TOKEN})/({_TOKEN})[ \t]*+(?:;[ \t]*+(?:{_TOKEN}=(?:{_TOKEN}|{_QUOTED})[ \t]*+)?)*+"
)


@frozen
class MediaType:
    """A type and subtype in lower case, without parameters."""

    type: str
    subtype: str

    def __str__(self) -> str:
        return f"{self.type}/{self.subtype}"

    @classmethod
    def parse(cls, header: str) -> MediaType | None:
        """Read a Content-Type; tell ``None`` if it is none."""
        match = _MEDIA_TYPE.fullmatch(header)
        return None if match is None else cls(match[1].lower(), match[2].lower())

    @property
    def is_xml(self) -> bool:
        """Whether browsers read it as XML, which can hold scripts (MIME Sniffing Standard, 4.6)."""
        return self.subtype == "xml" or self.subtype.endswith("+xml")


def is_type(header: str | None, wanted: MediaType) -> bool:
    """Tell whether a Content-Type is this type, whatever its parameters."""
    return header is not None and MediaType.parse(header) == wanted


def checked(header: str) -> str:
    """
    Accept the Content-Type of an upload, as it is: signatures cover it verbatim.

    :raises MalformedRequest: if it is too long or could not be sent back in a
        header; ``limit`` in characters.
    """
    if len(header) > MAX_CHARACTERS:
        raise MalformedRequest(
            f"Content-Type is longer than {MAX_CHARACTERS} characters", limit=MAX_CHARACTERS
        )
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in header):
        raise MalformedRequest("Content-Type has a control character or is not UTF-8")
    return header


def served(stored: str) -> str:
    """Tell the Content-Type to serve a file with: the stored one if it can be read."""
    return DEFAULT_CONTENT_TYPE if MediaType.parse(stored) is None else stored
