"""
A directory tree that cannot be left.

Every step is taken from an open directory with ``O_NOFOLLOW``, so a symbolic
link planted in the tree leads nowhere.  All functions block.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from hmacfs.base.names import StoredName
from hmacfs.blobs.interfaces import NameExists, StorageFailed, StorageFull

DIRECTORY_MODE = 0o750
FILE_MODE = 0o640
"""Readable by the group, so that a web server can be let in; by nobody else."""

PRIVATE_MODE = 0o700
"""For what not even the group may see."""

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def storage_errors(what: str) -> Iterator[None]:
    """Turn the errors of the operating system into those of the seam; ``what`` was being done."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        if error.errno in _FULL:
            raise StorageFull(f"cannot {what}: {reason}") from error
        raise StorageFailed(f"cannot {what}: {reason}") from error


def open_root(path: Path) -> int:
    """Open the top of a tree and make it, if need be; the path itself may be a symbolic link."""
    with storage_errors(f"open the directory {path}"):
        path.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def open_directory(parent: int, segment: str, *, create: bool) -> int:
    """Open a directory below ``parent``; a new one is durable when this returns."""
    if create:
        try:
            os.mkdir(segment, DIRECTORY_MODE, dir_fd=parent)
            os.fsync(parent)
        except FileExistsError:
            pass
    directory = os.open(segment, _DIRECTORY, dir_fd=parent)
    if create:
        give_back(parent, directory)
    return directory


def give_back(parent: int, made: int) -> None:
    """
    Give what root makes in an open directory to its owner: a server may run as that user.

    :param made: an open file or directory in it, which is closed if that fails.
    """
    try:
        if os.geteuid() == 0 and os.fstat(made).st_uid == 0:
            owner = os.fstat(parent)
            if owner.st_uid != 0:
                os.fchown(made, owner.st_uid, owner.st_gid)
    except BaseException:
        os.close(made)
        raise


def open_private(parent: int, segment: str) -> int:
    """
    Open a directory below ``parent`` that only its owner may look into; make it, if need be.

    One of an earlier release, or of an administrator, is closed to others.
    """
    directory = open_directory(parent, segment, create=True)
    try:
        if os.fstat(directory).st_uid == os.geteuid():
            os.fchmod(directory, PRIVATE_MODE)
    except BaseException:
        os.close(directory)
        raise
    return directory


@contextmanager
def parent_of(root: int, name: StoredName, *, create: bool = False) -> Iterator[int]:
    """
    Open the directory that holds, or will hold, a name.

    :raises FileNotFoundError: if it does not exist and is not to be made.
    :raises NameExists: if a segment on the way is not a directory.
    """
    current = os.dup(root)
    try:
        for segment in name.segments[:-1]:
            try:
                below = open_directory(current, segment, create=create)
            except OSError as error:
                if error.errno in (errno.ENOTDIR, errno.ELOOP):
                    raise NameExists(f"{segment!r} on the way to {name} is not a folder") from None
                raise
            # In this order, so that none is closed twice if a close fails.
            above, current = current, below
            os.close(above)
        yield current
    finally:
        os.close(current)


def room_in(directory: int) -> int:
    """
    Tell the free bytes for what is made in an open directory.

    :raises OSError: if nothing can be: it was removed, or is read-only.
    """
    if os.fstat(directory).st_nlink == 0:
        raise OSError(errno.ENOENT, "the directory was removed")
    state = os.fstatvfs(directory)
    if state.f_flag & os.ST_RDONLY:
        raise OSError(errno.EROFS, "the file system is read-only")
    return state.f_bavail * state.f_frsize


def is_file(root: int, name: StoredName) -> bool:
    """Tell whether there is a regular file of a name."""
    try:
        with parent_of(root, name) as parent:
            status = os.stat(name.leaf, dir_fd=parent, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError, NameExists):
        return False
    return stat.S_ISREG(status.st_mode)


def open_file(parent: int, leaf: str) -> int | None:
    """Open a regular file to read, or tell ``None`` if there is none."""
    try:
        # O_NONBLOCK: opening a planted FIFO must not wait for its writer.
        descriptor = os.open(
            leaf, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=parent
        )
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.ENXIO):
            return None
        raise
    if not os.path.isfile(descriptor):
        os.close(descriptor)
        return None
    return descriptor


def open_below(directory: Path, name: StoredName) -> BinaryIO:
    """
    Open what has a name below a directory, to read, whoever may change what is there.

    :raises OSError: if it cannot be read, or is no file.
    """
    top = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with parent_of(top, name) as parent:
            descriptor = open_file(parent, name.leaf)
    except NameExists as error:
        raise NotADirectoryError(errno.ENOTDIR, str(error)) from None
    finally:
        os.close(top)
    if descriptor is None:
        raise FileNotFoundError(errno.ENOENT, "it is no file")
    return os.fdopen(descriptor, "rb")
