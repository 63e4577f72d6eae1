"""Two threads over one database, of which one reads and one writes; and how long they may take."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from attrs import field, frozen
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from hmacfs.stores.database import Work
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.threads import BatchThread

T = TypeVar("T")


@frozen
class Deadline:
    """
    How long an answer is waited for.

    :ivar interrupt: frees a thread that waits in vain; called when the time is over.
    """

    clock: IReactorTime
    seconds: float
    interrupt: Callable[[], object]
    what: str = "the database"

    def limit(self, answer: Deferred[T]) -> Deferred[T]:
        """
        Wait so long and no longer.  An answer that comes later is dropped.

        Fails with :class:`StoreFailed` when the time is over.
        """
        waiting = True

        def given_up(_: Deferred[T]) -> None:
            nonlocal waiting
            waiting = False
            call.cancel()

        def expired() -> None:
            nonlocal waiting
            waiting = False
            self.interrupt()
            sentence = f"{self.what} did not answer within {self.seconds:g} seconds"
            limited.errback(StoreFailed(sentence))

        def arrived(outcome: T | Failure) -> None:
            if waiting:
                call.cancel()
                limited.callback(outcome)

        limited: Deferred[T] = Deferred(given_up)
        call = self.clock.callLater(self.seconds, expired)
        answer.addBoth(arrived)
        return limited


@frozen
class Pair:
    """
    The threads of a store.

    :ivar writer: what it opens makes the tables.
    :ivar deadline: without one, answers are waited for however long they take.
    """

    writer: BatchThread
    reader: BatchThread
    deadline: Deadline | None = field(default=None)

    async def start(self) -> None:
        """
        Open both.

        :raises StoreFailed: if that cannot be done, or was done.
        """
        if self.writer.running:
            raise StoreFailed(f"the {self.writer.name} runs already")
        try:
            # The writer first: it brings the tables to our version.
            await self.writer.start()
            await self.reader.start()
        except BaseException:
            await self.close()
            raise

    def read(self, work: Work[T]) -> Deferred[T]:
        """Do something that changes nothing."""
        return self._limited(self.reader.submit(work))

    def write(self, work: Work[T]) -> Deferred[T]:
        """Do something in a transaction, which is over when the result fires."""
        return self._limited(self.writer.submit(work))

    def close(self) -> Deferred[None]:
        """Do what was asked for, and let go; of a server that hangs, when the time is over."""
        stopped = gatherResults([self.reader.stop(), self.writer.stop()])
        closed: Deferred[None] = stopped.addCallback(lambda _: None)
        if self.deadline is None:
            return closed
        return self.deadline.limit(closed).addErrback(lambda failure: failure.trap(StoreFailed))

    def _limited(self, answer: Deferred[T]) -> Deferred[T]:
        return answer if self.deadline is None else self.deadline.limit(answer)
