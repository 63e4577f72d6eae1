"""Which files lie in which container, in a small database beside the index."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from attrs import frozen

from hmacfs.base.names import StoredName
from hmacfs.blobs.interfaces import StorageFailed
from hmacfs.blobs.tree import storage_errors

BUSY_TIMEOUT: Final = 5.0
"""Seconds to wait for another process that changes the catalogue."""

STEP: Final = 500
"""Files to tell at once."""

_TABLES: Final = (
    """
    CREATE TABLE IF NOT EXISTS packed (
        name BLOB NOT NULL PRIMARY KEY,
        container TEXT NOT NULL,
        start INTEGER NOT NULL,
        size INTEGER NOT NULL,
        sha256 BLOB NOT NULL
    ) WITHOUT ROWID
    """,
    "CREATE INDEX IF NOT EXISTS packed_container ON packed (container)",
    "CREATE TABLE IF NOT EXISTS containers (path TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID",
)
_MADE: Final = "SELECT 1 FROM sqlite_master WHERE name = 'containers'"
"""Tells whether there is the last of the tables."""

_EMPTY: Final = """
    SELECT path FROM containers
        WHERE NOT EXISTS (SELECT 1 FROM packed WHERE container = path)
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


@frozen
class Catalogue:
    """
    Knows which files lie in which container.  All methods block.

    A container from which no file is read any more is removed: by whoever takes
    the last file of it, or, after a crash, by the next who packs.
    """

    path: Path

    def announce(self, container: Path) -> None:
        """Note a container before it is written, durably, so that none is left by a crash."""
        with self._changed() as connection:
            connection.execute("INSERT OR IGNORE INTO containers VALUES (?)", (str(container),))

    def add(self, files: Sequence[Packed]) -> None:
        """Record files, and their containers, durably."""
        with self._changed() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO containers VALUES (?)",
                [(str(path),) for path in {file.container for file in files}],
            )
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
        """Forget a file, durably, and tell whether it was known."""
        if self.find(name) is None:
            return False
        key = (str(name).encode(),)
        with self._changed() as connection:
            rows = connection.execute("SELECT container FROM packed WHERE name = ?", key).fetchall()
            connection.execute("DELETE FROM packed WHERE name = ?", key)
            empty = [
                path
                for (path,) in rows
                if connection.execute(f"{_EMPTY} AND path = ?", (path,)).fetchall()
            ]
        for path in empty:
            self._remove(path)
        return bool(rows)

    def sweep(self) -> list[Path]:
        """
        Remove the containers from which nothing is read, and tell which.

        Only for who is sure that none is being written.
        """
        with self._asked() as connection:
            rows = [] if connection is None else connection.execute(_EMPTY).fetchall()
        empty = [path for (path,) in rows]
        for path in empty:
            self._remove(path)
        return [Path(path) for path in empty]

    def _remove(self, path: str) -> None:
        # On a medium that cannot be written to it stays.
        with suppress(OSError):
            Path(path).unlink(missing_ok=True)
        with self._changed() as connection:
            connection.execute("DELETE FROM containers WHERE path = ?", (path,))

    def containers(self) -> list[tuple[Path, int, int]]:
        """Tell each container, how many files are read from it, and their bytes."""
        with self._asked() as connection:
            if connection is None:
                return []
            rows = connection.execute(
                "SELECT container, count(*), sum(size) FROM packed GROUP BY container"
            ).fetchall()
        return [(Path(path), count, size) for path, count, size in rows]

    def files(self, container: Path) -> list[Packed]:
        """Tell the files that are read from a container."""
        return self._ask("SELECT * FROM packed WHERE container = ?", str(container))

    def page(self, after: bytes) -> list[Packed]:
        """Tell files whose names come after this, some at a time."""
        return self._ask("SELECT * FROM packed WHERE name > ? ORDER BY name LIMIT ?", after, STEP)

    def _ask(self, query: str, *values: object) -> list[Packed]:
        with self._asked() as connection:
            rows = [] if connection is None else connection.execute(query, values).fetchall()
        return [
            Packed(StoredName.known(name.decode()), Path(container), start, size, sha256)
            for name, container, start, size, sha256 in rows
        ]

    @contextmanager
    def _asked(self) -> Iterator[sqlite3.Connection | None]:
        # ``None`` until there is something in it, which somebody may be about to put there.
        if not self.path.exists():
            yield None
            return
        with self._connected() as connection:
            yield connection if connection.execute(_MADE).fetchall() else None

    @contextmanager
    def _changed(self) -> Iterator[sqlite3.Connection]:
        with storage_errors(f"make {self.path}"):
            # Names of files are what keeps them private.
            self.path.touch(0o600)
        with self._connected() as connection, connection:
            for statement in _TABLES:
                connection.execute(statement)
            yield connection

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=BUSY_TIMEOUT)) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                yield connection
        except sqlite3.Error as error:
            raise StorageFailed(f"cannot use {self.path}: {error}") from error
