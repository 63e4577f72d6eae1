"""One server for each file of an index, wherever it lies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from attrs import define, field

from hmacfs.stores.failures import explained
from hmacfs.stores.interfaces import StoreFailed


@define
class IndexLock:
    """
    Keeps a second server from a file.  Its methods block.

    A storage lets one server in at a time, but two storages can be told to have the same index,
    and each server would then forget the files of the other.
    """

    _path: Path
    _descriptor: int = field(init=False, default=-1)

    def take(self) -> None:
        """
        Take the file, until the lock is given back or the process ends.

        :raises StoreFailed: if another server has it, or if it cannot be told.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self._descriptor = os.open(
                self._path.with_name(f"{self._path.name}.lock"), flags, 0o600
            )
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.give_back()
            raise StoreFailed(
                f"another hmac-file-server uses the index {self._path}: give each storage an index "
                "of its own (index.path), or end the other server"
            ) from None
        except OSError as error:
            self.give_back()
            raise explained(error, self._path) from error

    def give_back(self) -> None:
        """Let others have it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
