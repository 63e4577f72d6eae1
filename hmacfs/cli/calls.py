"""What commands need of a reactor: that threads can hand back their results."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure
from zope.interface import implementer

T = TypeVar("T")


@implementer(IReactorFromThreads)
class Calls:
    """
    Makes the calls that threads ask for, while :meth:`wait` runs.

    Unlike a reactor it leaves signals alone, and can be used again.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], object]] = SimpleQueue()

    def callFromThread(self, callable: Callable[..., Any], *args: object, **kwargs: object) -> None:
        """Keep a call for the thread that waits."""
        self._calls.put(partial(callable, *args, **kwargs))

    def wait(self, work: Coroutine[Deferred[Any], Any, T]) -> T:
        """
        Do the work, which needs nothing but threads, and return or raise its outcome.

        :raises KeyboardInterrupt: when the work has let go of what it held.
        """
        outcomes: list[T | Failure] = []
        running = Deferred.fromCoroutine(work)
        running.addBoth(outcomes.append)
        try:
            self._until(outcomes)
        except KeyboardInterrupt:
            running.cancel()
            self._until(outcomes)
            raise
        (outcome,) = outcomes
        if isinstance(outcome, Failure):
            outcome.raiseException()
        return outcome

    def _until(self, outcomes: list[T | Failure]) -> None:
        while not outcomes:
            self._calls.get()()
