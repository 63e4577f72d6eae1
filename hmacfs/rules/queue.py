"""How many uploads may be under way, and how many threads work on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attrs import define, frozen

from hmacfs.base.errors import Unavailable
from hmacfs.base.events import Events, UploadsChanged

ANY = 1_000_000


@define(eq=False)
class UploadQueue:
    """
    Counts the uploads that are under way, and takes no more than it may.  What it
    has taken goes on, whatever becomes of the bounds.

    :ivar workers: how many are not counted as waiting, for a thread serves each.
    :ivar size: how many may be under way beyond those.
    :ivar retry_after: seconds after which to come back when it is full
        (``uploads.retry_delay``).
    :ivar events: is told of each change.
    :ivar count: how many are under way.
    :ivar most_memory: bytes that the process may have for another to be taken, or 0 for any.
    :ivar memory: tells how many it has.
    """

    workers: int
    size: int
    events: Events
    count: int = 0
    retry_after: float = 2.0
    most_memory: int = 0
    memory: Callable[[], float] = lambda: 0.0

    @classmethod
    def endless(cls) -> UploadQueue:
        """Make one that takes whatever comes."""
        return cls(ANY, ANY, Events())

    @property
    def waiting(self) -> int:
        """How many are under way beyond the threads."""
        return max(0, self.count - self.workers)

    @property
    def fullness(self) -> float:
        """How full the queue is, in percent."""
        return 100 * self.waiting / self.size

    def check(self) -> None:
        """
        Insist that there is a place.

        :raises Unavailable: if there is none.
        """
        if self.count >= self.workers + self.size:
            raise self._full("too many uploads are under way: come back in a moment")
        if self.most_memory and self.memory() >= self.most_memory:
            raise self._full("there is no memory for more uploads: come back in a moment")

    def _full(self, detail: str) -> Unavailable:
        return Unavailable(detail, retry_after=self.retry_after)

    @contextmanager
    def place(self) -> Iterator[None]:
        """
        Hold a place for an upload.

        :raises Unavailable: if there is none.
        """
        self.check()
        self._change(1)
        try:
            yield
        finally:
            self._change(-1)

    def _change(self, by: int) -> None:
        self.count += by
        self.events.tell(UploadsChanged(self.count, self.waiting))


@frozen
class Scaling:
    """
    Lets the number of threads follow the queue.

    :param resize: sets how many threads there may be.
    :param least: how many there are while the queue is short.
    :param most: and while it is long.
    :param up: from how full a queue on, in percent, there are most.
    :param down: below how full a queue there are least.
    """

    queue: UploadQueue
    resize: Callable[[int], object]
    least: int
    most: int
    up: int
    down: int

    def follow(self, event: UploadsChanged) -> None:
        """Look at the queue; between the two bounds all stays as it is."""
        fullness = self.queue.fullness
        if fullness >= self.up:
            self.resize(self.most)
        elif fullness < self.down or not event.waiting:
            self.resize(self.least)
