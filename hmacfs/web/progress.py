"""Telling a client how an upload goes, a few times a second, until it ends."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from attrs import define, field, frozen
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from hmacfs.base.errors import FollowsTooMany, Unavailable

INTERVAL: Final = 0.25
"""Fewest seconds between two events."""

WINDOW: Final = 3.0
"""Seconds of which the rate is the average."""

RETRY_AFTER: Final = 5
"""Seconds after which there may be room for one more to follow."""


@frozen
class Progress:
    """
    How an upload is.

    :ivar received: bytes that are stored.
    :ivar size: of the file in bytes, ``None`` while it is not known.
    :ivar state: as the status of the session has it.
    :ivar is_over: whether nothing will change any more.
    """

    received: int
    size: int | None
    state: str
    is_over: bool


class Audience(Protocol):
    """Who is told."""

    @property
    def takes_more(self) -> bool:
        """Whether what is sent goes out."""

    def send(self, text: str) -> None:
        """Send a message."""

    def close(self) -> None:
        """End."""


@define
class Speed:
    """Bytes a second, on average over the last :data:`WINDOW`."""

    _points: deque[tuple[float, int]] = field(factory=deque)

    def at(self, now: float, total: int) -> int:
        """Tell the speed at a time when there are so many bytes in all."""
        self._points.append((now, total))
        # The point before the window stays, for how much it began with.
        while len(self._points) > 1 and self._points[1][0] <= now - WINDOW:
            self._points.popleft()
        began, first = self._points[0]
        return round((total - first) / (now - began)) if now > began else 0


class Follower:
    """
    Tells one audience of one upload, and ends with its last state.

    :param session_id: how the client names the upload.
    :param look: tells how the upload is now.
    """

    def __init__(
        self,
        audience: Audience,
        clock: IReactorTime,
        session_id: str,
        look: Callable[[], Progress],
    ) -> None:
        self._audience = audience
        self._clock = clock
        self._session_id = session_id
        self._look = look
        self._speed = Speed()
        self._last = -INTERVAL
        self._next: IDelayedCall | None = None

    def changed(self) -> None:
        """Tell it, now or as soon as it may be told."""
        self._tell_at(max(self._last + INTERVAL, self._clock.seconds()))

    def stop(self) -> None:
        """Tell nothing more."""
        call, self._next = self._next, None
        if call is not None:
            call.cancel()

    def _tell_at(self, moment: float) -> None:
        if self._next is not None:
            if self._next.getTime() <= moment:
                return
            self.stop()
        # The clock may have gone on since the moment was made.
        wait = max(0.0, moment - self._clock.seconds())
        self._next = self._clock.callLater(wait, self._tell)

    def _tell(self) -> None:
        self._next = None
        now = self._clock.seconds()
        if not self._audience.takes_more:
            # It is told the newest state when it can be told something.
            self._tell_at(now + INTERVAL)
            return
        self._last = now
        progress = self._look()
        rate = self._speed.at(now, progress.received)
        event = {
            "session_id": self._session_id,
            "received": progress.received,
            "bytes": progress.received,
            "size": progress.size,
            "rate": rate,
            "state": progress.state,
        }
        self._audience.send(json.dumps(event))
        if progress.is_over:
            self._audience.close()
        elif rate:
            # Of an upload that stands still that must be told, too.
            self._tell_at(now + WINDOW)


@define
class Seats:
    """
    How many may follow.

    :ivar each: the most that may follow one upload.
    :ivar of_one: the most that one owner of uploads may have; of uploads that have none, one
        address.
    :ivar total: the most there may be.
    """

    each: int = 8
    of_one: int = 64
    total: int = 256
    _sessions: Counter[str] = field(factory=Counter, init=False)
    _holders: Counter[str] = field(factory=Counter, init=False)

    @contextmanager
    def seat(self, session_id: str, holder: str) -> Iterator[None]:
        """
        Surround the time that somebody follows an upload.

        :param holder: on whose account that goes.
        :raises FollowsTooMany: if there are too many of theirs.
        :raises Unavailable: if there are too many.
        """
        if self._holders[holder] >= self.of_one:
            raise FollowsTooMany(
                f"at most {self.of_one} uploads are followed at once",
                limit=self.of_one,
                retry_after=RETRY_AFTER,
            )
        if self._sessions[session_id] >= self.each or self._sessions.total() >= self.total:
            raise Unavailable("too many follow uploads now", retry_after=RETRY_AFTER)
        self._sessions[session_id] += 1
        self._holders[holder] += 1
        try:
            yield
        finally:
            _take_one(self._sessions, session_id)
            _take_one(self._holders, holder)


def _take_one(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
