"""
Bytes on their way to the disk, as they come from the network.

A :class:`Stage` is where a request's body is delivered: it gathers what comes
while a thread writes and hashes what came before, and pauses the producer when
the disk falls behind.  From a producer that allows it the bytes are then pulled
around the reactor; see :mod:`hmacfs.flow.pull`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from hmacfs.base.errors import SizeMismatch
from hmacfs.flow.pools import Lane
from hmacfs.flow.pull import DirectProducer, Inlet, Pulls, Target

HIGH_MARK = 1024 * 1024
"""Bytes that wait for the disk at which the producer is paused, unless the settings say."""


class Sink(Protocol):
    """Where staged bytes end.  Blocks; called on one thread at a time."""

    def write(self, data: bytes | memoryview) -> None:
        """Append all of ``data``."""


class Digest(Protocol):
    """What is made of the bytes that were written, in their order.  Blocks."""

    def update(self, data: bytes | memoryview, /) -> object:
        """Add bytes."""

    def digest(self) -> bytes:
        """Tell the digest of all of them."""


class NullSink:
    """Keeps nothing: for bytes of which only the digest is wanted."""

    def write(self, data: bytes | memoryview) -> None:
        """Drop ``data``."""


@implementer(IConsumer)
class Stage:
    """
    A consumer that writes and hashes on a thread.

    What goes wrong is kept, the producer is stopped, and :meth:`finish` raises it.

    :param lane: runs the writes, in order.
    :param limit: the most bytes to take.
    :param wrote: is told how many bytes each write has stored.
    :param pulls: pulls bytes that come faster than the reactor can hand them on.
    :param digest: what to make of the bytes, else a SHA-256.
    :param high_mark: bytes that wait for the disk at which the producer is paused.
    """

    def __init__(
        self,
        sink: Sink,
        lane: Lane,
        limit: int,
        wrote: Callable[[int], object] = lambda _: None,
        pulls: Pulls | None = None,
        digest: Digest | None = None,
        high_mark: int = HIGH_MARK,
    ) -> None:
        self._sink = sink
        self._lane = lane
        self._limit = limit
        self._wrote = wrote
        self._pulls = pulls
        self._high_mark = high_mark
        self._hash: Digest = digest or hashlib.sha256()
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._writing = False
        self._paused = False
        self._producer: IPushProducer | None = None
        self._failure: Failure | None = None
        self._idle: Deferred[None] | None = None
        self.received = 0

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Take a push producer; see :class:`IConsumer`."""
        if not streaming:
            raise ValueError("a stage takes push producers only")
        self._producer = producer

    def unregisterProducer(self) -> None:
        """Let go of the producer: no more bytes will come."""
        self._producer = None

    def write(self, data: bytes) -> None:
        """Take bytes; returns at once."""
        if self._failure is not None:
            return
        self.received += len(data)
        if self.received > self._limit:
            self._fail(
                Failure(
                    SizeMismatch(
                        f"the body is longer than the {self._limit} bytes announced",
                        expected=self._limit,
                    )
                )
            )
            return
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if not self._writing:
            self._write_waiting()
        elif self._waiting_bytes >= self._high_mark:
            self._pause()

    def _pause(self) -> None:
        if not self._paused and self._producer is not None:
            self._paused = True
            self._producer.pauseProducing()

    def finish(self) -> Deferred[bytes]:
        """
        Wait until all is written.

        :return: the digest of what was written; a SHA-256 has 32 bytes.
        :raises SizeMismatch: if more came than the limit.
        :raises Exception: what the sink raised.
        """
        done: Deferred[None] = Deferred()
        if self._writing:
            self._idle = done
        else:
            done.callback(None)
        return done.addCallback(self._outcome)

    def _outcome(self, _: None) -> bytes:
        if self._failure is not None:
            self._failure.raiseException()
        return self._hash.digest()

    def _write_waiting(self) -> None:
        batch = b"".join(self._waiting)
        self._waiting.clear()
        self._waiting_bytes = 0
        self._writing = True
        self._lane.run(self._store, batch).addCallbacks(
            self._stored, self._fail, callbackArgs=(len(batch),)
        ).addCallback(self._ended)

    def _store(self, batch: bytes) -> None:
        # On a thread.
        self._sink.write(batch)
        self._hash.update(batch)

    def _stored(self, _: None, length: int) -> None:
        self._wrote(length)

    def _ended(self, _: None) -> None:
        inlet = self._inlet() if self._paused else None
        if self._waiting and self._failure is None:
            self._write_waiting()
            if inlet is not None:
                return
        elif inlet is not None and self._pulls is not None:
            self._pull(self._pulls, inlet)
            return
        else:
            self._rest()
        # Whatever waited is on its way now, so there is room for more.
        self._resume()

    def _inlet(self) -> Inlet | None:
        if self._pulls is None or not isinstance(self._producer, DirectProducer):
            return None
        return self._producer.inlet()

    def _pull(self, pulls: Pulls, inlet: Inlet) -> None:
        target = Target(self._lane, self._sink.write, self._hash.update, self._wanted, self._pulled)
        Deferred.fromCoroutine(pulls.run(inlet, target)).addErrback(self._fail).addCallback(
            self._pull_ended
        )

    def _wanted(self) -> int:
        return 0 if self._producer is None else self._limit - self.received

    def _pulled(self, length: int) -> None:
        self.received += length
        self._wrote(length)

    def _pull_ended(self, _: None) -> None:
        self._rest()
        self._resume()

    def _rest(self) -> None:
        self._writing = False
        if self._idle is not None:
            idle, self._idle = self._idle, None
            idle.callback(None)

    def _resume(self) -> None:
        if self._paused and self._producer is not None:
            self._paused = False
            self._producer.resumeProducing()

    def _fail(self, failure: Failure) -> None:
        self._failure = failure
        self._waiting.clear()
        self._waiting_bytes = 0
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()
