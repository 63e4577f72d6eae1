"""
The names of stored files.

Whoever holds a :class:`StoredName` holds a path that stays below the storage
root by construction: no empty, ``.`` or ``..`` segment, no NUL, no absolute
path, nothing that belongs to the server itself.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import unicodedata

from attrs import Attribute, field, frozen

from hmacfs.base.errors import NameRefused

INTERNAL_DIRECTORY = ".hmacfs"
"""First segment of everything under the storage root that is not a stored file."""

MAX_SEGMENT_BYTES = 255
"""Longest segment in bytes of UTF-8 (``NAME_MAX`` of Linux file systems)."""

MAX_NAME_BYTES = 1024
"""Longest name in bytes of UTF-8, slashes included."""


VERSIONS = (INTERNAL_DIRECTORY, "versions")
"""First segments of the names of older versions."""

OBJECTS = (INTERNAL_DIRECTORY, "objects")
"""First segments of where files lie whose names are hidden."""


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


def _is_version(segments: tuple[str, ...]) -> bool:
    return (
        segments[:2] == VERSIONS
        and len(segments) == 4
        and re.fullmatch("[0-9a-f]{64}", segments[2]) is not None
        and re.fullmatch("[0-9a-z-]{1,64}", segments[3]) is not None
    )


def _is_hidden(segments: tuple[str, ...]) -> bool:
    return (
        segments[:2] == OBJECTS
        and len(segments) == 4
        and re.fullmatch("[0-9a-f]{64}", segments[3]) is not None
        and segments[2] == segments[3][:2]
    )


def _is_moment(text: str) -> bool:
    return re.fullmatch("[0-9a-f]{12}", text) is not None


def _folder(name: StoredName) -> str:
    # Names may be as long as names can be, so theirs is none of its segments.
    return hashlib.sha256(str(name).encode()).hexdigest()


@frozen(order=True)
class StoredName:
    """The name of a stored file: one or more segments below the storage root."""

    segments: tuple[str, ...] = field()

    @segments.validator
    def _check_segments(self, _: Attribute[tuple[str, ...]], segments: tuple[str, ...]) -> None:
        for segment in segments:
            _check(segment)
        if _is_internal(segments[0]) and not (_is_version(segments) or _is_hidden(segments)):
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
        segments = tuple(text.split("/"))
        if _is_internal(segments[0]):
            raise NameRefused(f"names below {INTERNAL_DIRECTORY} are the server's own")
        return cls(segments)

    @classmethod
    def known(cls, text: str) -> StoredName:
        """
        Read a name that the server itself has written down; it may be that of a version.

        :raises NameRefused: if it cannot be one.
        """
        return cls(tuple(text.split("/")))

    def version(self, id: str) -> StoredName:
        """
        Tell where an older version of the file of this name is kept.

        No request can name it: :meth:`parse` does not give such names.

        :param id: letters, digits and dashes; see :meth:`next_version`.
        """
        return StoredName((*VERSIONS, _folder(self), id))

    def next_version(self, at: float) -> StoredName:
        """
        Tell where a version is to be kept: names of later ones come later.

        :param at: seconds since the epoch.
        """
        return self.version(f"{int(at * 1000):012x}-{secrets.token_hex(4)}")

    def hidden(self, key: bytes) -> StoredName:
        """
        Tell where the file of this name lies when a listing may not tell its name.

        No request can name it either.
        """
        digest = hmac.digest(key, str(self).encode(), "sha256").hex()
        return StoredName((*OBJECTS, digest[:2], digest))

    @property
    def is_internal(self) -> bool:
        """Whether it is below the directory of the server's own files."""
        return self.segments[0] == INTERNAL_DIRECTORY

    @property
    def versions(self) -> str:
        """What the names of all versions of this file begin with."""
        return "/".join((*VERSIONS, _folder(self), ""))

    @property
    def is_version(self) -> bool:
        """Whether it is that of an older version."""
        return self.segments[:2] == VERSIONS

    @property
    def kept_at(self) -> float:
        """When a version was kept that has this name, in seconds since the epoch; else 0."""
        moment = self.leaf.partition("-")[0]
        return int(moment, 16) / 1000 if self.is_version and _is_moment(moment) else 0.0

    @property
    def leaf(self) -> str:
        """The last segment: the file name that a person sees."""
        return self.segments[-1]

    def __str__(self) -> str:
        return "/".join(self.segments)
