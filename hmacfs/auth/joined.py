"""
Messages whose fields are joined without separators.

Such a message can be split again in several ways: ``photo.mp4`` of 123 bytes
and ``photo.mp`` of 4123 bytes make the same text, so that a signature of one
would be good for the other.  A rule picks one split of each message; a request
that asks for another is refused, genuine or not.
"""

from __future__ import annotations

import re

from hmacfs.base.errors import SignatureAmbiguous

ENDINGS_IN_A_DIGIT = frozenset({"3g2", "bz2", "jp2", "m3u8", "mp2", "mp3", "mp4"})
"""The extensions after which a digit belongs to the size; no other name may end in a digit."""

TOP_LEVEL_TYPES = frozenset(
    {
        "application",
        "audio",
        "example",
        "font",
        "haptics",
        "image",
        "message",
        "model",
        "multipart",
        "text",
        "video",
    }
)
"""The registered top-level media types (RFC 6838, 4.2, and the registry of IANA)."""

_TIMESTAMP = re.compile(r"[0-9]{10}")
_UPLOAD_ID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_TRAILING_DIGITS = re.compile(r"[0-9]*\Z")
_MEDIA_TYPE = re.compile(r"([A-Za-z]+)/[^/\x00-\x1f\x7f][^\x00-\x1f\x7f]*")
_LAST_WORD_OF_DIGITS = re.compile(r"\s[0-9]*\Z")


def timestamp(text: str) -> int:
    """
    Read a time in seconds since the epoch, of ten digits.

    :raises SignatureAmbiguous: if it is anything else.
    """
    if _TIMESTAMP.fullmatch(text) is None:
        raise SignatureAmbiguous("the timestamp is not a number of ten digits")
    return int(text)


def upload_id(text: str) -> str:
    """
    Read an upload id, the 36 characters of a UUID, into lower case.

    :raises SignatureAmbiguous: if it is anything else.
    """
    if _UPLOAD_ID.fullmatch(text) is None:
        raise SignatureAmbiguous("the upload id is not a UUID of 36 characters")
    return text.lower()


def _ends_well(name: str) -> bool:
    _, dot, extension = name.rpartition(".")
    return dot == "." and extension.lower() in ENDINGS_IN_A_DIGIT


def _split(joined: str) -> tuple[str, str]:
    """Split name and size: the longest name that the rule allows."""
    match = _TRAILING_DIGITS.search(joined)
    first_digit = len(joined) if match is None else match.start()
    for end in range(len(joined) - 1, first_digit, -1):
        # A size is written without leading zeros; "0" is one.
        canonical = joined[end] != "0" or end == len(joined) - 1
        if canonical and _ends_well(joined[:end]):
            return joined[:end], joined[end:]
    return joined[:first_digit], joined[first_digit:]


def check_name_and_size(name: str, size: int) -> None:
    """
    Insist that name and size, joined, can be told apart.

    :raises SignatureAmbiguous: if they could be split in another way.
    """
    if _split(f"{name}{size}") != (name, str(size)):
        raise SignatureAmbiguous(
            "this scheme cannot tell the end of this file name from its size; "
            "choose another name, or the scheme v2"
        )
    # The message of ``v`` ends in a space and digits.
    if name != name.rstrip():
        raise SignatureAmbiguous("this scheme does not take a file name that ends in a space")


def check_name_and_type(name: str, content_type: str) -> None:
    """
    Insist that name and type, joined, can be told apart.

    The first slash is the type's, and what stands before it ends in exactly
    one registered top-level type, for none of them ends in another.

    :raises SignatureAmbiguous: if they could be split in another way.
    """
    match = _MEDIA_TYPE.fullmatch(content_type)
    if "/" in name or match is None or match[1].lower() not in TOP_LEVEL_TYPES:
        raise SignatureAmbiguous(
            "this scheme cannot tell the end of this file name from its type; "
            "it takes registered types and names without a slash"
        )
    # Digits follow in the message, and that of ``v`` ends in a space and digits.
    if _LAST_WORD_OF_DIGITS.search(content_type):
        raise SignatureAmbiguous("this scheme does not take a type that ends in a number")
