"""
Unfinished uploads as files of a local file system.

``<storage_path>/.hmacfs/sessions/`` holds two files for each: ``KEY`` with the
bytes, sparse where some are missing, and ``KEY.journal`` with the facts.  Each
line of a journal is a checksum and the facts as they were kept; the last whole
line is what holds, so that one flush makes a change durable and a crash in the
middle of it leaves the line before.

Whoever knows a key may go on with that upload, so only the owner of the directory
may list it, and not the group that may read the stored files.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from zlib import crc32

from attrs import define, field
from twisted.internet.defer import Deferred

from hmacfs.base.names import INTERNAL_DIRECTORY
from hmacfs.blobs.handles import LocalStagedBlob
from hmacfs.blobs.interfaces import NameExists, StagedBlob, StorageFailed, UnfinishedBlob
from hmacfs.blobs.tree import FILE_MODE, open_directory, open_private, open_root, storage_errors
from hmacfs.flow.pools import Lane, Pool, acquire, close_if_any

HANDED_OVER = "session-"
"""What the names of staged files begin with whose bytes an unfinished upload has too."""

LONGEST_JOURNAL = 256 * 1024
"""Bytes from which on a journal is begun anew."""

_JOURNAL = ".journal"
_NEW = ".new"
_CLOSED = -1
_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC


def _line(facts: bytes) -> bytes:
    if b"\n" in facts:
        raise ValueError("the facts are one line")
    return b"%08x %s\n" % (crc32(facts), facts)


def _last(journal: bytes) -> tuple[bytes | None, int]:
    # The facts that hold, and how long the journal is up to their end.
    held, length, reached = None, 0, 0
    for line in journal.splitlines(keepends=True):
        reached += len(line)
        facts = line[9:-1]
        if line.endswith(b"\n") and line[:9] == b"%08x " % crc32(facts):
            held, length = facts, reached
    return held, length


@define(eq=False)
class LocalUnfinishedBlob:
    """An unfinished upload whose two files are open."""

    key: str
    lane: Lane
    descriptor: int
    journal: int
    _directory: int
    _length: int = field(default=0)
    _dirty: bool = field(default=True, init=False)

    def write_at(self, offset: int, data: bytes | memoryview) -> None:
        """Put bytes in their place; see :class:`UnfinishedBlob`."""
        view = memoryview(data)
        self._dirty = True
        with storage_errors("write to an unfinished upload"):
            while view:
                written = os.pwrite(self.descriptor, view, offset)
                view = view[written:]
                offset += written

    def read_at(self, offset: int, length: int) -> bytes:
        """Read bytes; see :class:`UnfinishedBlob`."""
        with storage_errors("read an unfinished upload"):
            return os.pread(self.descriptor, length, offset)

    def keep(self, facts: bytes) -> None:
        """Make bytes and facts durable; see :class:`UnfinishedBlob`."""
        with storage_errors("keep an unfinished upload"):
            if self._dirty:
                os.fdatasync(self.descriptor)
                self._dirty = False
            line = _line(facts)
            if self._length + len(line) > max(LONGEST_JOURNAL, 2 * len(line)):
                journal = _begin_journal(self._directory, self.key, facts)
                before, self.journal = self.journal, journal
                os.close(before)
                self._length = len(line)
                return
            view = memoryview(line)
            while view:
                written = os.pwrite(self.journal, view, self._length + len(line) - len(view))
                view = view[written:]
            os.fdatasync(self.journal)
            self._length += len(line)

    def close(self) -> None:
        """Close the files, if they are open."""
        for name in ("descriptor", "journal"):
            descriptor = getattr(self, name)
            setattr(self, name, _CLOSED)
            if descriptor != _CLOSED:
                os.close(descriptor)


class LocalUnfinished:
    """
    Keeps unfinished uploads below a directory; see
    :class:`~hmacfs.blobs.interfaces.Unfinished`.

    :param root: the storage path, which is that of the stored files.
    :param pool: where everything that touches the disk runs.
    """

    def __init__(self, root: Path, pool: Pool) -> None:
        self._pool = pool
        self._path = root
        self._directory = -1
        self._stages = -1

    def start(self, *, persistent: bool = True, alone: bool = True) -> Deferred[None]:
        """
        Open the directory; for the time before :meth:`Blobs.leftovers`.

        :param persistent: whether what an earlier process left is kept.
        :param alone: false for those who only look, beside a server.
        :raises StorageFailed: if it cannot be opened.
        """
        return self._pool.run(self._start, persistent, alone)

    def _start(self, persistent: bool, alone: bool) -> None:
        root = open_root(self._path)
        try:
            with storage_errors("prepare the unfinished uploads"):
                internal = open_directory(root, INTERNAL_DIRECTORY, create=True)
                try:
                    self._stages = open_private(internal, "stage")
                    self._directory = open_private(internal, "sessions")
                finally:
                    os.close(internal)
                if alone:
                    self._take_back()
                    self._tidy()
                if not persistent:
                    for name in os.listdir(self._directory):
                        os.unlink(name, dir_fd=self._directory)
        finally:
            os.close(root)

    def _take_back(self) -> None:
        # Staged files whose publication a crash came before: the upload has the bytes still.
        for name in os.listdir(self._stages):
            if name.startswith(HANDED_OVER):
                key = name[len(HANDED_OVER) :].rpartition(".")[0]
                links = os.stat(name, dir_fd=self._stages).st_nlink
                if links <= 1 + self._has(key):
                    os.unlink(name, dir_fd=self._stages)

    def _tidy(self) -> None:
        # What a crash left that came before the facts were in their place.
        names = set(os.listdir(self._directory))
        for name in names:
            if not name.endswith(_JOURNAL) and name + _JOURNAL not in names:
                os.unlink(name, dir_fd=self._directory)

    def _has(self, key: str) -> bool:
        try:
            os.stat(key, dir_fd=self._directory)
        except FileNotFoundError:
            return False
        return True

    def close(self) -> Deferred[None]:
        """Let go of the directory."""
        return self._pool.run(self._close)

    def _close(self) -> None:
        for descriptor in (self._directory, self._stages):
            if descriptor >= 0:
                os.close(descriptor)
        self._directory = self._stages = -1

    def begin(self, key: str, facts: bytes) -> Deferred[UnfinishedBlob]:
        """Begin; see :meth:`Unfinished.begin`."""
        return acquire(self._pool, lambda: self._begin(key, facts), close_if_any)

    def _begin(self, key: str, facts: bytes) -> UnfinishedBlob:
        with storage_errors("begin an unfinished upload"):
            if self._has(key + _JOURNAL):
                raise NameExists(f"{key} is in use")
            try:
                data = os.open(
                    key, _FLAGS | os.O_CREAT | os.O_EXCL, FILE_MODE, dir_fd=self._directory
                )
            except FileExistsError:
                # Bytes without facts: a crash came between the two.
                data = os.open(key, _FLAGS | os.O_TRUNC, dir_fd=self._directory)
            try:
                journal = _begin_journal(self._directory, key, facts)
            except BaseException:
                os.close(data)
                self._unlink(key)
                raise
        lane = Lane(self._pool)
        return LocalUnfinishedBlob(key, lane, data, journal, self._directory, len(_line(facts)))

    def open(self, key: str) -> Deferred[UnfinishedBlob | None]:
        """Open the bytes; see :meth:`Unfinished.open`."""
        return acquire(self._pool, lambda: self._open(key), close_if_any)

    def _open(self, key: str) -> UnfinishedBlob | None:
        with storage_errors("open an unfinished upload"):
            try:
                data = os.open(key, _FLAGS, dir_fd=self._directory)
            except FileNotFoundError:
                return None
            try:
                journal = os.open(key + _JOURNAL, _FLAGS, dir_fd=self._directory)
            except FileNotFoundError:
                os.close(data)
                return None
            except BaseException:
                os.close(data)
                raise
            blob = LocalUnfinishedBlob(key, Lane(self._pool), data, journal, self._directory)
            try:
                _, length = _last(_read(journal))
                os.ftruncate(journal, length)
            except BaseException:
                blob.close()
                raise
            blob._length = length
            return blob

    def find(self, key: str) -> Deferred[bytes | None]:
        """Tell the facts; see :meth:`Unfinished.find`."""
        return self._pool.run(self._find, key)

    def _find(self, key: str) -> bytes | None:
        with storage_errors("read the facts of an unfinished upload"):
            try:
                journal = os.open(
                    key + _JOURNAL,
                    os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC,
                    dir_fd=self._directory,
                )
            except FileNotFoundError:
                return None
            try:
                return _last(_read(journal))[0]
            finally:
                os.close(journal)

    def conclude(self, key: str, facts: bytes) -> Deferred[None]:
        """Keep only facts; see :meth:`Unfinished.conclude`."""
        return self._pool.run(self._conclude, key, facts)

    def _conclude(self, key: str, facts: bytes) -> None:
        with storage_errors("conclude an unfinished upload"):
            os.close(_begin_journal(self._directory, key, facts))
            with suppress(FileNotFoundError):
                os.unlink(key, dir_fd=self._directory)

    def forget(self, key: str) -> Deferred[None]:
        """Let everything go; see :meth:`Unfinished.forget`."""
        return self._pool.run(self._forget, key)

    def _forget(self, key: str) -> None:
        with storage_errors("forget an unfinished upload"):
            self._unlink(key)

    def _unlink(self, key: str) -> None:
        # The bytes first: facts without bytes are an upload that is over, not one to wonder at.
        for name in (key, key + _JOURNAL):
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=self._directory)

    def keys(self) -> Deferred[list[str]]:
        """Tell all keys; see :meth:`Unfinished.keys`."""
        return self._pool.run(self._keys)

    def _keys(self) -> list[str]:
        with storage_errors("look through the unfinished uploads"):
            names = os.listdir(self._directory)
        return [name.removesuffix(_JOURNAL) for name in names if name.endswith(_JOURNAL)]

    def hand_over(self, blob: UnfinishedBlob, length: int) -> Deferred[StagedBlob]:
        """Give the bytes on; see :meth:`Unfinished.hand_over`."""
        if not isinstance(blob, LocalUnfinishedBlob):
            raise TypeError(f"{blob!r} was not begun here")
        return blob.lane.run(self._hand_over, blob, length)

    def _hand_over(self, blob: LocalUnfinishedBlob, length: int) -> StagedBlob:
        if blob.descriptor == _CLOSED:
            raise StorageFailed("cannot hand over an unfinished upload: it is closed")
        name = f"{HANDED_OVER}{blob.key}.{secrets.token_hex(4)}"
        with storage_errors("hand over an unfinished upload"):
            if os.fstat(blob.descriptor).st_size > length:
                os.ftruncate(blob.descriptor, length)
            os.link(blob.key, name, src_dir_fd=self._directory, dst_dir_fd=self._stages)
            descriptor = os.dup(blob.descriptor)
        return LocalStagedBlob(name, descriptor, Lane(self._pool))


def _begin_journal(directory: int, key: str, facts: bytes) -> int:
    new, name = key + _NEW, key + _JOURNAL
    journal = os.open(new, _FLAGS | os.O_CREAT | os.O_TRUNC, FILE_MODE, dir_fd=directory)
    try:
        view = memoryview(_line(facts))
        while view:
            view = view[os.write(journal, view) :]
        os.fsync(journal)
        os.rename(new, name, src_dir_fd=directory, dst_dir_fd=directory)
        os.fsync(directory)
    except BaseException:
        os.close(journal)
        with suppress(FileNotFoundError):
            os.unlink(new, dir_fd=directory)
        raise
    return journal


def _read(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)
