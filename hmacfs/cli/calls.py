"""What commands need of a reactor: results that threads hand back, and a clock."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, TypeVar

from twisted.internet.base import DelayedCall
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorFromThreads, IReactorTime
from twisted.python.failure import Failure
from zope.interface import implementer

T = TypeVar("T")


@implementer(IReactorFromThreads, IReactorTime)
class Calls:
    """
    Makes the calls that threads ask for, and those whose time has come, while :meth:`wait` runs.

    Unlike a reactor it leaves signals alone, and can be used again.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._later: list[DelayedCall] = []

    def seconds(self) -> float:
        """Tell the seconds of a clock that never goes back."""
        return monotonic()

    def callLater(
        self, delay: float, callable: Callable[..., Any], *args: object, **kwargs: object
    ) -> IDelayedCall:
        """Keep a call until its time has come."""
        due = self.seconds() + delay
        call = DelayedCall(due, callable, args, kwargs, self._later.remove, _keep, self.seconds)
        self._later.append(call)
        return call

    def getDelayedCalls(self) -> list[IDelayedCall]:
        """Tell the calls whose time has not come."""
        return [*self._later]

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
            due = min((call.getTime() for call in self._later), default=None)
            wait = None if due is None else max(0.0, due - self.seconds())
            try:
                call = self._calls.get(timeout=wait)
            except Empty:
                self._make_due_calls()
            else:
                call()

    def _make_due_calls(self) -> None:
        now = self.seconds()
        for call in [call for call in self._later if call.getTime() <= now]:
            self._later.remove(call)
            call.called = 1
            call.func(*call.args, **call.kw)


def _keep(_: DelayedCall) -> None:
    """Take no note of a call that was put off: its time is looked at anew."""
