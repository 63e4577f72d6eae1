"""
The file of the index: made whole, recognised, and brought to the version of this release.

A file of the index carries our application id and, as its user version, the
number of steps that it has taken (sqlite.org/pragma.html#pragma_user_version).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.logger import Logger

from hmacfs.base.durable import sync
from hmacfs.stores.connections import connect, transaction
from hmacfs.stores.failures import called
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.scripts import statements

APPLICATION_ID = 0x484D4653
"""What tells a file of the index from other files of SQLite: ``HMFS`` in ASCII."""

_log = Logger()


def create(path: Path, steps: Sequence[str], busy_timeout: float) -> None:
    """
    Make the file, whole or not at all; one that another process made meanwhile stays.

    Only the server's user may read it: the names of files are what keeps
    downloads private.

    :raises StoreFailed: if the log of a file that is gone is in the way.
    :raises sqlite3.Error, OSError: if it cannot be made.
    """
    # In this order: who makes the file has it in place before there is a log.
    log = _log_of(path)
    if log.exists() and not path.exists():
        raise StoreFailed(
            f"there is {log}, but not {called(path)} it belongs to: bring that back, or move "
            "the log away as well"
        )
    with _staged(path) as staged:
        with closing(connect(staged, busy_timeout)) as connection:
            with transaction(connection):
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                _take(steps, connection)
            # Not before: what is in a log is only moved into the file when it
            # is closed, and a close keeps quiet about errors.
            use_write_ahead_log(connection, staged)
        with suppress(FileExistsError):
            path.hardlink_to(staged)
            _log.info("made {what}", what=called(path))
    sync(path.parent)


def recognise(connection: sqlite3.Connection, path: Path, latest: int) -> int:
    """
    Tell how many steps the file has taken.

    :param latest: how many there are.
    :raises StoreFailed: if the file is not the index of this or an older release.
    :raises sqlite3.Error: if it cannot be read.
    """
    if _number(connection, "PRAGMA application_id") != APPLICATION_ID:
        raise StoreFailed(
            f"{path} is not an index of this server: see whether the configured path is right, "
            "and move the file away if it is"
        )
    version = _number(connection, "PRAGMA user_version")
    if version > latest:
        raise StoreFailed(
            f"{called(path)} was written by a newer release (schema {version}, this one knows "
            f"{latest}): install that release, or put back the backup made before its upgrade"
        )
    return version


def use_write_ahead_log(connection: sqlite3.Connection, path: Path) -> None:
    """
    Keep the file in WAL mode, so that readers never wait for the writer.

    :raises StoreFailed: if the file system cannot (sqlite.org/wal.html).
    """
    ((mode,),) = connection.execute("PRAGMA journal_mode = WAL").fetchall()
    if mode != "wal":
        raise StoreFailed(
            f"{called(path)} cannot have a write-ahead log where it is: move it to a local "
            "file system"
        )


def upgrade(
    connection: sqlite3.Connection, path: Path, steps: Sequence[str], busy_timeout: float
) -> None:
    """
    Take the steps that the file lacks, all or none, after a backup of it.

    The backup is a file beside it that is named after the version it has.

    :raises StoreFailed: if the file is not the index of this or an older release.
    :raises sqlite3.Error, OSError: if the file cannot be written, or not be backed up.
    """
    with transaction(connection):
        # Other processes wait for the lock here, and then find nothing left to do.
        version = recognise(connection, path, len(steps))
        if version == len(steps):
            return
        backup = path.with_name(f"{path.name}.version-{version}")
        back_up(path, backup, busy_timeout)
        _take(steps, connection, version)
    _log.info(
        "upgraded {what} to schema {version}; as it was before, it is kept in {backup}",
        what=called(path),
        version=len(steps),
        backup=str(backup),
    )


def back_up(path: Path, target: Path, busy_timeout: float) -> None:
    """
    Copy the file as of its last commit, while it may be in use.  The copy is durable.

    :raises sqlite3.Error, OSError: if it cannot be copied; ``target`` is then as it was.
    """
    with _staged(target) as staged:
        with (
            closing(connect(path, busy_timeout)) as source,
            closing(connect(staged, busy_timeout)) as copy,
        ):
            source.backup(copy)
        staged.replace(target)
    sync(target.parent)


def _take(steps: Sequence[str], connection: sqlite3.Connection, version: int = 0) -> None:
    for step in steps[version:]:
        for statement in statements(step):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(steps)}")


def _number(connection: sqlite3.Connection, query: str) -> int:
    ((number,),) = connection.execute(query).fetchall()
    return int(number)


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


@contextmanager
def _staged(path: Path) -> Iterator[Path]:
    # An empty file that only we may read, in a directory of its own: whatever
    # SQLite leaves beside it after an error goes with it.
    with TemporaryDirectory(prefix=f"{path.name}.", suffix=".new", dir=path.parent) as directory:
        staged = Path(directory, path.name)
        staged.touch(0o600)
        yield staged
