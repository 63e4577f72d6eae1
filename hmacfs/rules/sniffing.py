"""What a file is, told by its first bytes."""

from __future__ import annotations

import codecs
from typing import Final

from attrs import frozen

from hmacfs.rules.programs import program

MIN_CONFIDENCE: Final = 0.3
"""At least three bytes have to be right: two are in every 65,536th encrypted file."""

_MARKS: Final = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_NOT_IN_TEXT: Final = bytes({*range(32)} - {*b"\t\n\v\f\r\x1b"})


@frozen
class Sniffed:
    """
    What the first bytes of a file say.

    :ivar types: every media type that they fit, in lower case; none if they fit none.
    :ivar program: the media type of the executable that it is, if it is one.
    :ivar is_text: whether it may be text, and no more than that is known.
    """

    types: frozenset[str]
    program: str | None
    is_text: bool

    @property
    def families(self) -> frozenset[str]:
        """The top-level types of all types."""
        return frozenset(kind.partition("/")[0] for kind in self.types)


def prepare() -> None:
    """Read the table of what files begin with, or the first upload that is sniffed waits for it."""
    known_types()


def sniff(head: bytes) -> Sniffed:
    """
    Look at the first bytes of a file; nothing that they say is followed.

    :param head: the first :data:`~hmacfs.rules.programs.HEAD` bytes, or all.
    """
    found = program(head)
    types = _types(head) | ({found} if found is not None else frozenset())
    return Sniffed(types, found, found is None and _is_text(head))


def _types(head: bytes) -> frozenset[str]:
    if not head:
        return frozenset()
    # Its table takes memory, which is for those who compare.
    import puremagic

    try:
        matches = puremagic.magic_string(head)
    except puremagic.PureError:
        return frozenset()
    return frozenset(
        match.mime_type.lower()
        for match in matches
        if match.mime_type and match.confidence >= MIN_CONFIDENCE
    )


def known_types() -> frozenset[str]:
    """Tell the media types that can be told by the first bytes."""
    from puremagic.main import magic_header_array

    return frozenset(row.mime_type.lower() for row in magic_header_array if row.mime_type)


def _is_text(head: bytes) -> bool:
    if head.startswith(_MARKS):
        return True
    if head.translate(None, _NOT_IN_TEXT) != head:
        return False
    try:
        # The last character may be cut.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True
