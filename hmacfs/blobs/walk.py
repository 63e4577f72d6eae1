"""
Looking through a tree of files, without leaving it and without holding it in memory.

All functions block.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Generator, Iterator

from attrs import frozen

from hmacfs.base.errors import NameRefused
from hmacfs.base.names import INTERNAL_DIRECTORY, MAX_NAME_BYTES, StoredName
from hmacfs.blobs.interfaces import Found, Passed
from hmacfs.blobs.tree import open_directory


@frozen
class _Level:
    """An open folder, how far it was read, and its path with a slash at the end."""

    directory: int
    entries: Iterator[os.DirEntry[str]]
    path: bytes
    _end: Callable[[], None]

    @classmethod
    def open(cls, directory: int, path: bytes) -> _Level:
        """Begin to read a folder; the descriptor is closed with the level, or now if it fails."""
        try:
            entries = os.scandir(directory)
        except OSError:
            os.close(directory)
            raise
        return cls(directory, entries, path, entries.close)

    def close(self) -> None:
        """Let go of the folder."""
        self._end()
        os.close(self.directory)


def walk(root: int, attribute: str) -> Generator[Found | Passed, None, None]:
    """
    Tell each file below an open directory, and what is passed over, in no order.

    Symbolic links are not followed.  What is added or removed meanwhile may be
    told or not.  Two descriptors are held for each folder on the way to the
    present one.

    :param attribute: the extended attribute that holds a file's intent.
    :raises OSError: if the directory itself cannot be read.
    """
    levels = [_Level.open(open_directory(root, ".", create=False), b"")]
    try:
        while levels:
            try:
                entry = next(levels[-1].entries, None)
            except OSError as error:
                if len(levels) == 1:
                    raise
                yield Passed(levels[-1].path, _reason(error))
                entry = None
            if entry is None:
                levels.pop().close()
                continue
            seen = _look(levels[-1], entry, attribute)
            if isinstance(seen, _Level):
                levels.append(seen)
            elif seen is not None:
                yield seen
    finally:
        for level in levels:
            level.close()


def _look(level: _Level, entry: os.DirEntry[str], attribute: str) -> _Level | Found | Passed | None:
    # Names are bytes here, for they need not be text.
    path = level.path + os.fsencode(entry.name)
    try:
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISREG(status.st_mode):
            name = StoredName.parse(path)
            intent = _intent(level.directory, entry.name, attribute)
            return Found(name, status.st_size, status.st_mtime, intent)
        if not stat.S_ISDIR(status.st_mode):
            return Passed(path, "it is neither a file nor a folder")
        if path == INTERNAL_DIRECTORY.encode():
            return None
        if len(path) > MAX_NAME_BYTES:
            return Passed(path, "its path is too long for a name")
        below = open_directory(level.directory, entry.name, create=False)
        return _Level.open(below, path + b"/")
    except FileNotFoundError:
        # Removed since its folder was read.
        return None
    except NameRefused as refusal:
        return Passed(path, refusal.detail)
    except OSError as error:
        return Passed(path, _reason(error))


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _intent(directory: int, leaf: str, attribute: str) -> bytes | None:
    try:
        return os.getxattr(f"/proc/self/fd/{directory}/{leaf}", attribute, follow_symlinks=False)
    except OSError:
        # None, or none can be had: then there is nothing to tell.
        return None
