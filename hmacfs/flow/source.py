"""Bytes on their way from the disk to the network, at the pace of the slower."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IPushProducer
from zope.interface import implementer

from hmacfs.flow.pools import Lane

READ_SIZE = 256 * 1024
"""Bytes that one read takes from the disk, if nothing else is said."""


class Truncated(Exception):
    """The file ended before the bytes that were promised."""


class Readable(Protocol):
    """What can be read at an offset.  Blocks; called on one thread at a time."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Read up to ``length`` bytes at ``offset``; no bytes mean the end."""


@implementer(IPushProducer)
class Source:
    """
    Copies spans of a file to a consumer, reading on a thread, while the consumer wants them.

    :param read_size: bytes that one read takes, and that wait in memory at most.
    """

    def __init__(
        self, readable: Readable, lane: Lane, consumer: IConsumer, read_size: int = READ_SIZE
    ) -> None:
        self._readable = readable
        self._lane = lane
        self._consumer = consumer
        self._read_size = read_size
        self._resumed: Deferred[None] | None = None
        self._stopped = False

    def pauseProducing(self) -> None:
        """Wait before the next write."""
        if self._resumed is None:
            self._resumed = Deferred()

    def resumeProducing(self) -> None:
        """Go on."""
        if self._resumed is not None:
            resumed, self._resumed = self._resumed, None
            resumed.callback(None)

    def stopProducing(self) -> None:
        """Stop for good: nobody takes the bytes any more."""
        self._stopped = True
        self.resumeProducing()

    async def copy(self, start: int, stop: int) -> None:
        """
        Write the bytes from ``start`` up to ``stop`` to the consumer.

        :raises Truncated: if the file has fewer.
        """
        offset = start
        while offset < stop and not self._stopped:
            data = await self._lane.run(
                self._readable.read_at, offset, min(self._read_size, stop - offset)
            )
            if not data:
                raise Truncated(f"the file ends at {offset}, {stop - offset} bytes too early")
            if self._resumed is not None:
                await self._resumed
            if not self._stopped:
                self._consumer.write(data)
            offset += len(data)
