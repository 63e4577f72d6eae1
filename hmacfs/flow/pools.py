"""
Threads by purpose.

The reactor never touches the disk: what blocks runs on a pool that is named
after its purpose, so that downloads cannot starve uploads and nothing of ours
waits behind a DNS look-up on the reactor's own pool.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final, ParamSpec, Protocol, TypeVar

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.error import ConnectionClosed
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from hmacfs.base.errors import ClientGone, Refusal

P = ParamSpec("P")
T = TypeVar("T")

log = Logger()

_NOBODYS_FAULT: Final = (CancelledError, ClientGone, ConnectionClosed)
"""How works fail whose client has gone, which is why nobody waits for them."""


class Pool(Protocol):
    """Somewhere to run what blocks."""

    @property
    def is_crowded(self) -> bool:
        """Whether works wait for others to end; any thread may ask."""

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """Run ``work`` and tell its result.  Cancelling the result does not stop the work."""


class ThreadedPool:
    """
    A pool of threads.

    :param name: what it is for; the threads are named after it.
    :param threads: the most works that run at once.
    """

    def __init__(self, reactor: IReactorFromThreads, name: str, threads: int) -> None:
        self._reactor = reactor
        self._threads = ThreadPool(0, threads, name)
        self._works = 0

    @property
    def size(self) -> int:
        """How many threads there may be."""
        return self._threads.max

    @property
    def is_crowded(self) -> bool:
        """Whether there are more works than threads; see :class:`Pool`."""
        return self._works > self.size

    def resize(self, threads: int) -> None:
        """Have more threads, or fewer as those that are too many end their works."""
        if threads != self.size:
            self._threads.adjustPoolsize(0, threads)

    def start(self) -> None:
        """Begin to run works."""
        self._threads.start()

    def stop(self) -> None:
        """Let the running works end and the threads go.  Blocks until they have."""
        self._threads.stop()

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """Run ``work`` on one of the threads."""
        self._works += 1
        result = deferToThreadPool(self._reactor, self._threads, work, *args, **kwargs)
        return result.addBoth(self._ended)

    def _ended(self, outcome: T) -> T:
        self._works -= 1
        return outcome


class InlinePool:
    """The twin without threads: every work has ended when :meth:`run` returns."""

    is_crowded = False

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """Run ``work`` at once."""
        return maybeDeferred(work, *args, **kwargs)


class Lane:
    """
    Works on one thing, one after another, in the order they came.

    A file descriptor that has its own lane is never closed under a thread that
    still writes to it, for the close waits its turn.  Whoever cancels a result
    only stops waiting; the work is still done.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: deque[tuple[Deferred[Any], Callable[[], Any]]] = deque()
        self._running = False

    @property
    def is_wanted(self) -> bool:
        """Whether works wait for the one that runs, here or elsewhere in the pool."""
        return bool(self._waiting) or self._pool.is_crowded

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """Run ``work`` after all that was asked for before it."""
        result: Deferred[T] = Deferred()
        self._waiting.append((result, lambda: work(*args, **kwargs)))
        if not self._running:
            self._next()
        return result

    def _next(self) -> None:
        self._running = bool(self._waiting)
        if self._running:
            result, work = self._waiting.popleft()
            self._pool.run(work).addBoth(self._ended, result)

    def _ended(self, outcome: Any, result: Deferred[Any]) -> None:
        self._next()
        result.callback(outcome)


def acquire(pool: Pool, make: Callable[[], T], dispose: Callable[[T], object]) -> Deferred[T]:
    """
    Make something on a pool that must not be lost when nobody waits for it any more.

    When the result is cancelled before ``make`` has ended, what it made is
    handed to ``dispose``, on the pool.
    """
    abandoned = False

    def give_up(_: Deferred[T]) -> None:
        nonlocal abandoned
        abandoned = True

    wanted: Deferred[T] = Deferred(give_up)

    def made(thing: T) -> None:
        if abandoned:
            pool.run(dispose, thing)
        else:
            wanted.callback(thing)

    pool.run(make).addCallback(made).addErrback(
        lambda failure: None if abandoned else wanted.errback(failure)
    )
    return wanted


class _Closes(Protocol):
    def close(self) -> object: ...


def close_if_any(thing: _Closes | None) -> None:
    """Dispose of what :func:`acquire` has made, if there was something."""
    if thing is not None:
        thing.close()


def shielded(work: Deferred[T], left: Callable[[], object] = lambda: None) -> Deferred[T]:
    """
    Wait for ``work`` so that cancelling the wait leaves the work alone.

    If it fails when nobody waits for it any more, and not by a refusal, that is logged.

    :param left: is called when nobody waits any more.
    """
    abandoned = False

    def give_up(_: Deferred[T]) -> None:
        nonlocal abandoned
        abandoned = True
        left()

    wanted: Deferred[T] = Deferred(give_up)

    def ended(outcome: T | Failure) -> None:
        if not abandoned:
            wanted.callback(outcome)
        elif isinstance(outcome, Failure) and not outcome.check(Refusal, *_NOBODYS_FAULT):
            log.failure("failed, with nobody left to tell", outcome)

    work.addBoth(ended)
    return wanted
