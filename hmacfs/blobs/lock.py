"""
The lock of a storage: one server has it at a time, and commands can see whether one does.

A server holds it alone (``LOCK_EX`` of :manpage:`flock(2)`).  Who only looks holds it
together with others who look, for a moment, which a server that starts waits out.  All
functions block.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from time import sleep
from typing import Final

from hmacfs.blobs.interfaces import StorageFailed
from hmacfs.blobs.tree import storage_errors

LOCK_FILE: Final = "lock"
"""Its name among the server's own files."""

PAUSE: Final = 0.005
"""Seconds from one try to the next, while somebody looks."""

TRIES: Final = 1000
"""How often to try: nobody looks for that long."""

_FLAGS: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC


def hold(internal: int, root: Path) -> int:
    """
    Take the lock, until the descriptor that is returned is closed.

    :param internal: the open directory of the server's own files.
    :param root: the storage path, for what is said.
    :raises StorageFailed: if another server has it, or if it cannot be told.
    """
    with storage_errors(f"open the lock of the storage {root}"):
        descriptor = os.open(LOCK_FILE, _FLAGS | os.O_CREAT, 0o600, dir_fd=internal)
    try:
        with storage_errors(f"lock the storage {root}"):
            for _ in range(TRIES):
                if _taken(descriptor, fcntl.LOCK_EX):
                    return descriptor
                if not _taken(descriptor, fcntl.LOCK_SH):
                    raise StorageFailed(
                        f"another hmac-file-server is running on the storage {root}"
                    )
                fcntl.flock(descriptor, fcntl.LOCK_UN)
                sleep(PAUSE)
        raise StorageFailed(f"cannot lock the storage {root}: a program that is no server has it")
    except BaseException:
        os.close(descriptor)
        raise


def is_held(internal: Path) -> bool:
    """
    Tell whether a server has the lock, without keeping one out.

    :param internal: the directory of the server's own files.
    :raises OSError: if it cannot be told.
    """
    try:
        descriptor = os.open(internal / LOCK_FILE, _FLAGS)
    except FileNotFoundError:
        return False
    try:
        return not _taken(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _taken(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
