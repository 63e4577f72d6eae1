"""Lines in a log file, whatever becomes of the disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from hmacfs.observe.rotation import RETRY, Rotation, append

MODE: Final = 0o640
"""What a new log file may be to others."""


class LogFile:
    """
    Appends lines to a file, and begins a new one when it is large.

    A line that cannot be written goes elsewhere; so do all that follow, until
    the file can be written again.  Everything here blocks and is for one thread.

    :param rotation: begins a new one.
    :param fallback: takes the lines that cannot be written.
    :param notice: makes a line of what the log has to say of itself.
    """

    def __init__(
        self,
        rotation: Rotation,
        fallback: Callable[[str], object],
        notice: Callable[[str], str],
    ) -> None:
        self._path: Path = rotation.backups.path
        self._rotation = rotation
        self._fallback = fallback
        self._notice = notice
        self._seconds = rotation.seconds
        self._descriptor: int | None = None
        self._astray = 0
        self._is_failing = False
        self._retry_at = self._seconds()

    def write(self, line: str) -> None:
        """Write a line, which has its end."""
        data = line.encode("utf-8", "backslashreplace")
        self._rotation.see_to_old_files()
        if self._descriptor is None:
            self._open()
        if self._is_large(len(data)):
            self._rotate()
        if self._descriptor is not None:
            try:
                append(self._descriptor, data)
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
                append(descriptor, again.encode())
        except OSError as error:
            self._descriptor = descriptor
            self._give_up(error)
        else:
            self._descriptor = descriptor
            self._is_failing = False
            self._astray = 0

    def _give_up(self, error: OSError) -> None:
        self.close()
        self._retry_at = self._seconds() + RETRY
        if not self._is_failing:
            self._is_failing = True
            sentence = f"cannot write the log file {self._path}: {error.strerror}"
            self._fallback(self._notice(f"{sentence}; the log goes to standard error instead"))

    def _is_large(self, more: int) -> bool:
        if self._descriptor is None:
            return False
        state = os.fstat(self._descriptor)
        # What is no file, such as /dev/stdout, cannot be put aside.
        is_file = stat.S_ISREG(state.st_mode) and state.st_size > 0
        return is_file and self._rotation.is_due(state.st_size + more)

    def _rotate(self) -> None:
        self.close()
        self._rotation.put_aside(self._cannot_rotate)
        if self._descriptor is None:
            self._open()

    def _cannot_rotate(self, reason: str) -> None:
        self.write(self._notice(f"cannot begin a new log file: {reason}"))
