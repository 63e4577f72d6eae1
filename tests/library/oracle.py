"""What RFC 9110 says of a download, byte by byte and word by word.

Everything here is written from the text of the RFC and from the client's side, slowly and without
any of the code under test: requests are kept as the facts they were written from, so nothing has to
be read; ranges are sets of positions; answers are read as a client does.
"""

from __future__ import annotations

import re
import time

from attrs import frozen

OWN_TAG = "own"
OTHER_TAG = "other"


@frozen
class Tag:
    """An entity tag in a request, by its relation to the file's."""

    opaque: str
    weak: bool

    def written(self, own: str) -> str:
        """Write it; ``own`` is the opaque part of the file's tag."""
        text = own if self.opaque == OWN_TAG else self.opaque
        return f'W/"{text}"' if self.weak else f'"{text}"'


@frozen
class Tags:
    """The value of If-Match or If-None-Match: tags, an asterisk, or something that is neither."""

    tags: tuple[Tag, ...] = ()
    asterisk: bool = False
    garbage: str | None = None

    def written(self, own: str) -> str:
        """Write it."""
        if self.garbage is not None:
            return self.garbage
        return "*" if self.asterisk else ", ".join(tag.written(own) for tag in self.tags)


@frozen
class Date:
    """A date in a request: seconds after the file's own, or something that is no date."""

    after: int = 0
    form: str = "%a, %d %b %Y %H:%M:%S GMT"
    garbage: str | None = None

    def written(self, modified: int) -> str:
        """Write it; ``modified`` is when the file was."""
        if self.garbage is not None:
            return self.garbage
        return time.strftime(self.form, time.gmtime(modified + self.after))


@frozen
class Conditions:
    """The conditional headers of a request."""

    if_match: Tags | None = None
    if_unmodified_since: Date | None = None
    if_none_match: Tags | None = None
    if_modified_since: Date | None = None
    if_range: Tag | Date | None = None

    def written(self, own: str, modified: int) -> dict[str, str]:
        """Write the headers, by lower-case name."""
        headers = {}
        if self.if_match is not None:
            headers["if-match"] = self.if_match.written(own)
        if self.if_unmodified_since is not None:
            headers["if-unmodified-since"] = self.if_unmodified_since.written(modified)
        if self.if_none_match is not None:
            headers["if-none-match"] = self.if_none_match.written(own)
        if self.if_modified_since is not None:
            headers["if-modified-since"] = self.if_modified_since.written(modified)
        if isinstance(self.if_range, Tag):
            headers["if-range"] = self.if_range.written(own)
        elif isinstance(self.if_range, Date):
            headers["if-range"] = self.if_range.written(modified)
        return headers

    def status(self, has_validators: bool) -> int:
        """Follow steps 1 to 4 of 13.2.2 for GET or HEAD; 200 stands for going on to step 5."""
        # Step 1: If-Match, 13.1.1.
        if self.if_match is not None:
            condition = False
            if self.if_match.garbage is None:
                if self.if_match.asterisk:
                    condition = True
                for tag in self.if_match.tags:
                    # Strong comparison: both are not weak and their opaque tags match.
                    if has_validators and not tag.weak and tag.opaque == OWN_TAG:
                        condition = True
            if not condition:
                return 412
        # Step 2: If-Unmodified-Since, 13.1.4, without If-Match.
        if self.if_match is None and self.if_unmodified_since is not None:
            ignored = self.if_unmodified_since.garbage is not None or not has_validators
            if not ignored and self.if_unmodified_since.after < 0:
                return 412
        # Step 3: If-None-Match, 13.1.2.
        if self.if_none_match is not None:
            condition = True
            if self.if_none_match.garbage is None:
                if self.if_none_match.asterisk:
                    condition = False
                for tag in self.if_none_match.tags:
                    # Weak comparison: the opaque tags match.
                    if has_validators and tag.opaque == OWN_TAG:
                        condition = False
            if not condition:
                return 304
        # Step 4: If-Modified-Since, 13.1.3, without If-None-Match.
        if self.if_none_match is None and self.if_modified_since is not None:
            ignored = self.if_modified_since.garbage is not None or not has_validators
            if not ignored and self.if_modified_since.after >= 0:
                return 304
        return 200

    def range_counts(self) -> bool:
        """Evaluate If-Range as 13.1.5 says."""
        if self.if_range is None:
            return True
        if isinstance(self.if_range, Tag):
            return not self.if_range.weak and self.if_range.opaque == OWN_TAG
        return self.if_range.garbage is None and self.if_range.after == 0


@frozen
class WantedRange:
    """One range-spec of a request (14.1.1); without ``first`` it is a suffix of ``last`` bytes."""

    first: int | None
    last: int | None

    def written(self) -> str:
        """Write it."""
        first = "" if self.first is None else str(self.first)
        last = "" if self.last is None else str(self.last)
        return f"{first}-{last}"

    def is_valid(self) -> bool:
        """Tell whether the last position is not before the first."""
        return self.first is None or self.last is None or self.first <= self.last

    def positions(self, size: int) -> set[int]:
        """Tell each position of a file of this size that is asked for (14.1.2)."""
        found = set()
        for position in range(size):
            from_the_end = size - position
            if self.first is None:
                assert self.last is not None
                if from_the_end <= self.last:
                    found.add(position)
            elif position >= self.first and (self.last is None or position <= self.last):
                found.add(position)
        return found


@frozen
class Part:
    """A part of an answer as a client got it."""

    first: int
    last: int
    size: int
    content_type: str
    content: bytes


def parts_of(headers: dict[str, str], body: bytes) -> list[Part]:
    """Read the parts of a 206 as a client does, by Content-Type and Content-Range (15.3.7)."""
    boundary = re.fullmatch(
        "multipart/byteranges; boundary=([0-9A-Za-z]{1,70})", headers["Content-Type"]
    )
    if boundary is None:
        return [part_of(headers["Content-Range"], headers["Content-Type"], body)]
    if "Content-Range" in headers:
        raise AssertionError("a multipart answer has no Content-Range of its own (15.3.7.2)")
    delimiter = b"\r\n--" + boundary[1].encode()
    preamble, *pieces, epilogue = (b"\r\n" + body).split(delimiter)
    if preamble != b"" or epilogue != b"--\r\n":
        raise AssertionError("the multipart body does not begin and end with its boundary")
    parts = []
    for piece in pieces:
        head, _, content = piece.partition(b"\r\n\r\n")
        lines = head.decode("ascii").split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines[1:])
        if lines[0] != "" or set(fields) != {"Content-Type", "Content-Range"}:
            raise AssertionError(f"not the head of a part: {head!r}")
        parts.append(part_of(fields["Content-Range"], fields["Content-Type"], content))
    return parts


def part_of(content_range: str, content_type: str, content: bytes) -> Part:
    """Make a part of its fields."""
    match = re.fullmatch("bytes ([0-9]+)-([0-9]+)/([0-9]+)", content_range)
    if match is None:
        raise AssertionError(f"not a Content-Range: {content_range}")
    first, last, size = (int(text) for text in match.groups())
    return Part(first, last, size, content_type, content)
