"""The files that a chain of records lies in: the one that is written, and those put aside."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, cast

from attrs import frozen

from hmacfs.observe.backups import COMPRESSED
from hmacfs.observe.chain import LONGEST, Head, Record

READ_SIZE: Final = 64 * 1024
"""Bytes from the end of a file that are read at first to find its last record."""

_LOOK: Final = 20
"""Lines at the beginning of a file in which its first record is looked for."""

_ASIDE: Final = r"(-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}%s|%s[.-]\d{1,8})"
"""What those names have that the server gives to old files, or logrotate."""


class Damaged(Exception):
    """A compressed file cannot be read to its end."""


@frozen
class Line:
    """
    A line of a file, without its end.

    :ivar ended: whether it has one.
    """

    data: bytes
    ended: bool


@frozen
class Tail:
    """
    The end of a file.

    :ivar head: its last record; ``None`` if there is none.
    :ivar rest: what stands behind that, without the end of the last line.
    :ivar ended: whether the last line has an end.
    """

    head: Head | None
    rest: bytes = b""
    ended: bool = True


def lines(path: Path, size: int | None = None) -> Iterator[Line]:
    """
    Read a file line by line, however long they are: those that are too long in pieces.

    :param size: how many bytes of it count.
    :raises Damaged: if it is compressed and not whole.
    :raises OSError: if it cannot be read.
    """
    with _opened(path) as file:
        left = size
        while True:
            most = LONGEST if left is None else min(LONGEST, left)
            try:
                data = file.readline(most)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise Damaged(str(error)) from None
            if not data:
                return
            if left is not None:
                left -= len(data)
            # A piece of a line that is too long ends it: no record can come of it.
            yield Line(data.removesuffix(b"\n"), data.endswith(b"\n") or len(data) == LONGEST)


def _opened(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path)) if is_compressed(path) else path.open("rb")


def is_compressed(path: Path) -> bool:
    """Tell whether a file is compressed, by its name."""
    return path.name.endswith(COMPRESSED)


def family(path: Path) -> list[Path]:
    """
    Tell the files of a chain that are there, in the order of their first records.

    :param path: the one that is written, or was.
    :raises OSError: if they cannot be looked at.
    """
    suffix, stem = re.escape(path.suffix), re.escape(path.stem)
    ours = re.compile(rf"{stem}(?:{_ASIDE % (suffix, suffix)}(?:\.gz)?|{suffix})")
    found = {each.name: each for each in path.parent.iterdir() if ours.fullmatch(each.name)}
    # Of two forms of one file the compressed is whole; the server was killed before the other went.
    there = [
        each
        for name, each in found.items()
        if name.endswith(COMPRESSED) or name + COMPRESSED not in found
    ]
    firsts = {each: _first(each) for each in there}
    return sorted(
        (each for each in there if firsts[each] is not None),
        key=lambda each: (firsts[each], each == path, each.name),
    )


def _first(path: Path) -> int | None:
    # A file without a record comes last: what is wrong with it is told there.
    with suppress(Damaged):
        number = 0
        for number, line in enumerate(lines(path), 1):
            record = Record.parse(line.data)
            if record is not None:
                return record.seq
            if number == _LOOK:
                break
        if number == 0:
            return None
    return 10**18


def last_of(path: Path) -> Head | None:
    """
    Find the last record of the newest file that has one.

    :raises OSError: if the files cannot be read.
    """
    for each in reversed(family(path)):
        head = _last_of_compressed(each) if is_compressed(each) else _last_of_plain(each)
        if head is not None:
            return head
    return None


def _last_of_plain(path: Path) -> Head | None:
    with path.open("rb") as file:
        return tail(file.fileno(), os.fstat(file.fileno()).st_size).head


def _last_of_compressed(path: Path) -> Head | None:
    last = None
    with suppress(Damaged):
        for line in lines(path):
            record = Record.parse(line.data)
            last = last if record is None else record.head
    return last


def tail(descriptor: int, size: int) -> Tail:
    """
    Look at the end of a file of so many bytes.

    :raises OSError: if it cannot be read.
    """
    wanted = READ_SIZE
    while True:
        start = max(0, size - wanted)
        data = os.pread(descriptor, size - start, start)
        ended = not data or data.endswith(b"\n")
        last = data.removesuffix(b"\n").split(b"\n")
        # Its first line may have begun before.
        for number in range(len(last) - 1, 0 if start else -1, -1):
            record = Record.parse(last[number])
            if record is not None:
                return Tail(record.head, b"\n".join(last[number + 1 :]), ended)
        if start == 0 or wanted > LONGEST:
            return Tail(None, data.removesuffix(b"\n"), ended)
        wanted *= 4
