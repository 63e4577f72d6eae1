"""How far something is, on one line that is written again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TextIO

from hmacfs.base.units import human

INTERVAL: Final = 0.1
"""Seconds between two looks of the line."""

WIDTH: Final = 30


class Progress:
    """
    A bar that grows.

    :param total: what there is at its end.
    :param seconds: a clock that never goes back.
    :param shown: writes an amount; without it amounts are bytes.
    """

    def __init__(
        self,
        stream: TextIO,
        label: str,
        total: int,
        seconds: Callable[[], float],
        shown: Callable[[float], str] = human,
    ) -> None:
        self._stream = stream
        self._label = label
        self._total = total
        self._seconds = seconds
        self._written = shown
        self._began = seconds()
        self._shown = float("-inf")
        self._done = 0

    def advance(self, size: int) -> None:
        """Go on by so much."""
        self.reach(self._done + size)

    def reach(self, done: int) -> None:
        """Be so far, which may be less than before."""
        self._done = done
        if self._seconds() - self._shown >= INTERVAL:
            self._show()

    def end(self) -> None:
        """Show where it ended, and go on to the next line."""
        self._show()
        self._stream.write("\n")
        self._stream.flush()

    def _show(self) -> None:
        self._shown = self._seconds()
        part = self._done / self._total if self._total else 1.0
        bar = "=" * round(WIDTH * part)
        took = self._shown - self._began
        rate = f", {self._written(self._done / took)}/s" if took > 0 else ""
        size = f"{self._written(self._done)} of {self._written(self._total)}"
        line = f"\r{self._label} [{bar:<{WIDTH}}] {part:4.0%} {size}{rate}"
        self._stream.write(f"{line}\x1b[K")
        self._stream.flush()
