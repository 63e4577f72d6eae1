"""
Files whose bytes lie in ISO 9660 containers.

A container is written once and never changed.  Where in it the bytes of a file
lie is kept in a small database beside the index, so a file is read from its
container as quickly as from the disk.  A file that lies on the disk as well is
read from there.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from attrs import define, frozen

from hmacfs.base.names import StoredName
from hmacfs.blobs.interfaces import OpenBlob, StorageFailed
from hmacfs.blobs.local import LocalBlobs
from hmacfs.blobs.tree import storage_errors
from hmacfs.flow.pools import Lane

BUSY_TIMEOUT = 5.0
"""Seconds to wait for another process that changes the catalogue."""

_CLOSED = -1

_TABLE = """
CREATE TABLE IF NOT EXISTS packed (
    name BLOB NOT NULL PRIMARY KEY,
    container TEXT NOT NULL,
    start INTEGER NOT NULL,
    size INTEGER NOT NULL,
    sha256 BLOB NOT NULL
) WITHOUT ROWID
"""


@frozen
class Packed:
    """
    A file in a container.

    :ivar start: where in the container its bytes begin.
    """

    name: StoredName
    container: Path
    start: int
    size: int
    sha256: bytes


@define(eq=False)
class PackedBlob:
    """The bytes of a file in a container, open for reading."""

    size: int
    lane: Lane
    _container: int
    _start: int

    def read_at(self, offset: int, length: int) -> bytes:
        """Read at an offset; see :class:`OpenBlob`."""
        with storage_errors("read a container"):
            return os.pread(
                self._container, min(length, max(0, self.size - offset)), self._start + offset
            )

    def close(self) -> None:
        """Let go."""
        container, self._container = self._container, _CLOSED
        if container != _CLOSED:
            os.close(container)


@frozen
class Catalogue:
    """Knows which files lie in which container.  All methods block."""

    path: Path

    def add(self, files: Sequence[Packed]) -> None:
        """Record files, durably."""
        with self._connected() as connection, connection:
            connection.execute(_TABLE)
            connection.executemany(
                "INSERT OR REPLACE INTO packed VALUES (?, ?, ?, ?, ?)",
                [
                    (
                        str(file.name).encode(),
                        str(file.container),
                        file.start,
                        file.size,
                        file.sha256,
                    )
                    for file in files
                ],
            )

    def find(self, name: StoredName) -> Packed | None:
        """Tell where the bytes of a file lie."""
        found = self._ask("SELECT * FROM packed WHERE name = ?", str(name).encode())
        return found[0] if found else None

    def forget(self, name: StoredName) -> bool:
        """Forget a file, durably; its bytes stay in the container.  Tell whether it was known."""
        if not self.path.exists():
            return False
        with self._connected() as connection, connection:
            changed = connection.execute(
                "DELETE FROM packed WHERE name = ?", (str(name).encode(),)
            ).rowcount
        return changed > 0

    def containers(self) -> list[tuple[Path, int, int]]:
        """Tell each container, how many files are read from it, and their bytes."""
        if not self.path.exists():
            return []
        with self._connected() as connection:
            rows = connection.execute(
                "SELECT container, count(*), sum(size) FROM packed GROUP BY container"
            ).fetchall()
        return [(Path(path), count, size) for path, count, size in rows]

    def files(self, container: Path) -> list[Packed]:
        """Tell the files that are read from a container."""
        return self._ask("SELECT * FROM packed WHERE container = ?", str(container))

    def _ask(self, query: str, value: object) -> list[Packed]:
        if not self.path.exists():
            return []
        with self._connected() as connection:
            rows = connection.execute(query, (value,)).fetchall()
        return [
            Packed(StoredName.parse(name), Path(container), start, size, sha256)
            for name, container, start, size, sha256 in rows
        ]

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, BUSY_TIMEOUT)) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                yield connection
        except sqlite3.Error as error:
            raise StorageFailed(f"cannot use {self.path}: {error}") from error


class PackedBlobs(LocalBlobs):
    """Keeps files below a directory, and finds those that were packed into containers."""

    @property
    def catalogue(self) -> Catalogue:
        """What tells where packed files lie."""
        return Catalogue(self.internal_path / "packed.sqlite")

    def unpack(self, name: StoredName) -> None:
        """Take the file off the disk, once it lies in a container; blocks."""
        super()._remove(name)

    def is_on_disk(self, name: StoredName) -> bool:
        """Tell whether a file lies on the disk itself; blocks."""
        blob = super()._open(name)
        if blob is None:
            return False
        blob.close()
        return True

    def _open(self, name: StoredName) -> OpenBlob | None:
        blob = super()._open(name)
        if blob is not None:
            return blob
        packed = self.catalogue.find(name)
        if packed is None:
            return None
        with storage_errors(f"open the container {packed.container}"):
            container = os.open(packed.container, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        return PackedBlob(packed.size, Lane(self._pool), container, packed.start)

    def _remove(self, name: StoredName) -> bool:
        was_packed = self.catalogue.forget(name)
        return super()._remove(name) or was_packed
