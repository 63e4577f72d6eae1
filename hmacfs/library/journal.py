"""
What is about to be deleted, on disk, so that a crash leaves no bytes without a name.

All methods block.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from hmacfs.base.errors import NameRefused
from hmacfs.base.names import StoredName
from hmacfs.blobs.interfaces import StorageFailed

FILE_MODE = 0o600


class Busy(StorageFailed):
    """Somebody else is deleting files."""


@frozen
class Journal:
    """
    A file of names, one a line, which one at a time may hold.

    Names have no control characters, so that a line has one name.
    """

    _path: Path
    _descriptor: int

    def begin(self, names: Sequence[StoredName]) -> None:
        """Note the files that are deleted next, in place of those before, durably."""
        text = "".join(f"{name}\n" for name in names).encode()
        with _explained(self._path):
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, text, 0)
            os.fdatasync(self._descriptor)

    def left(self) -> list[StoredName]:
        """Tell the files that were noted when a crash came; the last line may be cut short."""
        with _explained(self._path):
            lines = os.pread(self._descriptor, os.fstat(self._descriptor).st_size, 0).split(b"\n")
        names = []
        for line in lines[:-1]:
            try:
                names.append(StoredName.known(line.decode()))
            except (NameRefused, UnicodeDecodeError):
                continue
        return names

    def end(self) -> None:
        """Note that nothing is to be deleted any more."""
        with _explained(self._path):
            os.ftruncate(self._descriptor, 0)

    def close(self) -> None:
        """Let others have it."""
        os.close(self._descriptor)


def held(path: Path) -> Journal:
    """
    Open the journal, for oneself alone; make it if there is none.

    :raises StorageFailed: if it cannot be opened.
    :raises Busy: if somebody else holds it.
    """
    with _explained(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    try:
        with _explained(path):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Busy("files are being deleted already, by the server or a command") from None
    except BaseException:
        os.close(descriptor)
        raise
    return Journal(path, descriptor)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except BlockingIOError:
        raise
    except OSError as error:
        raise StorageFailed(f"cannot use {path}: {error.strerror}") from error
