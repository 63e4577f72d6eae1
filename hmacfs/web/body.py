"""
The body of a request, handed over while it comes in.

A :class:`Body` is a push producer for one consumer.  Nobody reads the socket
until someone wants the bytes, and nobody is told ``100 Continue`` before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from hmacfs.web.inlet import SocketInlet


class BodyChannel(Protocol):
    """What a body asks of the connection that it comes from."""

    def pause_body(self) -> None:
        """Stop reading the socket."""

    def resume_body(self) -> None:
        """Read on."""

    def inlet(self, body: Body) -> SocketInlet | None:
        """Tell where the bytes of the body may be taken while it is paused."""


@implementer(IPushProducer)
class Body:
    """
    One request's body.

    :param length: its announced length in bytes, ``None`` if it is chunked.
    :param first_wanted: is called when someone first wants the bytes, unless
        they have begun to come by then.
    :ivar received: bytes that came in so far.
    :ivar complete: whether the last byte came in.
    """

    def __init__(
        self,
        channel: BodyChannel,
        length: int | None,
        first_wanted: Callable[[], None] | None = None,
    ) -> None:
        self._channel = channel
        self.length = length
        self.received = 0
        self.complete = length == 0
        self._first_wanted = first_wanted
        self._held: deque[bytes] = deque()
        self._consumer: IConsumer | None = None
        self._done: Deferred[int] | None = None
        self._paused = False
        self._discarding = False
        self._failure: Failure | None = None

    def deliver_to(self, consumer: IConsumer) -> Deferred[int]:
        """
        Hand the bytes to ``consumer``; they can be taken once.

        :return: fires with the number of bytes received when the body has
            ended or the consumer has stopped it; fails with what broke the
            body: a lost connection, or a :class:`~hmacfs.base.errors.Refusal`.
        """
        if self._done is not None:
            raise RuntimeError("the body was already taken")
        done: Deferred[int] = Deferred(self._cancelled)
        self._done = done
        if self._failure is not None:
            done.errback(self._failure)
            return done
        self._consumer = consumer
        consumer.registerProducer(self, True)
        if self._first_wanted is not None:
            wanted, self._first_wanted = self._first_wanted, None
            wanted()
        self._drain()
        return done

    # What the channel calls.

    def data_received(self, data: bytes) -> None:
        """Take bytes from the network."""
        self.received += len(data)
        self._first_wanted = None
        if self._discarding:
            return
        if self._consumer is None or self._paused or self._held:
            self._held.append(data)
            self._channel.pause_body()
        else:
            self._consumer.write(data)

    def ended(self) -> None:
        """Note that the last byte came in."""
        self.complete = True
        if not self._held:
            self._finish()

    def broken(self, reason: Failure) -> None:
        """Note that no more bytes will come, and why."""
        self._failure = reason
        done = self._let_go()
        if done is not None:
            done.errback(reason)

    def passed(self, length: int) -> None:
        """Count bytes that came another way; see :class:`~hmacfs.flow.pull.Inlet`."""
        self.received += length

    def inlet(self) -> SocketInlet | None:
        """Tell where the next bytes can be taken; see :class:`~hmacfs.flow.pull.DirectProducer`."""
        if not self._paused or self._held or self.complete:
            return None
        return self._channel.inlet(self)

    # IPushProducer

    def pauseProducing(self) -> None:
        """Hold the bytes back."""
        self._paused = True
        if not self.complete:
            self._channel.pause_body()

    def resumeProducing(self) -> None:
        """Let the bytes flow."""
        self._paused = False
        self._drain()

    def stopProducing(self) -> None:
        """Drop what is still to come: the consumer wants no more."""
        done = self._let_go()
        if done is not None:
            done.callback(self.received)

    def _drain(self) -> None:
        while self._held and not self._paused and self._consumer is not None:
            self._consumer.write(self._held.popleft())
        if self._held or self._paused or self._consumer is None:
            return
        if self.complete:
            self._finish()
        else:
            self._channel.resume_body()

    def _finish(self) -> None:
        consumer, done = self._consumer, self._done
        if consumer is not None and done is not None:
            self._consumer = None
            consumer.unregisterProducer()
            done.callback(self.received)

    def _let_go(self) -> Deferred[int] | None:
        self._discarding = True
        self._held.clear()
        consumer, self._consumer = self._consumer, None
        if consumer is None:
            return None
        consumer.unregisterProducer()
        return self._done

    def _cancelled(self, _: Deferred[int]) -> None:
        # Whoever waited has gone: Klein cancels the route of a lost request.
        self._let_go()


class StreamedRequest(Protocol):
    """What the channel asks of its requests beyond :class:`twisted.web.http.Request`."""

    body: Body
    trailers: Mapping[str, str]

    def headers_received(
        self,
        command: bytes,
        path: bytes,
        version: bytes,
        first_wanted: Callable[[], None] | None,
    ) -> None:
        """Begin the request, whose body is still to come."""
