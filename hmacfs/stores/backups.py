"""
Copies of the index: made while it is in use, kept in a number, put back when it is lost.

All functions block.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from hmacfs.base.durable import sync
from hmacfs.stores.connections import connect
from hmacfs.stores.failures import PRIMARY, UNREADABLE, explaining
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.scripts import packaged_steps
from hmacfs.stores.upgrades import back_up, recognise

BUSY_TIMEOUT: Final = 5.0
"""Seconds to wait for a lock that another process holds."""

_TIME: Final = "%Y%m%dT%H%M%SZ"
_KEPT: Final = re.compile(r"index-([0-9]{8}T[0-9]{6}Z)\.sqlite")
_MAGIC: Final = b"SQLite format 3\0"
"""How a database begins (sqlite.org/fileformat2.html)."""

_LOGS: Final = ("-wal", "-shm")
_PARTS: Final = ("", *_LOGS)
"""What the names of the files of one database end in (sqlite.org/tempfiles.html)."""


def save(path: Path, target: Path) -> None:
    """
    Copy the index as of its last commit to a file that only its owner may read, at once.

    :raises StoreFailed: if that cannot be done; ``target`` is then as it was.
    """
    if not path.is_file():
        raise StoreFailed(f"there is no index {path}")
    if target.exists() and target.samefile(path):
        raise StoreFailed(f"{target} is the index itself: give another file")
    with explaining(path), closing(connect(path, BUSY_TIMEOUT)) as connection:
        recognise(connection, path, len(packaged_steps()))
    with explaining(target):
        back_up(path, target, BUSY_TIMEOUT)


def keep(path: Path, directory: Path, at: float, count: int) -> Path:
    """
    Copy the index into a directory, and remove all copies there but the last ``count``.

    :param at: the time that names the copy, in seconds since the epoch.
    :raises StoreFailed: if that cannot be done.
    """
    with explaining(directory):
        directory.mkdir(mode=0o700, exist_ok=True)
    target = directory / f"index-{datetime.fromtimestamp(at, UTC):{_TIME}}.sqlite"
    save(path, target)
    with explaining(directory):
        for old in kept(directory)[count:]:
            old.unlink(missing_ok=True)
    return target


def kept(directory: Path) -> list[Path]:
    """Tell the copies in a directory, the newest first."""
    if not directory.is_dir():
        return []
    return sorted(
        (each for each in directory.iterdir() if _KEPT.fullmatch(each.name)), reverse=True
    )


def made_at(copy: Path) -> float:
    """Tell when a kept copy was made, in seconds since the epoch; minus infinity if it is none."""
    match = _KEPT.fullmatch(copy.name)
    if match is not None:
        with suppress(ValueError):
            return datetime.strptime(match[1], _TIME).replace(tzinfo=UTC).timestamp()
    return float("-inf")


def restore(source: Path, path: Path) -> Path | None:
    """
    Put a copy in the place of the index, which nobody may have open.

    :return: where the index lies that was there before, if there was one.
    :raises StoreFailed: if the copy is not a whole index of this or an older
        release; the index is then as it was.
    """
    with copied(source, path.parent) as copy, explaining(path):
        old = _set_aside(path)
        # In one step: whenever this is cut short there is an index.
        copy.replace(path)
        sync(path.parent)
    return old


@contextmanager
def copied(source: Path, directory: Path) -> Iterator[Path]:
    """
    Hold a copy of a copy, durable, in a directory of its own that goes when this ends.

    :param directory: where to make that; it is on the file system of the index.
    :raises StoreFailed: if it is not a whole index of this or an older release.
    """
    if not source.is_file():
        raise StoreFailed(f"there is no file {source}")
    with ExitStack() as held:
        with explaining(source):
            staging = TemporaryDirectory(prefix="index.", suffix=".new", dir=directory)
            copy = Path(held.enter_context(staging), "index.sqlite")
            copy.touch(0o600)
            # What only lies in a log beside it belongs to it.
            for part in ("", "-wal"):
                with suppress(FileNotFoundError):
                    shutil.copyfile(f"{source}{part}", f"{copy}{part}")
            _check(copy, source)
            sync(copy)
        yield copy


def _check(copy: Path, source: Path) -> None:
    try:
        with closing(connect(copy, BUSY_TIMEOUT)) as connection:
            recognise(connection, source, len(packaged_steps()))
            ((verdict,),) = connection.execute("PRAGMA integrity_check(1)").fetchall()
            if verdict != "ok":
                raise _unusable(source, verdict)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & PRIMARY in UNREADABLE:
            raise _unusable(source, str(error)) from error
        raise


def _unusable(source: Path, reason: str) -> StoreFailed:
    return StoreFailed(f"{source} is damaged, or is no copy of an index ({reason}): take another")


def _set_aside(path: Path) -> Path | None:
    if _looks_whole(path):
        with suppress(sqlite3.Error), closing(connect(path, BUSY_TIMEOUT)) as connection:
            # Then all that it knows is in the file itself.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    number = 1
    while any(Path(f"{path}.replaced-{number}{part}").exists() for part in _PARTS):
        number += 1
    aside = Path(f"{path}.replaced-{number}")
    # The log would be taken for that of the file which comes in place of this one.
    for part in _LOGS:
        with suppress(FileNotFoundError):
            Path(f"{path}{part}").rename(f"{aside}{part}")
    with suppress(FileNotFoundError):
        aside.hardlink_to(path)
        return aside
    return None


def _looks_whole(path: Path) -> bool:
    # SQLite throws the log of a file away that has lost its first page.
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except FileNotFoundError:
        return False
