"""
One copy of equal files: a store of contents, whose bytes the files have too.

``<directory>/ab/abcdef…`` is a hard link to the bytes of that SHA-256, and every
file of these bytes is another.  Files never change, so that is as good as a copy
of its own.  A content whose last file goes is removed with it.

The bytes are compared before a file gives up its own: nothing is lost to a
content that was damaged, but the content, which the file then takes the place of.

All methods block and may run on several threads, or in several processes, at once.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Final

from attrs import define, field

from hmacfs.blobs.tree import DIRECTORY_MODE, open_directory, open_file

DIGEST_ATTRIBUTE: Final = "user.hmacfs.sha256"
"""On bytes that are in the store: their SHA-256 in hexadecimal."""

COMPARE_SIZE: Final = 1024 * 1024
"""Bytes to read at once."""

_EXCHANGE: Final = 2
_CANNOT_LINK: Final = frozenset({errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS})
_NO_ATTRIBUTE: Final = frozenset({errno.ENOTSUP, errno.ENODATA, errno.ENOSPC, errno.E2BIG})

_libc = ctypes.CDLL(None, use_errno=True)


@define(eq=False)
class ContentStore:
    """
    A store of contents in a directory on the file system of the files.

    :param directory: made when it is needed.
    :param most: the most bytes of its contents together; 0 means any.
    :param takes: whether files get their bytes here; if not, those that have them
        here go as they would.
    """

    directory: Path
    most: int = 0
    takes: bool = True
    _used: int | None = field(default=None, init=False)
    _lock: Lock = field(factory=Lock, init=False)

    def fits(self, files: Path) -> bool:
        """
        Tell whether files below a directory can have their bytes here: on one file system.

        :raises OSError: if the store cannot be made.
        """
        self.directory.mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)
        return self.directory.stat().st_dev == files.stat().st_dev

    def deduplicate(self, parent: int, leaf: str, sha256: bytes, scratch: int) -> int:
        """
        Let a file have the bytes of the store, or the store those of the file.

        :param parent: the open folder of the file.
        :param scratch: an open folder where a name can be made for a moment.
        :return: how many bytes of the disk are given back.
        :raises OSError: if it fails; the file is whole all the same.
        """
        own = open_file(parent, leaf)
        if own is None:
            return 0
        try:
            with self._bucket(sha256, create=True) as bucket:
                return self._deduplicate(parent, leaf, own, bucket, sha256.hex(), scratch)
        except OSError as error:
            if error.errno in _CANNOT_LINK:
                return 0
            raise
        finally:
            os.close(own)

    def _deduplicate(
        self, parent: int, leaf: str, own: int, bucket: int, key: str, scratch: int
    ) -> int:
        mine = os.fstat(own)
        if self._is_full(mine.st_size) and not _exists(bucket, key):
            return 0
        try:
            os.link(leaf, key, src_dir_fd=parent, dst_dir_fd=bucket, follow_symlinks=False)
        except FileExistsError:
            pass
        else:
            _mark(own, key)
            self._count(mine.st_size)
            return 0
        shared = open_file(bucket, key)
        if shared is None:
            # Somebody planted something else there.
            return 0
        try:
            theirs = os.fstat(shared)
            if theirs.st_ino == mine.st_ino:
                return 0
            if mine.st_nlink > 1 and _digest(own) == key:
                # One of an earlier copy, which had as many names as a file can have.
                return 0
            # What no file has needs no comparing: there is nothing to share.
            is_equal = theirs.st_nlink > 1 and _equal(own, shared)
        finally:
            os.close(shared)
        if not is_equal or not self._take(parent, leaf, mine, bucket, key, scratch):
            with _linked(parent, leaf, scratch) as fresh:
                os.rename(fresh, key, src_dir_fd=scratch, dst_dir_fd=bucket)
            _mark(own, key)
            return 0
        return mine.st_size

    def _take(
        self, parent: int, leaf: str, mine: os.stat_result, bucket: int, key: str, scratch: int
    ) -> bool:
        # False: the content has as many names as it can have.
        try:
            with _linked(bucket, key, scratch) as fresh:
                try:
                    _exchange(scratch, fresh, parent, leaf)
                except FileNotFoundError:
                    # It was removed meanwhile, and may not come back.
                    return True
                was = os.stat(fresh, dir_fd=scratch, follow_symlinks=False)
                if was.st_ino != mine.st_ino:
                    # Another file has the name by now.
                    _exchange(scratch, fresh, parent, leaf)
        except OSError as error:
            if error.errno == errno.EMLINK:
                return False
            raise
        return True

    def release(self, descriptor: int) -> None:
        """
        Remove the content that a file had, if no file has it any more.

        :param descriptor: of the file, which has lost its name.
        """
        key = _digest(descriptor)
        if key is None:
            return
        mine = os.fstat(descriptor)
        with suppress(OSError), self._bucket(bytes.fromhex(key), create=False) as bucket:
            kept = os.stat(key, dir_fd=bucket, follow_symlinks=False)
            if (kept.st_ino, kept.st_nlink) == (mine.st_ino, 1):
                os.unlink(key, dir_fd=bucket)
                self._count(-mine.st_size)

    def sweep(self) -> int:
        """Remove every content that no file has; tell how many bytes that gave back."""
        freed = used = 0
        for path in self._contents():
            with suppress(FileNotFoundError):
                status = path.lstat()
                if status.st_nlink == 1:
                    path.unlink()
                    freed += status.st_size
                else:
                    used += status.st_size
        with self._lock:
            self._used = used
        return freed

    def _contents(self) -> Iterator[Path]:
        # By their names: what else somebody has in the directory is none of ours.
        if self.directory.is_dir() and not self.directory.is_symlink():
            for number in range(256):
                bucket = self.directory / f"{number:02x}"
                if bucket.is_dir() and not bucket.is_symlink():
                    yield from (path for path in bucket.iterdir() if _is_content(path))

    @contextmanager
    def _bucket(self, sha256: bytes, *, create: bool) -> Iterator[int]:
        # Opened each time, for it may have been deleted.
        if create:
            self.directory.mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)
        # A link was resolved where it was configured; one that is planted leads nowhere.
        top = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            bucket = open_directory(top, sha256.hex()[:2], create=create)
            try:
                yield bucket
            finally:
                os.close(bucket)
        finally:
            os.close(top)

    def _is_full(self, size: int) -> bool:
        if self.most == 0:
            return False
        if self._used is None:
            self.sweep()
        with self._lock:
            return (self._used or 0) + size > self.most

    def _count(self, size: int) -> None:
        with self._lock:
            if self._used is not None:
                self._used += size


@contextmanager
def _linked(parent: int, leaf: str, scratch: int) -> Iterator[str]:
    # A second name for a file, which is gone at the end if it still is there.
    fresh = f"content-{secrets.token_hex(16)}"
    os.link(leaf, fresh, src_dir_fd=parent, dst_dir_fd=scratch, follow_symlinks=False)
    try:
        yield fresh
    finally:
        with suppress(FileNotFoundError):
            os.unlink(fresh, dir_fd=scratch)


def _exchange(one: int, name: str, other: int, leaf: str) -> None:
    # Both have to be there, so nothing that was removed comes back.
    failed = _libc.renameat2(one, os.fsencode(name), other, os.fsencode(leaf), _EXCHANGE)
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), leaf)


def _is_content(path: Path) -> bool:
    is_named = re.fullmatch("[0-9a-f]{64}", path.name) and path.name.startswith(path.parent.name)
    return bool(is_named) and not path.is_dir()


def _exists(parent: int, leaf: str) -> bool:
    try:
        os.stat(leaf, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _mark(descriptor: int, key: str) -> None:
    # Without the mark a content is removed by the next sweep, and not with its last file.
    try:
        os.setxattr(descriptor, DIGEST_ATTRIBUTE, key.encode())
    except OSError as error:
        if error.errno not in _NO_ATTRIBUTE:
            raise


def _digest(descriptor: int) -> str | None:
    try:
        key = os.getxattr(descriptor, DIGEST_ATTRIBUTE).decode("ascii", "replace")
        return key if len(bytes.fromhex(key)) == 32 else None
    except (OSError, ValueError):
        return None


def _equal(one: int, other: int) -> bool:
    offset = 0
    while data := os.pread(one, COMPARE_SIZE, offset):
        if os.pread(other, COMPARE_SIZE, offset) != data:
            return False
        offset += len(data)
    return not os.pread(other, 1, offset)
