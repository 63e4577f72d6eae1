"""Entity tags and the lists of them (RFC 9110, 8.8.3, 13.1.1, 13.1.2)."""

from __future__ import annotations

import re

from attrs import frozen

# What is neither control, space, quote nor DEL: said so it is compiled sooner.
_TAG = re.compile(r'(W/)?"([^\x00-\x20"\x7f]*)"')
_LIST = re.compile(rf"[ \t]*+(?:{_TAG.pattern}[ \t]*+)?(?:,[ \t]*+(?:{_TAG.pattern}[ \t]*+)?)*+")


@frozen
class EntityTag:
    """
    What tells one content of a file from another.

    :ivar opaque: the text between the quotes.
    :ivar weak: whether contents that are alike but not the same may share it.
    """

    opaque: str
    weak: bool = False

    @classmethod
    def of_content(cls, sha256: bytes) -> EntityTag:
        """
        Make the strong tag of the content with this digest.

        It is the whole digest in hexadecimal: who has the file can check it
        with ``sha256sum``, and nobody can make two contents that share it.
        """
        return cls(sha256.hex())

    @classmethod
    def parse(cls, text: str) -> EntityTag | None:
        """Read one tag; tell ``None`` if that is none."""
        match = _TAG.fullmatch(text)
        return None if match is None else cls(match[2], match[1] is not None)

    def __str__(self) -> str:
        return f'W/"{self.opaque}"' if self.weak else f'"{self.opaque}"'

    def equals_strongly(self, other: EntityTag) -> bool:
        """Compare as If-Match and If-Range demand: a weak tag equals none (8.8.3.2)."""
        return not self.weak and self == other

    def equals_weakly(self, other: EntityTag) -> bool:
        """Compare as If-None-Match demands: whether a tag is weak is no matter (8.8.3.2)."""
        return self.opaque == other.opaque


@frozen
class TagList:
    """
    The value of If-Match or If-None-Match.

    :ivar tags: the tags in it.
    :ivar any_content: whether it is ``*``, which stands for every content.
    """

    tags: tuple[EntityTag, ...] = ()
    any_content: bool = False

    @classmethod
    def parse(cls, header: str) -> TagList:
        """
        Read the value of either header.

        A value that cannot be read is a list without tags: it names no content,
        so If-Match fails and If-None-Match holds (13.1.1, 13.1.2).
        """
        if header == "*":
            return cls(any_content=True)
        if _LIST.fullmatch(header) is None:
            return cls()
        return cls(tuple(EntityTag(match[2], bool(match[1])) for match in _TAG.finditer(header)))

    def has_strongly(self, tag: EntityTag | None) -> bool:
        """Tell whether it names the content with this tag; without a tag only ``*`` does."""
        return self.any_content or (
            tag is not None and any(tag.equals_strongly(each) for each in self.tags)
        )

    def has_weakly(self, tag: EntityTag | None) -> bool:
        """Tell the same by the weak comparison."""
        return self.any_content or (
            tag is not None and any(tag.equals_weakly(each) for each in self.tags)
        )
