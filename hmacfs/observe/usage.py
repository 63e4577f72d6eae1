"""What the process takes of its machine."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path

from attrs import define, field

STATM = Path("/proc/self/statm")
"""Where Linux tells the memory of a process (proc_pid_statm(5))."""

SHORTEST = 1.0
"""Seconds over which the share of the processor is taken at least."""


def resident_bytes(statm: Path = STATM) -> float:
    """Tell the resident memory in bytes; not a number where the system does not say."""
    try:
        return float(statm.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return math.nan


@define
class ProcessorShare:
    """
    How much of a core the process used between two looks.

    :param seconds: a clock that never goes back.
    :param spent: tells the processor time so far, in seconds.
    """

    seconds: Callable[[], float]
    spent: Callable[[], float]
    _looked_at: float = field(init=False)
    _spent_then: float = field(init=False)
    _percent: float = field(default=0.0, init=False)

    def __attrs_post_init__(self) -> None:
        """Begin to count."""
        self._looked_at, self._spent_then = self.seconds(), self.spent()

    def percent(self) -> float:
        """Tell the share since the last look; one soon after gets the same answer."""
        now, spent = self.seconds(), self.spent()
        elapsed = now - self._looked_at
        if elapsed >= SHORTEST:
            self._percent = 100 * (spent - self._spent_then) / elapsed
            self._looked_at, self._spent_then = now, spent
        return self._percent
