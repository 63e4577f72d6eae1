"""How fast a body may come, and how slow."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field

BURST = 0.25
"""Seconds worth of bytes that may come at once before a body is held back."""

WINDOW = 60.0
"""Seconds over which the slowness of a body is judged."""


@define
class SpeedLimit:
    """
    Tells how long to stop reading so that no more than a rate comes in.

    :param rate: bytes a second; 0 for any.
    :param seconds: a clock; where it goes back no time has passed.
    """

    rate: int
    seconds: Callable[[], float]
    _ahead: float = field(default=0.0, init=False)
    _at: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Begin with nothing owed."""
        self._at = self.seconds()

    def wait_after(self, length: int) -> float:
        """Tell how many seconds to wait after so many bytes more have come."""
        if self.rate == 0:
            return 0.0
        now = self.seconds()
        self._ahead = max(0.0, self._ahead - max(0.0, now - self._at) * self.rate) + length
        self._at = now
        return self._ahead / self.rate if self._ahead > self.rate * BURST else 0.0


@define
class SlownessWatch:
    """
    Tells whether a body comes too slowly, once a :data:`WINDOW`.

    A window in which we ourselves did not read is not held against the client.

    :param rate: bytes a second; 0 for any.
    """

    rate: int
    _seen: int = field(default=0, init=False)
    _excused: bool = field(default=False, init=False)

    def excuse(self) -> None:
        """Note that we did not read."""
        self._excused = True

    def too_slow(self, received: int) -> bool:
        """End a window in which ``received`` became the number of all bytes so far."""
        came, self._seen = received - self._seen, received
        excused, self._excused = self._excused, False
        return not excused and came < self.rate * WINDOW
