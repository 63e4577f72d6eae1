"""The digest of a session's bytes, made as far as they came in order."""

from __future__ import annotations

import hashlib
from typing import Final

from hmacfs.blobs.interfaces import UnfinishedBlob

READ_SIZE: Final = 256 * 1024
"""Bytes that are read at once where they have to be read again."""

SLICE: Final = 256 * READ_SIZE
"""Bytes after which others have a turn on the thread."""


class Prefix:
    """
    The SHA-256 of the first bytes of a session.

    :ivar length: how many bytes it is of.
    :ivar fed: whether somebody hands it the next ones.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.length = 0
        self.fed = False

    def copy(self) -> Prefix:
        """Make another, to go back to if the bytes that come are dropped."""
        copy = Prefix()
        copy._hash = self._hash.copy()
        copy.length = self.length
        return copy

    def update(self, data: bytes | memoryview) -> None:
        """Add the next bytes."""
        self._hash.update(data)
        self.length += len(data)

    def read(self, blob: UnfinishedBlob, length: int) -> bool:
        """
        Read on, up to a length or a slice; tell whether the length is reached.

        Blocks; runs on the lane of the bytes.
        """
        stop = min(length, self.length + SLICE)
        while self.length < stop:
            data = blob.read_at(self.length, min(READ_SIZE, stop - self.length))
            if not data:
                raise EOFError(f"the bytes end at {self.length}, before {length}")
            self.update(data)
        return self.length == length

    def digest(self) -> bytes:
        """Tell the digest, 32 bytes."""
        return self._hash.digest()


class Feed:
    """
    Hands on to a prefix what comes at a position, as far as that is next.

    Besides it makes the digest that the client wants its bytes to be compared with.

    :param prefix: ``None`` if another feeds it, or these bytes are not next.
    :param check: of the client's own choice.
    """

    def __init__(self, position: int, prefix: Prefix | None, check: hashlib._Hash | None) -> None:
        self._position = position
        self._prefix = prefix
        self._check = check

    def update(self, data: bytes | memoryview, /) -> None:
        """Add bytes."""
        if self._check is not None:
            self._check.update(data)
        if self._prefix is not None:
            known = self._prefix.length - self._position
            if 0 <= known < len(data):
                self._prefix.update(memoryview(data)[known:])
        self._position += len(data)

    def digest(self) -> bytes:
        """Tell what the check has come to, if there is one."""
        return b"" if self._check is None else self._check.digest()
