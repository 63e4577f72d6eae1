"""A reactor for tests that cannot give the control back to one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure
from zope.interface import implementer

T = TypeVar("T")

HANGS = 30.0
"""Seconds without any call from a thread after which waiting is given up."""


@implementer(IReactorFromThreads)
class Pump:
    """Makes the calls that threads ask for, while :meth:`wait` is called and at no other time."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], object]] = SimpleQueue()

    def callFromThread(self, callable: Callable[..., Any], *args: object, **kwargs: object) -> None:
        """Keep a call for later."""
        self._calls.put(partial(callable, *args, **kwargs))

    def wait(self, result: Deferred[T]) -> T:
        """Make calls until the result fires; return it or raise its error."""
        outcomes: list[T | Failure] = []
        result.addBoth(outcomes.append)
        while not outcomes:
            self._calls.get(timeout=HANGS)()
        (outcome,) = outcomes
        if isinstance(outcome, Failure):
            outcome.raiseException()
        return outcome
