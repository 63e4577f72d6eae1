"""Lines in a log file, whatever becomes of the disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from hmacfs.observe.backups import Backups

MODE: Final = 0o640
"""What a new log file may be to others."""

RETRY: Final = 10.0
"""Seconds after which what could not be done is tried again."""

TIDY: Final = 24 * 60 * 60.0
"""Seconds after which old files are looked at, though no new one was begun."""


class LogFile:
    """
    Appends lines to a file, and begins a new one when it is large.

    A line that cannot be written goes elsewhere; so do all that follow, until
    the file can be written again.  Everything here blocks and is for one thread.

    :param path: the file.
    :param largest: bytes at which a new file is begun; 0 for never.
    :param tidy: sees to the old files, and need not have ended when it returns.
    :param fallback: takes the lines that cannot be written.
    :param notice: makes a line of what the log has to say of itself.
    :param seconds: a clock that never goes back.
    :param now: tells seconds since the epoch.
    """

    def __init__(
        self,
        backups: Backups,
        largest: int,
        tidy: Callable[[], object],
        fallback: Callable[[str], object],
        notice: Callable[[str], str],
        seconds: Callable[[], float],
        now: Callable[[], float],
    ) -> None:
        self._path: Path = backups.path
        self._backups = backups
        self._largest = largest
        self._tidy = tidy
        self._fallback = fallback
        self._notice = notice
        self._seconds = seconds
        self._now = now
        self._descriptor: int | None = None
        self._astray = 0
        self._is_failing = False
        self._retry_at = seconds()
        self._rotate_at = seconds()
        self._cannot_rotate = False
        self._tidy_at = seconds()

    def write(self, line: str) -> None:
        """Write a line, which has its end."""
        data = line.encode("utf-8", "backslashreplace")
        if self._seconds() >= self._tidy_at:
            self._see_to_old_files()
        if self._descriptor is None:
            self._open()
        if self._is_large(len(data)):
            self._rotate()
        if self._descriptor is not None:
            try:
                self._append(self._descriptor, data)
            except OSError as error:
                self._give_up(error)
            else:
                return
        self._astray += 1
        self._fallback(line)

    def lost(self, count: int) -> None:
        """Tell that so many lines are missing here."""
        self.write(self._notice(f"{count} lines were lost here"))

    def reopen(self) -> None:
        """Open the file anew: somebody may have moved it, or made room for it."""
        self.close()
        self._retry_at = self._seconds()
        self._open()

    def close(self) -> None:
        """Close the file; a later line opens it again."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):
                os.close(descriptor)

    def _open(self) -> None:
        if self._seconds() < self._retry_at:
            return
        descriptor = None
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, MODE)
            if self._is_failing:
                lines = f"{self._astray} lines went to standard error"
                again = self._notice(f"the log file can be written again; {lines}")
                self._append(descriptor, again.encode())
        except OSError as error:
            self._descriptor = descriptor
            self._give_up(error)
        else:
            self._descriptor = descriptor
            self._is_failing = False
            self._astray = 0

    def _append(self, descriptor: int, data: bytes) -> None:
        written = 0
        try:
            while written < len(data):
                written += os.write(descriptor, data[written:])
        except OSError:
            # The next line must not begin within this one.
            with suppress(OSError):
                os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
            raise

    def _give_up(self, error: OSError) -> None:
        self.close()
        self._retry_at = self._seconds() + RETRY
        if not self._is_failing:
            self._is_failing = True
            sentence = f"cannot write the log file {self._path}: {error.strerror}"
            self._fallback(self._notice(f"{sentence}; the log goes to standard error instead"))

    def _is_large(self, more: int) -> bool:
        if not self._largest or self._descriptor is None or self._seconds() < self._rotate_at:
            return False
        state = os.fstat(self._descriptor)
        # What is no file, such as /dev/stdout, cannot be put aside.
        return stat.S_ISREG(state.st_mode) and 0 < state.st_size > self._largest - more

    def _rotate(self) -> None:
        self.close()
        try:
            self._path.rename(self._backups.name(self._now()))
        except OSError as error:
            self._rotate_at = self._seconds() + RETRY
            self._open()
            if not self._cannot_rotate:
                self._cannot_rotate = True
                self.write(self._notice(f"cannot begin a new log file: {error.strerror}"))
        else:
            self._cannot_rotate = False
            self._open()
            self._see_to_old_files()

    def _see_to_old_files(self) -> None:
        self._tidy_at = self._seconds() + TIDY
        self._tidy()
