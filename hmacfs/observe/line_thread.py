"""A thread that writes what is logged, so that nobody who logs waits for a disk."""

from __future__ import annotations

import threading
import traceback
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

LIMIT: Final = 10_000
"""Most lines that wait for the disk; what is logged beyond is lost, and counted."""

FAREWELL: Final = 5.0
"""Seconds for which the end of the process waits for the last lines."""


class Output(Protocol[T_contra]):
    """Where lines end.  Blocks; called on one thread at a time."""

    def write(self, line: T_contra) -> None:
        """Write a line."""

    def lost(self, count: int) -> None:
        """Take note of lines that came faster than they could be written."""

    def reopen(self) -> None:
        """Begin anew, for whoever moved the file."""

    def close(self) -> None:
        """Let go of the file."""


class LineThread(Generic[T]):
    """
    Writes lines in the order they came.

    :param limit: how many lines may wait.
    :param name: that of the thread.
    """

    def __init__(self, output: Output[T], limit: int = LIMIT, name: str = "log") -> None:
        self._output = output
        self._limit = limit
        # None stands for opening the file anew, which also begins it all.
        self._waiting: deque[T | None] = deque([None])
        self._lost = 0
        self._ended = False
        self._is_over = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def is_full(self) -> bool:
        """Whether what comes now is lost."""
        return len(self._waiting) >= self._limit

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, line: T) -> None:
        """Have a line written; never waits.  For any thread."""
        with self._changed:
            if self._is_over:
                self._do(self._output.write, line)
            elif len(self._waiting) < self._limit:
                self._waiting.append(line)
                self._changed.notify()
            else:
                self._lost += 1

    def reopen(self) -> None:
        """Have the file opened anew, after what was logged before.  For any thread."""
        with self._changed:
            if not self._waiting or self._waiting[-1] is not None:
                self._waiting.append(None)
                self._changed.notify()

    def stop(self, patience: float = FAREWELL) -> None:
        """Write what waits, and end; a disk that hangs is not waited for longer than that."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(patience)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ended)
                lines, self._waiting = self._waiting, deque()
                lost, self._lost = self._lost, 0
            for line in lines:
                if line is None:
                    self._do(self._output.reopen)
                else:
                    self._do(self._output.write, line)
            if lost:
                self._do(self._output.lost, lost)
            with self._changed:
                if self._ended and not self._waiting:
                    # What is still logged at the very end is written by whoever logs it.
                    self._is_over = True
                    self._do(self._output.close)
                    return

    def _do(self, work: Callable[..., object], *arguments: object) -> None:
        try:
            work(*arguments)
        except Exception:
            # Nobody else is left to be told.
            traceback.print_exc()
