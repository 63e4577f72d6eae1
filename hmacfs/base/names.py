"""
The names of stored files.

Whoever holds a :class:`StoredName` holds a path that stays below the storage
root by construction: no empty, ``.`` or ``..`` segment, no NUL, no absolute
path, nothing that belongs to the server itself.
"""

from __future__ import annotations

import unicodedata

from attrs import Attribute, field, frozen

from hmacfs.base.errors import NameRefused

INTERNAL_DIRECTORY = ".hmacfs"
"""First segment of everything under the storage root that is not a stored file."""

MAX_SEGMENT_BYTES = 255
"""Longest segment in bytes of UTF-8 (``NAME_MAX`` of Linux file systems)."""

MAX_NAME_BYTES = 1024
"""Longest name in bytes of UTF-8, slashes included."""


def _check(segment: str) -> None:
    if segment == "":
        raise NameRefused("the path has an empty segment (a double or trailing slash)")
    if segment in (".", ".."):
        raise NameRefused(f"the path has a segment {segment!r}")
    if len(segment.encode()) > MAX_SEGMENT_BYTES:
        raise NameRefused(
            f"a segment of the path is longer than {MAX_SEGMENT_BYTES} bytes",
            limit=MAX_SEGMENT_BYTES,
        )
    if any(unicodedata.category(character) == "Cc" for character in segment):
        raise NameRefused("the path has a control character")


def safe_segment(text: str, otherwise: str = "file") -> str:
    """
    Make the last segment of a name from what a client calls its file, whatever that is.

    Folders before it are left out, with slashes either way; so is what no name
    may have.  What is too long loses its middle, so that the extension stays.

    :param otherwise: what to take if nothing is left.
    """
    leaf = text.replace("\\", "/").rpartition("/")[2]
    kept = "".join(sign for sign in leaf if unicodedata.category(sign) not in ("Cc", "Cs")).strip()
    if kept in ("", ".", ".."):
        return otherwise
    stem, dot, extension = kept.rpartition(".")
    if not stem or len(f"{dot}{extension}".encode()) > MAX_SEGMENT_BYTES // 4:
        stem, dot, extension = kept, "", ""
    room = MAX_SEGMENT_BYTES - len(f"{dot}{extension}".encode())
    return stem.encode()[:room].decode(errors="ignore") + dot + extension


def _is_internal(segment: str) -> bool:
    # File systems that fold case also skip what cannot be seen.
    visible = (sign for sign in segment if unicodedata.category(sign) != "Cf")
    return "".join(visible).casefold() == INTERNAL_DIRECTORY


@frozen(order=True)
class StoredName:
    """The name of a stored file: one or more segments below the storage root."""

    segments: tuple[str, ...] = field()

    @segments.validator
    def _check_segments(self, _: Attribute[tuple[str, ...]], segments: tuple[str, ...]) -> None:
        for segment in segments:
            _check(segment)
        if _is_internal(segments[0]):
            raise NameRefused(f"names below {INTERNAL_DIRECTORY} are the server's own")

    @classmethod
    def parse(cls, path: bytes) -> StoredName:
        """
        Read a decoded path without its leading slash.

        The path is taken as it is, without Unicode normalisation, for the
        signature of an upload is made over the same bytes.

        :raises NameRefused: if the path cannot name a stored file.
        """
        if len(path) > MAX_NAME_BYTES:
            raise NameRefused(
                f"the path is longer than {MAX_NAME_BYTES} bytes", limit=MAX_NAME_BYTES
            )
        try:
            text = path.decode("utf-8")
        except UnicodeDecodeError:
            raise NameRefused("the path is not UTF-8") from None
        return cls(tuple(text.split("/")))

    @property
    def leaf(self) -> str:
        """The last segment: the file name that a person sees."""
        return self.segments[-1]

    def __str__(self) -> str:
        return "/".join(self.segments)
