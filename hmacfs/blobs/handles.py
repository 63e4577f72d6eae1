"""Files of a local file system that are open."""

from __future__ import annotations

import os

from attrs import define

from hmacfs.blobs.tree import storage_errors
from hmacfs.flow.pools import Lane

_CLOSED = -1
"""No descriptor.  The number of a closed one may by now be that of another file."""


@define(eq=False)
class LocalStagedBlob:
    """A file in the stage directory, open for writing; ``lane`` orders all work on it."""

    key: str
    descriptor: int
    lane: Lane

    def write(self, data: bytes | memoryview) -> None:
        """Append all of ``data``; see :class:`StagedBlob`."""
        view = memoryview(data)
        with storage_errors("write to the stage"):
            while view:
                view = view[os.write(self.descriptor, view) :]

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
