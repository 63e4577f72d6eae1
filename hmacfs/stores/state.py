"""
The seam to what several processes or hosts must agree on, and soon forget.

Signatures that count once, bans, locks, who has a session, how much was used
today: small facts with an end.  What files there are is no such fact: that is
the :class:`~hmacfs.stores.interfaces.Index`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from attrs import define, field, frozen

LONGEST_KEY: Final = 512
"""Most bytes of a kind, a key or a counter, in UTF-8."""

LEAST_STEP: Final = 2e-6
"""Seconds by which moments differ at least, so that their sequences do."""

LONGEST_STEP_BACK: Final = 1.0
"""Seconds by which a clock may be set back without being noticed."""

ABSENT: Final = 0
"""The sequence of what is not there."""


@frozen
class Entry:
    """
    A fact that is kept for a while.

    :ivar value: is not looked into.
    :ivar sequence: grows with each change; about the microseconds since the
        epoch at which it was made, so that those of two stores can be compared.
    :ivar until: its last moment, in seconds since the epoch.
    """

    value: bytes = field(repr=False)
    sequence: int
    until: float


@frozen
class Named:
    """An entry, and under what it is kept."""

    kind: str
    key: str
    entry: Entry


@frozen
class Delta:
    """
    A change of a counter.

    :ivar key: what tells it from all other changes of the counter.
    :ivar amount: all of one counter together stay below 2**53, either way.
    :ivar until: the last moment of its counter, in seconds since the epoch.
    """

    counter: str
    key: str
    amount: int
    until: float


START: Final = ("", "")
"""Where a page begins that nothing comes before."""


class State(Protocol):
    """
    Keeps entries by kind and key, and counters by name.

    An entry whose moment is over is not there.  Every method may raise
    :class:`~hmacfs.stores.interfaces.StoreFailed`; what was asked for may then
    be done or not, and asking again is safe: claims, puts that expect a
    sequence, and changes of counters are done once.
    """

    def find(self, kind: str, key: str) -> Awaitable[Entry | None]:
        """Tell an entry, or ``None``."""

    def claim(self, kind: str, key: str, value: bytes, until: float) -> Awaitable[Entry]:
        """Keep an entry unless there is one; tell which there is now."""

    def put(
        self, kind: str, key: str, value: bytes, until: float, expected: int | None = None
    ) -> Awaitable[bool]:
        """
        Keep an entry in the place of the one that is there; tell whether that was done.

        :param expected: the sequence that the one there must have, or
            :data:`ABSENT`; ``None`` where that does not matter.
        """

    def delete(self, kind: str, key: str) -> Awaitable[None]:
        """Forget an entry, if there is one."""

    def restore(self, named: Named) -> Awaitable[None]:
        """Keep an entry of another store as it is, unless a newer one is there."""

    def entries(self, after: tuple[str, str], limit: int) -> Awaitable[Sequence[Named]]:
        """Tell the entries after a kind and key, in the order of their bytes, at most so many."""

    def add(self, delta: Delta) -> Awaitable[None]:
        """
        Change a counter, unless this change was made before.

        The counter is kept until the last of the moments it was given.
        """

    def total(self, counter: str) -> Awaitable[int]:
        """Tell the sum of the changes of a counter; 0 if it is not there."""

    def deltas(self, after: tuple[str, str], limit: int) -> Awaitable[Sequence[Delta]]:
        """Tell the changes after a counter and key, in the order of their bytes, so many."""

    def subtract(self, delta: Delta) -> Awaitable[None]:
        """Forget a change of a counter, if it was made; for those who have moved it."""

    def clear_expired(self) -> Awaitable[None]:
        """Give back the room of what is over."""

    def ping(self) -> Awaitable[None]:
        """See whether the store answers."""

    def close(self) -> Awaitable[None]:
        """Finish what was begun and let go of the store."""


@define
class Advancing:
    """
    A clock of which no two moments are alike, for stores whose sequences are compared.

    What is done later is newer then, also when the clock is set back a little.

    :param now: tells seconds since the epoch.
    """

    _now: Callable[[], float]
    _last: float = field(init=False, default=0.0)

    def __call__(self) -> float:
        """Tell the seconds since the epoch."""
        now = self._now()
        # A clock that was set back by more is believed, or nothing would end for so long.
        if now > self._last - LONGEST_STEP_BACK:
            now = max(now, self._last + LEAST_STEP)
        self._last = now
        return now


def next_sequence(now: float, before: int) -> int:
    """
    Tell the sequence of a change.

    :param now: seconds since the epoch.
    :param before: that of the last change of the same entry.
    """
    return max(int(now * 1_000_000), before + 1)


def checked(*words: str) -> None:
    """
    Check kinds, keys or names of counters.

    :raises ValueError: if one is empty or longer than :data:`LONGEST_KEY`.
    """
    for word in words:
        if not 0 < len(word.encode()) <= LONGEST_KEY:
            raise ValueError(f"a key has 1 to {LONGEST_KEY} bytes, not {len(word.encode())}")
