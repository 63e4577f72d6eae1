"""Bytes that come in, between the pushing of Twisted and the waiting of a coroutine."""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IConsumer, IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer


class Incoming(Protocol):
    """A body, or a part of one, that has not been read yet."""

    def deliver_to(self, consumer: IConsumer) -> Deferred[int]:
        """
        Hand the bytes to a push consumer; they can be taken once.

        Fires with their number at their end, or when the consumer stops them.
        """


@implementer(IConsumer)
class Chunks:
    """
    A body for whoever awaits it, a chunk at a time.

    Nothing is asked for before it is awaited; what comes all the same is held,
    and the body paused.
    """

    def __init__(self, body: Incoming) -> None:
        self._body = body
        self._begun = False
        self._ended = False
        self._failure: Failure | None = None
        self._held: deque[bytes] = deque()
        self._waiter: Deferred[bytes] | None = None
        self._producer: IPushProducer | None = None

    def next(self) -> Deferred[bytes]:
        """Wait for the next chunk; no bytes mean the end.  Fails with what broke the body."""
        if self._held:
            return succeed(self._held.popleft())
        if self._failure is not None:
            return fail(self._failure)
        if self._ended:
            return succeed(b"")
        waiter = self._waiter = Deferred(self._forget)
        if not self._begun:
            self._begun = True
            self._body.deliver_to(self).addCallbacks(self._end, self._fail)
        elif self._producer is not None:
            self._producer.resumeProducing()
        return waiter

    def stop(self) -> None:
        """Want no more."""
        self._held.clear()
        if self._producer is not None:
            self._producer.stopProducing()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Take a push producer; see :class:`IConsumer`."""
        if not streaming:
            raise ValueError("chunks take push producers only")
        self._producer = producer

    def unregisterProducer(self) -> None:
        """Let go of the producer."""
        self._producer = None

    def write(self, data: bytes) -> None:
        """Take a chunk."""
        waiter = self._taken()
        if waiter is not None:
            waiter.callback(data)
            return
        self._held.append(data)
        if self._producer is not None:
            self._producer.pauseProducing()

    def _end(self, _: int) -> None:
        self._ended = True
        waiter = self._taken()
        if waiter is not None:
            waiter.callback(b"")

    def _fail(self, failure: Failure) -> None:
        self._failure = failure
        waiter = self._taken()
        if waiter is not None:
            waiter.errback(failure)

    def _taken(self) -> Deferred[bytes] | None:
        waiter, self._waiter = self._waiter, None
        return waiter

    def _forget(self, _: Deferred[bytes]) -> None:
        self._waiter = None


@implementer(IPushProducer)
class Valve:
    """
    What a consumer turns, and whoever writes to it waits at.

    :ivar stopped: whether the consumer wants no more.
    """

    def __init__(self) -> None:
        self.stopped = False
        self._closed = False
        self._waiter: Deferred[None] | None = None

    def open(self) -> Deferred[None]:
        """Wait until the consumer takes more, or wants no more."""
        if not self._closed or self.stopped:
            return succeed(None)
        self._waiter = Deferred(self._forget)
        return self._waiter

    def pauseProducing(self) -> None:
        """Close."""
        self._closed = True

    def resumeProducing(self) -> None:
        """Open."""
        self._closed = False
        self._let_pass()

    def stopProducing(self) -> None:
        """Open for the last time."""
        self.stopped = True
        self._let_pass()

    def _let_pass(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.callback(None)

    def _forget(self, _: Deferred[None]) -> None:
        self._waiter = None
