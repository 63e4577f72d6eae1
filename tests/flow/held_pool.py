"""A pool whose works run when the test says so."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from twisted.internet.defer import Deferred, fail, maybeDeferred

P = ParamSpec("P")
T = TypeVar("T")


class Crashed(Exception):
    """The process that wanted the work is gone."""


class HeldPool:
    """
    A :class:`~hmacfs.flow.pools.Pool` that holds its works back.

    As with threads, a work is done at one time and told of at another; whoever
    waited for it may have gone in between.

    :ivar held: works that are not begun.
    """

    is_crowded = False

    def __init__(self) -> None:
        self.held: deque[tuple[Deferred[Any], Callable[[], Any]]] = deque()
        self._done: deque[tuple[Deferred[Any], Deferred[Any]]] = deque()
        self._holds = True
        self._crashed = False

    @property
    def busy(self) -> bool:
        """Whether there is a work to do, or one to tell of."""
        return bool(self.held or self._done)

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """Hold ``work``."""
        if self._crashed:
            return fail(Crashed())
        if not self._holds:
            return maybeDeferred(work, *args, **kwargs)
        result: Deferred[T] = Deferred()
        self.held.append((result, lambda: work(*args, **kwargs)))
        return result

    def do_next(self) -> None:
        """Do the work that has waited longest, and do not tell of it yet."""
        result, work = self.held.popleft()
        self._done.append((result, maybeDeferred(work)))

    def tell_next(self) -> None:
        """Tell of the work that was done first; its result may ask for more."""
        result, outcome = self._done.popleft()
        outcome.addBoth(result.callback)

    def step(self) -> None:
        """Tell of a work that is done, or else do one."""
        if self._done:
            self.tell_next()
        else:
            self.do_next()

    def run_next(self) -> None:
        """Do the work that has waited longest, and tell of it."""
        self.do_next()
        self.tell_next()

    def run_all(self) -> None:
        """Run all works, and those that their results ask for."""
        while self.busy:
            self.step()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Run new works at once, before those that are held, as another thread might."""
        self._holds = False
        try:
            yield
        finally:
            self._holds = True

    @contextmanager
    def crash(self) -> Iterator[None]:
        """
        Do nothing that is held, and nothing that is asked for meanwhile.

        Whoever waits for it hears :class:`Crashed`, so that no coroutine of
        the process that is gone stays behind.
        """
        self._crashed = True
        try:
            lost = [result for result, _ in [*self._done, *self.held]]
            for _, outcome in self._done:
                outcome.addErrback(lambda _: None)
            self._done.clear()
            self.held.clear()
            for result in lost:
                result.errback(Crashed())
                # Of what nobody waited for, nobody need hear.
                result.addErrback(lambda failure: failure.trap(Crashed))
            yield
        finally:
            self._crashed = False
