"""Old log files: their names, and how many are kept for how long."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from attrs import frozen
from twisted.logger import Logger

COMPRESSED: Final = ".gz"
UNFINISHED: Final = ".gz.tmp"

_FORMAT: Final = "%Y-%m-%dT%H-%M-%S.%f"
_STAMP: Final = r"(?P<stamp>\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3})"
_STEP: Final = timedelta(milliseconds=1)


def _written(time: datetime) -> str:
    # Microseconds to milliseconds.
    return time.strftime(_FORMAT)[:-3]


@frozen
class Backup:
    """
    One old log file.

    :ivar ended: when it was ended, in UTC.
    :ivar state: what follows its name: nothing, or that it is compressed, or about to be.
    """

    path: Path
    ended: datetime
    state: str


@frozen
class Backups:
    """
    The old files of one log, named ``server-2026-01-31T23-59-59.999.log``.

    Everything here blocks.

    :param path: the log.
    :param most: how many old files are kept.
    :param age: for how many seconds; 0 for ever.
    :param compress: whether they are compressed with gzip.
    """

    path: Path
    most: int
    age: float
    compress: bool

    log = Logger()

    def name(self, now: float) -> Path:
        """Make a name that no old file has, for one that ends at this time."""
        ended = datetime.fromtimestamp(now, UTC)
        while True:
            path = self.path.with_name(f"{self.path.stem}-{_written(ended)}{self.path.suffix}")
            if not (path.exists() or path.with_name(path.name + COMPRESSED).exists()):
                return path
            ended += _STEP

    def tidy(self, now: float) -> None:
        """
        Remove what is too old or too much, and compress the rest.

        What cannot be done is logged, and tried again the next time.
        """
        kept: set[datetime] = set()
        oldest = datetime.fromtimestamp(now - self.age, UTC) if self.age else None
        for backup in sorted(self._found(), key=_newest_first):
            is_wanted = backup.ended in kept or len(kept) < self.most
            if not is_wanted or (oldest and backup.ended < oldest) or backup.state == UNFINISHED:
                self._remove(backup.path)
            elif backup.state == COMPRESSED:
                kept.add(backup.ended)
            elif backup.ended in kept:
                # It is compressed already; the server was killed before it went.
                self._remove(backup.path)
            else:
                kept.add(backup.ended)
                if self.compress:
                    self._compress(backup.path)

    def _found(self) -> Iterator[Backup]:
        names = re.compile(
            rf"{re.escape(self.path.stem)}-{_STAMP}{re.escape(self.path.suffix)}"
            rf"(?P<state>|{re.escape(COMPRESSED)}|{re.escape(UNFINISHED)})"
        )
        try:
            paths = list(self.path.parent.iterdir())
        except OSError as error:
            self.log.warn("cannot look for old log files: {error}", error=error)
            return
        for path in paths:
            found = names.fullmatch(path.name)
            if found is not None:
                with suppress(ValueError):  # a name like ours with an impossible time
                    ended = datetime.strptime(found["stamp"] + "000", _FORMAT).replace(tzinfo=UTC)
                    yield Backup(path, ended, found["state"])

    def _remove(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            self.log.warn("cannot remove the old log file: {error}", error=error)

    def _compress(self, path: Path) -> None:
        unfinished = path.with_name(path.name + UNFINISHED)
        try:
            with path.open("rb") as plain:
                state = os.fstat(plain.fileno())
                descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as raw:
                    os.fchmod(descriptor, state.st_mode & 0o777)
                    with gzip.GzipFile(path.name, "wb", 6, raw, state.st_mtime) as packed:
                        shutil.copyfileobj(plain, packed)
                    raw.flush()
                    os.fsync(descriptor)
            os.utime(unfinished, ns=(state.st_atime_ns, state.st_mtime_ns))
            unfinished.rename(path.with_name(path.name + COMPRESSED))
            path.unlink()
        except OSError as error:
            self.log.warn("cannot compress the old log file: {error}", error=error)
            self._remove(unfinished)


def _newest_first(backup: Backup) -> tuple[float, bool]:
    # Of two forms of one file, the compressed comes first: it is whole.
    return -backup.ended.timestamp(), backup.state != COMPRESSED


def tidying(backups: Backups, name: str) -> Callable[[], None]:
    """
    Make what begins to tidy old files, one run at a time, and does not wait for it.

    Compressing takes seconds, for which nothing that is written should wait.

    :param name: that of the threads.
    """
    lock = threading.Lock()

    def tidy() -> None:
        with lock:
            backups.tidy(time.time())

    return lambda: threading.Thread(target=tidy, name=name, daemon=True).start()
