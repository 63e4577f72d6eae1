"""
Stored files as files of a local file system.

``<storage_path>/<name>`` holds each stored file under its own name.  The
server's own files lie on the same file system in ``<storage_path>/.hmacfs/``;
``stage/`` there holds the bytes of uploads that are under way.

A file is published by ``link``, which fails on an existing name.  Before that,
what the index will have to know of it is kept in an extended attribute of the
staged file, so that a crash between the link and the index leaves nothing to
guess: the start-up sweep finds a staged file with two links and its facts.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

from twisted.internet.defer import Deferred, succeed

from hmacfs.base.names import INTERNAL_DIRECTORY, StoredName
from hmacfs.blobs import lock, replacing
from hmacfs.blobs.contents import ContentStore
from hmacfs.blobs.handles import LocalOpenBlob, LocalStagedBlob, read_whole
from hmacfs.blobs.interfaces import (
    Found,
    Leftover,
    NameExists,
    OpenBlob,
    Passed,
    StagedBlob,
)
from hmacfs.blobs.naming import Naming, Places
from hmacfs.blobs.tree import (
    FILE_MODE,
    give_back,
    is_file,
    open_directory,
    open_file,
    open_private,
    open_root,
    parent_of,
    room_in,
    storage_errors,
)
from hmacfs.blobs.walk import walk
from hmacfs.flow.pools import Lane, Pool, acquire, close_if_any

INTENT_ATTRIBUTE = "user.hmacfs.intent"
FOLDER_ATTEMPTS = 10
"""How often a file is linked into a folder that vanishes each time."""

WALK_STEP = 500
"""Files to tell at once, so that a walk takes little memory and few turns."""

_NO_ATTRIBUTE = frozenset({errno.ENOTSUP, errno.ENODATA, errno.ENOSPC, errno.E2BIG})


class LocalBlobs:
    """
    Keeps files below a directory; see :class:`~hmacfs.blobs.interfaces.Blobs`.

    :param root: the storage path; it is made if it does not exist.
    :param pool: where everything that touches the disk runs.
    :param contents: where equal files have their bytes, if they have them together.
    :param naming: what files are called in there.
    """

    def __init__(
        self,
        root: Path,
        pool: Pool,
        contents: ContentStore | None = None,
        naming: Naming | None = None,
    ) -> None:
        self._pool = pool
        self._path = root
        self._contents = contents
        self._naming = naming or Naming()
        self._places = Places()
        self._root = -1
        self._internal = -1
        self._stages = -1
        self._lock = -1

    @property
    def internal_path(self) -> Path:
        """The directory of the server's own files."""
        return self._path / INTERNAL_DIRECTORY

    def start(self, *, alone: bool = True) -> Deferred[None]:
        """
        Open the directories, and keep other daemons out.

        :param alone: false for those who work beside a daemon; they may
            neither stage nor ask for leftovers.
        :raises StorageFailed: if they cannot be opened, or another daemon has them.
        """
        return self._pool.run(self._start, alone)

    def _start(self, alone: bool) -> None:
        self._root = open_root(self._path)
        with storage_errors(f"prepare {self.internal_path}"):
            self._internal = open_directory(self._root, INTERNAL_DIRECTORY, create=True)
            # The names in it may tell the ids of uploads.
            self._stages = open_private(self._internal, "stage")
            self._places = self._naming.places(self._internal)
        if alone:
            self._lock = lock.hold(self._internal, self._path)

    def place(self, name: StoredName) -> StoredName:
        """Tell under what name the bytes of a file lie, or would be put; blocks."""
        first, *others = self._places.of(name)
        if others and not is_file(self._root, first):
            for other in others:
                if is_file(self._root, other):
                    return other
        return first

    def close(self) -> Deferred[None]:
        """Let go of the directories."""
        return self._pool.run(self._close)

    def _close(self) -> None:
        for descriptor in (self._stages, self._lock, self._internal, self._root):
            if descriptor >= 0:
                os.close(descriptor)
        self._root = self._internal = self._stages = self._lock = -1

    def stage(self) -> Deferred[StagedBlob]:
        """Begin a file; see :meth:`Blobs.stage`."""
        return acquire(self._pool, self._make_stage, self._drop)

    def _make_stage(self) -> StagedBlob:
        key = secrets.token_hex(16)
        with storage_errors("begin a staged file"):
            descriptor = os.open(
                key,
                os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC,
                FILE_MODE,
                dir_fd=self._stages,
            )
            give_back(self._stages, descriptor)
        return LocalStagedBlob(key, descriptor, Lane(self._pool))

    def publish(self, staged: StagedBlob, name: StoredName, intent: bytes) -> Deferred[None]:
        """Name the staged bytes; see :meth:`Blobs.publish`."""
        blob = _ours(staged)
        return blob.lane.run(self._publish, blob, name, intent)

    def _publish(self, blob: LocalStagedBlob, name: StoredName, intent: bytes) -> None:
        with storage_errors(f"publish {name}"):
            self._seal(blob, intent)
            for left in reversed(range(FOLDER_ATTEMPTS)):
                try:
                    return self._link_staged(blob, self.place(name))
                except FileNotFoundError:
                    # Whoever removed the last file of the folder took it away meanwhile.
                    if not left:
                        raise

    def _seal(self, blob: LocalStagedBlob, intent: bytes) -> None:
        try:
            os.setxattr(blob.descriptor, INTENT_ATTRIBUTE, intent)
        except OSError as error:
            # Without it a crash in the next moments leaves a file that only
            # `reindex` or a repeated upload makes known again.
            if error.errno not in _NO_ATTRIBUTE:
                raise
        os.fsync(blob.descriptor)
        blob.close()

    def _link_staged(self, blob: LocalStagedBlob, name: StoredName) -> None:
        with parent_of(self._root, name, create=True) as parent:
            try:
                os.link(blob.key, name.leaf, src_dir_fd=self._stages, dst_dir_fd=parent)
            except FileExistsError:
                raise NameExists(f"{name} exists") from None
            try:
                os.fsync(parent)
            except OSError:
                # What may not survive must not be seen either.
                os.unlink(name.leaf, dir_fd=parent)
                raise

    def replace(self, staged: StagedBlob, name: StoredName, intent: bytes) -> Deferred[None]:
        """Put the staged bytes in the place of a file; see :meth:`Blobs.replace`."""
        blob = _ours(staged)
        return blob.lane.run(self._replace, blob, name, intent)

    def _replace(self, blob: LocalStagedBlob, name: StoredName, intent: bytes) -> None:
        with storage_errors(f"publish {name}"):
            self._seal(blob, intent)
            replacing.replace(self._stages, blob.key, self._root, self.place(name))

    def link(self, name: StoredName, other: StoredName) -> Deferred[bool]:
        """Give a file a second name; see :meth:`Blobs.link`."""
        return self._pool.run(self._link, name, other)

    def _link(self, name: StoredName, other: StoredName) -> bool:
        with storage_errors(f"keep {name}"):
            return replacing.link(self._root, self.place(name), self.place(other))

    def rename(self, name: StoredName, other: StoredName) -> Deferred[None]:
        """Give a file another name; see :meth:`Blobs.rename`."""
        return self._pool.run(self._rename, name, other)

    def _rename(self, name: StoredName, other: StoredName) -> None:
        with storage_errors(f"rename {name}"):
            replacing.rename(self._root, self.place(name), self.place(other))

    def settle(self, staged: StagedBlob) -> Deferred[None]:
        """Forget the stage; see :meth:`Blobs.settle`."""
        blob = _ours(staged)
        return blob.lane.run(self._drop, blob)

    def _drop(self, staged: StagedBlob) -> None:
        blob = _ours(staged)
        blob.close()
        self._clear(blob.key)

    def _clear(self, key: str) -> None:
        with storage_errors("clear a staged file"):
            with suppress(OSError):
                os.removexattr(f"/proc/self/fd/{self._stages}/{key}", INTENT_ATTRIBUTE)
            os.unlink(key, dir_fd=self._stages)

    def open(self, name: StoredName, whole: int = 0) -> Deferred[OpenBlob | None]:
        """Open a published file; see :meth:`Blobs.open`."""
        return acquire(self._pool, lambda: self._opened(name, whole), close_if_any)

    def _opened(self, name: StoredName, whole: int) -> OpenBlob | None:
        blob = self._open(name)
        return None if blob is None else read_whole(blob, whole)

    def _open(self, name: StoredName) -> OpenBlob | None:
        with storage_errors(f"open {name}"):
            for place in self._places.of(name):
                blob = self._open_at(place)
                if blob is not None:
                    return blob
        return None

    def _open_at(self, place: StoredName) -> OpenBlob | None:
        try:
            with parent_of(self._root, place) as parent:
                descriptor = open_file(parent, place.leaf)
        except (FileNotFoundError, NameExists):
            return None
        if descriptor is None:
            return None
        try:
            size = os.fstat(descriptor).st_size
        except OSError:
            os.close(descriptor)
            raise
        return LocalOpenBlob(descriptor, size, Lane(self._pool))

    def remove(self, name: StoredName) -> Deferred[bool]:
        """Take a file away; see :meth:`Blobs.remove`."""
        return self._pool.run(self._remove, name)

    def _remove(self, name: StoredName) -> bool:
        with storage_errors(f"remove {name}"):
            place = self.place(name)
            try:
                with parent_of(self._root, place) as parent, self._released(parent, place):
                    os.unlink(place.leaf, dir_fd=parent)
                    os.fsync(parent)
            except (FileNotFoundError, IsADirectoryError, NameExists):
                return False
        self._prune(place)
        return True

    @contextmanager
    def _released(self, parent: int, name: StoredName) -> Iterator[None]:
        # The bytes go with the last name that they have outside of the store.
        descriptor = None if self._contents is None else open_file(parent, name.leaf)
        try:
            yield
            if self._contents is not None and descriptor is not None:
                self._contents.release(descriptor)
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def deduplicate(self, name: StoredName, sha256: bytes) -> Deferred[int]:
        """Let equal files have their bytes together; see :meth:`Blobs.deduplicate`."""
        if self._contents is None or not self._contents.takes:
            return succeed(0)
        return self._pool.run(self._deduplicate, self._contents, name, sha256)

    def _deduplicate(self, contents: ContentStore, name: StoredName, sha256: bytes) -> int:
        with storage_errors(f"deduplicate {name}"):
            place = self.place(name)
            try:
                with parent_of(self._root, place) as parent:
                    return contents.deduplicate(parent, place.leaf, sha256, self._stages)
            except (FileNotFoundError, NameExists):
                return 0

    def _prune(self, name: StoredName) -> None:
        # A folder that has something in it, or is in use otherwise, stays.
        if name.is_internal:
            with suppress(OSError):
                os.rmdir("/".join(name.segments[1:-1]), dir_fd=self._internal)
            return
        segments = name.segments[:-1]
        with suppress(OSError, NameExists):
            while segments:
                folder = StoredName(segments)
                with parent_of(self._root, folder) as parent:
                    os.rmdir(folder.leaf, dir_fd=parent)
                segments = segments[:-1]

    async def walk(self) -> AsyncGenerator[list[Found | Passed], None]:
        """Look through all files; see :meth:`Blobs.walk`."""
        lane = Lane(self._pool)
        found = walk(self._root, INTENT_ATTRIBUTE)
        try:
            while some := await lane.run(_taken, found):
                yield some
        finally:
            await lane.run(found.close)

    def leftovers(self) -> Deferred[list[Leftover]]:
        """Look for what a crash left; see :meth:`Blobs.leftovers`."""
        return self._pool.run(self._leftovers)

    def _leftovers(self) -> list[Leftover]:
        found = []
        with storage_errors("sweep the stage"):
            replacing.sweep(self._stages)
            for key in os.listdir(self._stages):
                links = os.stat(key, dir_fd=self._stages, follow_symlinks=False).st_nlink
                intent = self._intent(key) if links > 1 else None
                if intent is None:
                    os.unlink(key, dir_fd=self._stages)
                else:
                    found.append(Leftover(key, intent))
        return found

    def _intent(self, key: str) -> bytes | None:
        try:
            return os.getxattr(f"/proc/self/fd/{self._stages}/{key}", INTENT_ATTRIBUTE)
        except OSError as error:
            if error.errno in _NO_ATTRIBUTE:
                return None
            raise

    def forget(self, leftover: Leftover) -> Deferred[None]:
        """Clear a leftover; see :meth:`Blobs.forget`."""
        return self._pool.run(self._clear, leftover.key)

    def free_bytes(self) -> Deferred[int]:
        """Tell the room left; see :meth:`Blobs.free_bytes`."""
        return self._pool.run(self._free_bytes)

    def _free_bytes(self) -> int:
        with storage_errors("store files"):
            return room_in(self._stages)


def _taken(found: Iterator[Found | Passed]) -> list[Found | Passed]:
    with storage_errors("look through the stored files"):
        return list(islice(found, WALK_STEP))


def _ours(staged: StagedBlob) -> LocalStagedBlob:
    if not isinstance(staged, LocalStagedBlob):
        raise TypeError(f"{staged!r} was not staged here")
    return staged
