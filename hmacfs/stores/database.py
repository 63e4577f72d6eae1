"""
What is done with the file of the index, blocking: by those who read, by those who write.

Each has a connection of its own and belongs to the thread that opened it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Self, TypeVar

from attrs import frozen

from hmacfs.stores.connections import connect, transaction
from hmacfs.stores.failures import explained, explaining
from hmacfs.stores.scripts import packaged_steps
from hmacfs.stores.statements import Connection
from hmacfs.stores.upgrades import create, recognise, upgrade, use_write_ahead_log

T = TypeVar("T")

Work = Callable[[Connection], T]
"""Something to do with a connection, such as a function of :mod:`hmacfs.stores.rows`."""


@frozen
class Done:
    """A work that ended well."""

    value: object


@frozen
class Failed:
    """A work that failed."""

    error: Exception


Outcome = Done | Failed


@frozen
class Reader:
    """Reads from the file."""

    _path: Path
    _connection: sqlite3.Connection

    @classmethod
    def open(cls, path: Path, busy_timeout: float) -> Self:
        """
        Open a file that a :class:`Writer` has opened before.

        :param busy_timeout: seconds to wait for a lock that another process holds.
        :raises StoreFailed: if it cannot be opened.
        """
        with explaining(path), _closed_on_error(connect(path, busy_timeout)) as connection:
            connection.execute("PRAGMA query_only = ON")
            return cls(path, connection)

    def perform(self, works: Sequence[Work[object]]) -> list[Outcome]:
        """Do each work for itself; it sees all that was committed before it begins."""
        return [self._outcome(work) for work in works]

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _outcome(self, work: Work[object]) -> Outcome:
        try:
            return Done(work(self._connection))
        except Exception as error:
            return Failed(explained(error, self._path))


@frozen
class Writer:
    """Writes to the file."""

    _path: Path
    _connection: sqlite3.Connection

    @classmethod
    def open(
        cls,
        path: Path,
        busy_timeout: float,
        steps: Sequence[str] | None = None,
        synced: bool = True,
    ) -> Self:
        """
        Open the file; make it if there is none, upgrade it if it is of an older release.

        :param busy_timeout: seconds to wait for a lock that another process holds.
        :param steps: the schema, if not that of this release.
        :param synced: whether what was written outlives a loss of power, and not only our own end.
        :raises StoreFailed: if that cannot be done; the message says what to do.
        """
        wanted = packaged_steps() if steps is None else steps
        with explaining(path):
            if not path.exists():
                create(path, wanted, busy_timeout)
            with _closed_on_error(connect(path, busy_timeout)) as connection:
                # First of all: the file of another program must stay as it is.
                recognise(connection, path, len(wanted))
                use_write_ahead_log(connection, path)
                upgrade(connection, path, wanted, busy_timeout)
                if not synced:
                    connection.execute("PRAGMA synchronous = NORMAL")
                return cls(path, connection)

    def perform(self, works: Sequence[Work[object]]) -> list[Outcome]:
        """
        Do all works in one transaction, for which the disk is waited for once.

        A work that fails is undone and leaves the others alone.  When the
        transaction itself fails, all of them fail, and none is done; only an
        error of the disk may leave that open until the file is opened again.
        """
        try:
            with transaction(self._connection):
                return [self._outcome(work) for work in works]
        except Exception as error:
            return [Failed(explained(error, self._path)) for _ in works]

    def close(self) -> None:
        """Move the log into the file and let go of it."""
        # What cannot be moved now, for want of room or because another process
        # reads, is safe in the log and moved by whoever opens the file next.
        with suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()

    def _outcome(self, work: Work[object]) -> Outcome:
        self._connection.execute("SAVEPOINT work")
        outcome: Outcome
        try:
            outcome = Done(work(self._connection))
        except Exception as error:
            # SQLite answers some errors by undoing the whole transaction: then
            # the works before this one are lost too, and must be told.
            if not self._connection.in_transaction:
                raise
            self._connection.execute("ROLLBACK TO work")
            outcome = Failed(explained(error, self._path))
        self._connection.execute("RELEASE work")
        return outcome


def is_older(path: Path, busy_timeout: float) -> bool:
    """
    Tell whether the file is of an older release, so that a :class:`Writer` would upgrade it.

    :raises StoreFailed: if it cannot be opened, or is no index that we know.
    """
    latest = len(packaged_steps())
    with explaining(path), closing(connect(path, busy_timeout)) as connection:
        return recognise(connection, path, latest) < latest


@contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    try:
        yield connection
    except BaseException:
        connection.close()
        raise
