"""Connections to a file of SQLite, as the index uses them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def connect(path: Path, busy_timeout: float) -> sqlite3.Connection:
    """
    Open a file that exists.  The connection belongs to the thread that opens it.

    :param busy_timeout: seconds to wait for a lock that another process holds.
    :raises sqlite3.Error: if it cannot be opened.
    """
    connection = sqlite3.connect(
        # Without mode=rw SQLite would make a file that is not there.
        f"{path.absolute().as_uri()}?mode=rw",
        timeout=busy_timeout,
        isolation_level=None,
        uri=True,
    )
    # The log is synced with every commit, not only before a checkpoint
    # (sqlite.org/pragma.html#pragma_synchronous).
    try:
        connection.execute("PRAGMA synchronous = FULL")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """
    Commit what is done inside, or undo it when that or the commit fails.

    The write lock is taken at the start, so that what is read inside still
    holds when it is written.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # After some errors SQLite has already rolled back (sqlite.org/lang_transaction.html).
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
