"""What log files have in common: large ones are put aside, and nothing stands in them in part."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from attrs import define, field

from hmacfs.observe.backups import Backups

RETRY: Final = 10.0
"""Seconds after which what could not be done is tried again."""

TIDY: Final = 24 * 60 * 60.0
"""Seconds after which old files are looked at, though no new one was begun."""


@define
class Rotation:
    """
    Puts a file aside when it is large, and has old files seen to.

    Everything here blocks and is for one thread.

    :param backups: the file, and what old ones are called.
    :param largest: bytes at which a new file is begun; 0 for never.
    :param tidy: sees to the old files, and need not have ended when it returns.
    :param seconds: a clock that never goes back.
    :param now: tells seconds since the epoch.
    """

    backups: Backups
    largest: int
    tidy: Callable[[], object]
    seconds: Callable[[], float]
    now: Callable[[], float]
    _again_at: float = field(init=False)
    _tidy_at: float = field(init=False)
    _is_failing: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        """Begin with old files, which may have been left by another process."""
        self._again_at = self._tidy_at = self.seconds()

    def see_to_old_files(self) -> None:
        """Tidy, if the time has come."""
        if self.seconds() >= self._tidy_at:
            self._tidy()

    def is_due(self, size: int) -> bool:
        """Tell whether a file of so many bytes is to be put aside."""
        return 0 < self.largest < size and self.seconds() >= self._again_at

    def put_aside(self, complain: Callable[[str], object]) -> bool:
        """
        Give the file the name of an old one, and tell whether it has it.

        :param complain: is told the reason, the first time that it cannot be done.
        """
        try:
            self.backups.path.rename(self.backups.name(self.now()))
        except OSError as error:
            self._again_at = self.seconds() + RETRY
            if not self._is_failing:
                self._is_failing = True
                complain(error.strerror or str(error))
            return False
        self._is_failing = False
        self._tidy()
        return True

    def _tidy(self) -> None:
        self._tidy_at = self.seconds() + TIDY
        self.tidy()


def append(descriptor: int, data: bytes) -> None:
    """
    Write at the end of a file, wholly or not at all; blocks.

    :raises OSError: if it cannot be written.
    """
    written = 0
    try:
        while written < len(data):
            written += os.write(descriptor, data[written:])
    except OSError:
        # What is written next must not begin within this.
        with suppress(OSError):
            os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
        raise
