"""Telling how far a long work has come of which nobody knows the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

INTERVAL = 5.0
"""Seconds between lines: few enough for a log."""


class Tally:
    """
    Counts, and writes the count now and then.

    :param seconds: a clock that never goes back.
    """

    def __init__(self, stream: TextIO, seconds: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._seconds = seconds
        self._count = 0
        self._last = seconds()

    def advance(self) -> None:
        """Count one more."""
        self._count += 1
        if self._seconds() - self._last >= INTERVAL:
            self._last = self._seconds()
            print(f"{self._count} looked at …", file=self._stream)
