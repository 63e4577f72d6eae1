"""
A thread with a resource of its own, which does all that waits at once.

While one group of works is being committed the next one gathers, so that the
number of commits follows the speed of the disk and not the number of requests
(group commit).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from queue import SimpleQueue
from threading import Thread
from typing import Any, Protocol, TypeVar

from attrs import frozen
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorFromThreads

from hmacfs.stores.database import Done, Failed, Outcome, Work
from hmacfs.stores.interfaces import StoreFailed

T = TypeVar("T")

MAX_GROUP = 512
"""The most works done at once, so that none waits long for those that came after it."""


class Resource(Protocol):
    """What the thread opens, uses and closes."""

    def perform(self, works: Sequence[Work[object]]) -> Sequence[Outcome]:
        """Do the works, and tell the outcome of each."""

    def close(self) -> None:
        """Let go of what was opened."""


@frozen
class _Request:
    work: Work[Any]
    result: Deferred[Any]


class BatchThread:
    """
    A thread that opens a resource, does works with it, and closes it.

    :param name: the name of the thread; also an attribute.
    :param open_resource: called in the thread; what it raises, :meth:`start` tells.
    """

    def __init__(
        self, reactor: IReactorFromThreads, name: str, open_resource: Callable[[], Resource]
    ) -> None:
        self._reactor = reactor
        self.name = name
        self._open_resource = open_resource
        self._requests: SimpleQueue[_Request | None] = SimpleQueue()
        self._running = False
        self._accepting = False
        self._stopped: list[Deferred[None]] = []

    @property
    def running(self) -> bool:
        """Whether the thread has been started and has not ended."""
        return self._running

    def start(self) -> Deferred[None]:
        """Open the resource.  Not to be called while the thread runs."""
        self._requests = SimpleQueue()
        started: Deferred[None] = Deferred()
        # A daemon: a disk that hangs must not keep the process from ending.
        Thread(target=self._run, args=(started,), name=self.name, daemon=True).start()
        self._running = True
        return started

    def submit(self, work: Work[T]) -> Deferred[T]:
        """
        Do a work after those that were submitted before it.

        Cancelling the result does not stop the work.
        """
        if not self._accepting:
            return fail(StoreFailed(f"the {self.name} does not run"))
        result: Deferred[T] = Deferred()
        self._requests.put(_Request(work, result))
        return result

    def stop(self) -> Deferred[None]:
        """Do what was submitted, take nothing more, and close the resource."""
        self._accepting = False
        if not self._running:
            return succeed(None)
        stopped: Deferred[None] = Deferred()
        self._stopped.append(stopped)
        self._requests.put(None)
        return stopped

    def _run(self, started: Deferred[None]) -> None:
        # In the thread; so are the generators below.
        try:
            resource = self._open_resource()
        except Exception as error:
            self._reactor.callFromThread(self._not_opened, started, error)
            return
        self._reactor.callFromThread(self._opened, started)
        try:
            with closing(resource):
                for group in self._groups():
                    self._reactor.callFromThread(_deliver, group, _outcomes(resource, group))
        finally:
            self._reactor.callFromThread(self._closed)

    def _groups(self) -> Iterator[list[_Request]]:
        group: list[_Request] = []
        while (request := self._requests.get()) is not None:
            group.append(request)
            # Nobody else takes from the queue, so what is there stays there.
            if self._requests.empty() or len(group) == MAX_GROUP:
                yield group
                group = []
        if group:
            yield group

    def _opened(self, started: Deferred[None]) -> None:
        self._accepting = not self._stopped
        started.callback(None)

    def _not_opened(self, started: Deferred[None], error: Exception) -> None:
        self._closed()
        started.errback(error)

    def _closed(self) -> None:
        self._running = False
        waiting, self._stopped = self._stopped, []
        for stopped in waiting:
            stopped.callback(None)


def _outcomes(resource: Resource, group: Sequence[_Request]) -> Sequence[Outcome]:
    try:
        return resource.perform([request.work for request in group])
    except Exception as error:
        # Whoever waits must hear of it, whatever it is.
        return [Failed(error) for _ in group]


def _deliver(group: Sequence[_Request], outcomes: Sequence[Outcome]) -> None:
    for request, outcome in zip(group, outcomes, strict=True):
        if isinstance(outcome, Done):
            request.result.callback(outcome.value)
        else:
            request.result.errback(outcome.error)
