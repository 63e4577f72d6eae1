"""Files of a local file system that are open."""

from __future__ import annotations

import ctypes
import os
from typing import Final

from attrs import define, field, frozen

from hmacfs.blobs.interfaces import OpenBlob
from hmacfs.blobs.tree import storage_errors
from hmacfs.flow.pools import InlinePool, Lane

WRITE_SIZE: Final = 32 * 1024
"""
Most bytes to give to the kernel at once.

It keeps a larger piece in larger pages, which a virtual machine often has to ask its
host for: measured there, a file of 1 GiB took half as long again in pieces of 1 MiB.
"""

WRITE_BACK_SIZE: Final = 8 * 1024 * 1024
"""Bytes after which the disk is to begin with what it was given."""

_SYNC_FILE_RANGE_WRITE: Final = 2

_CLOSED = -1
"""No descriptor.  The number of a closed one may by now be that of another file."""

_libc = ctypes.CDLL(None)


def begin_writing(descriptor: int, offset: int, length: int) -> None:
    """
    Let the disk begin with bytes of a file, and wait for none (sync_file_range(2)).

    It is no harm if that fails: whatever is wrong, the sync of the file will tell.
    """
    _libc.sync_file_range(
        descriptor, ctypes.c_int64(offset), ctypes.c_int64(length), _SYNC_FILE_RANGE_WRITE
    )


@define(eq=False)
class LocalStagedBlob:
    """A file in the stage directory, open for writing; ``lane`` orders all work on it."""

    key: str
    descriptor: int
    lane: Lane
    _written: int = field(default=0, init=False)
    _under_way: int = field(default=0, init=False)

    def write(self, data: bytes | memoryview) -> None:
        """Append all of ``data``; see :class:`StagedBlob`."""
        view = memoryview(data)
        with storage_errors("write to the stage"):
            while view:
                written = os.write(self.descriptor, view[:WRITE_SIZE])
                view = view[written:]
                self._written += written
            if self._written - self._under_way >= WRITE_BACK_SIZE:
                self._write_back()

    def _write_back(self) -> None:
        # The disk begins with these bytes while more come, so that the sync at the end
        # finds few left.  They stay in memory, where whoever fetches the file finds them.
        begin_writing(self.descriptor, self._under_way, self._written - self._under_way)
        self._under_way = self._written

    def read_at(self, offset: int, length: int) -> bytes:
        """Read at an offset; see :class:`StagedBlob`."""
        with storage_errors("read a staged file"):
            return os.pread(self.descriptor, length, offset)

    def close(self) -> None:
        """Close the file, if it is open."""
        descriptor, self.descriptor = self.descriptor, _CLOSED
        if descriptor != _CLOSED:
            os.close(descriptor)


@define(eq=False)
class LocalOpenBlob:
    """A published file, open for reading."""

    descriptor: int
    size: int
    lane: Lane

    def read_at(self, offset: int, length: int) -> bytes:
        """Read at an offset; see :class:`OpenBlob`."""
        with storage_errors("read a stored file"):
            return os.pread(self.descriptor, length, offset)

    def close(self) -> None:
        """Close the file, if it is open."""
        descriptor, self.descriptor = self.descriptor, _CLOSED
        if descriptor != _CLOSED:
            os.close(descriptor)


@frozen
class WholeBlob:
    """A published file whose bytes are in memory: nothing of it waits for the disk."""

    content: bytes = field(repr=False)
    size: int
    lane: Lane = field(factory=lambda: Lane(InlinePool()))

    def read_at(self, offset: int, length: int) -> bytes:
        """Read at an offset; see :class:`OpenBlob`."""
        return self.content[offset : offset + length]

    def close(self) -> None:
        """Do nothing: the file was closed when it was read."""


def read_whole(blob: OpenBlob, most: int) -> OpenBlob:
    """
    Read a file that is small, and close it; give back one that is not.

    :param most: bytes that it may have; 0 means to leave every file on the disk.
    :raises StorageFailed: if it cannot be read.
    """
    if blob.size > most or most == 0:
        return blob
    try:
        return WholeBlob(blob.read_at(0, blob.size), blob.size)
    finally:
        blob.close()
