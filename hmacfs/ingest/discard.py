"""Bodies that nobody wants, read to their end: a client that still sends reads no answer."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IConsumer
from zope.interface import implementer

from hmacfs.flow.incoming import Incoming


@implementer(IConsumer)
class _Nothing:
    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Let it go on."""

    def unregisterProducer(self) -> None:
        """Let go of it."""

    def write(self, data: bytes) -> None:
        """Drop it."""


async def discard(body: Incoming) -> int:
    """Read a body and keep nothing; tell how many bytes it had."""
    return await body.deliver_to(_Nothing())
