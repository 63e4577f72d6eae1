"""What went wrong with the file of a store, in a sentence that says what to do."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hmacfs.stores.interfaces import StoreFailed, StoreFull

STATE_FILE: Final = "state.sqlite"
"""The name of the file of the shared state, which tells it from that of an index."""

PRIMARY: Final = 0xFF
"""The primary result code is the low byte of an extended one (sqlite.org/rescode.html)."""

UNREADABLE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
"""Primary codes of a file that has not what a database has."""

_FULL = "has no room left ({error}): free space on its file system"
_FORBIDDEN = (
    "cannot be opened or written ({error}): the server's user needs write access to the file, "
    "to those beside it that end in -wal and -shm, and to their directory"
)
_HOMELESS = "cannot be opened ({error}): its directory must exist"
_BUSY = "stays locked ({error}): see which other program has it open, and end that"
_DAMAGED = (
    "is damaged, or is no database of SQLite ({error}): stop the server, move the file and those "
    "beside it that end in -wal and -shm away, then put a backup in their place or run "
    "hmac-file-server reindex"
)
_DAMAGED_STATE = (
    "is damaged, or is no database of SQLite ({error}): stop the server and move the file and "
    "those beside it that end in -wal and -shm away; another one is made, which does not know what "
    "this one knew, such as which signatures were used"
)
_DISK = "cannot be read or written ({error}): look in the system's log for errors of the disk"
_OTHER = "failed: {error}"

_BY_CODE: Mapping[int, str] = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_CANTOPEN: _FORBIDDEN,
    sqlite3.SQLITE_PERM: _FORBIDDEN,
    sqlite3.SQLITE_READONLY: _FORBIDDEN,
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_IOERR: _DISK,
    # What it may indicate, says sqlite.org/rescode.html#ioerr_shmsize.
    sqlite3.SQLITE_IOERR_SHMSIZE: _FULL,
}

_BY_ERRNO: Mapping[int, str] = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.EROFS: _FORBIDDEN,
    errno.ENOENT: _HOMELESS,
    errno.ENOTDIR: _HOMELESS,
    errno.EIO: _DISK,
}


def called(path: Path) -> str:
    """Tell a file as what it is."""
    return f"the {'shared state' if path.name == STATE_FILE else 'index'} {path}"


def explained(error: Exception, path: Path) -> Exception:
    """
    Turn what SQLite, the system or a value raised into the failure that callers know.

    Any other exception is a fault of the program and comes back as it is.
    """
    reason = str(error)
    match error:
        case sqlite3.Error():
            # Errors that the module makes itself have no code.
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
            sentence = _BY_CODE.get(code) or _BY_CODE.get(code & PRIMARY, _OTHER)
        case OSError():
            # Without the file's name, which may be that of a temporary one.
            reason = error.strerror or reason
            sentence = _BY_ERRNO.get(error.errno or 0, _OTHER)
        case ValueError() | OverflowError():
            sentence = "does not hold such a value: {error}"
        case _:
            return error
    kind = StoreFull if sentence is _FULL else StoreFailed
    if sentence is _DAMAGED and path.name == STATE_FILE:
        sentence = _DAMAGED_STATE
    failure = kind(f"{called(path)} {sentence.format(error=reason)}")
    failure.__cause__ = error
    return failure


@contextmanager
def explaining(path: Path) -> Iterator[None]:
    """Turn what SQLite or the system raises within into what :func:`explained` makes of it."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise explained(error, path) from error
