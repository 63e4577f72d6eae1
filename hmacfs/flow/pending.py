"""What has begun and has not ended, so that a stop can wait for it."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed


class Pending:
    """Counts what is under way.  A context manager, entered once for each."""

    def __init__(self) -> None:
        self.count = 0
        self._waiting: list[Deferred[None]] = []

    def __enter__(self) -> None:
        self.count += 1

    def __exit__(self, *_: object) -> None:
        self.count -= 1
        if self.count == 0:
            waiting, self._waiting = self._waiting, []
            for idle in waiting:
                idle.callback(None)

    def idle(self) -> Deferred[None]:
        """Wait until nothing is under way."""
        if self.count == 0:
            return succeed(None)
        idle: Deferred[None] = Deferred()
        self._waiting.append(idle)
        return idle
