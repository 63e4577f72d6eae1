"""
Putting one file in the place of another.

``rename`` takes the old name with it, and a staged file needs its own until it is
settled.  So it is a second name of the staged file that is renamed, and when a
crash comes before that, :func:`sweep` removes it: a staged file of two names is
one that was published.

All functions block.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from hmacfs.base.names import StoredName
from hmacfs.blobs.interfaces import NameExists
from hmacfs.blobs.tree import FILE_MODE, open_file, parent_of

SECOND: Final = ".second"
"""What the second name of a staged file ends with."""

COPY_SIZE: Final = 64 * 1024 * 1024
"""Bytes to copy at once."""


def replace(stages: int, key: str, root: int, name: StoredName) -> None:
    """
    Put a staged file in the place of a published one, durably.

    :raises NameExists: if the name is not that of a file.
    """
    second = f"{key}{SECOND}"
    with _folder_of(root, name) as parent:
        _check_file(parent, name)
        os.link(key, second, src_dir_fd=stages, dst_dir_fd=stages)
        try:
            os.rename(second, name.leaf, src_dir_fd=stages, dst_dir_fd=parent)
        except OSError:
            os.unlink(second, dir_fd=stages)
            raise
        os.fsync(parent)


def link(root: int, name: StoredName, other: StoredName) -> bool:
    """
    Give a published file a second name, durably; tell whether there is such a file.

    Where its bytes have as many names as the file system allows (ext4: 65,000, which
    files that share them can come to), the second name is that of a copy.

    :raises NameExists: if something has that name.
    """
    try:
        with parent_of(root, name) as parent, parent_of(root, other, create=True) as folder:
            try:
                os.link(
                    name.leaf,
                    other.leaf,
                    src_dir_fd=parent,
                    dst_dir_fd=folder,
                    follow_symlinks=False,
                )
            except OSError as error:
                if error.errno != errno.EMLINK:
                    raise
                _copy(parent, name.leaf, folder, other.leaf)
            os.fsync(folder)
    except FileNotFoundError:
        return False
    except FileExistsError:
        raise NameExists(f"{other} exists") from None
    return True


def _copy(parent: int, leaf: str, folder: int, other: str) -> None:
    # Whole before it has a name.  File systems that can let the copy share the blocks.
    source = open_file(parent, leaf)
    if source is None:
        raise FileNotFoundError(leaf)
    try:
        flags = os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC
        fresh = os.open(".", flags, FILE_MODE, dir_fd=folder)
        try:
            while os.copy_file_range(source, fresh, COPY_SIZE):
                continue
            os.fsync(fresh)
            os.link(f"/proc/self/fd/{fresh}", other, dst_dir_fd=folder, follow_symlinks=True)
        finally:
            os.close(fresh)
    finally:
        os.close(source)


def rename(root: int, name: StoredName, other: StoredName) -> None:
    """
    Give a published file another name, durably, in the place of the file that has it.

    :raises NameExists: if the name is not that of a file.
    """
    with parent_of(root, name) as parent, _folder_of(root, other) as folder:
        _check_file(folder, other)
        os.rename(name.leaf, other.leaf, src_dir_fd=parent, dst_dir_fd=folder)
        os.fsync(folder)
        os.fsync(parent)


def sweep(stages: int) -> None:
    """Remove the second names that a crash left."""
    for key in os.listdir(stages):
        if key.endswith(SECOND):
            os.unlink(key, dir_fd=stages)


@contextmanager
def _folder_of(root: int, name: StoredName) -> Iterator[int]:
    with ExitStack() as held:
        try:
            parent = held.enter_context(parent_of(root, name))
        except FileNotFoundError:
            raise NameExists(f"{name} is no file") from None
        yield parent


def _check_file(parent: int, name: StoredName) -> None:
    try:
        status = os.stat(name.leaf, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        raise NameExists(f"{name} is no file") from None
    if not stat.S_ISREG(status.st_mode):
        raise NameExists(f"{name} is no file")
