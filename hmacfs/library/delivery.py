"""Carrying out the plan of a download: the bytes of a file go to a consumer."""

from __future__ import annotations

from twisted.internet.interfaces import IConsumer

from hmacfs.base.spans import Span
from hmacfs.blobs.interfaces import OpenBlob
from hmacfs.flow.source import Source
from hmacfs.library.serving import Plan


async def deliver(plan: Plan, blob: OpenBlob, consumer: IConsumer) -> None:
    """
    Write the body of an answer to a consumer, at its pace.

    :raises Truncated: if the file has become shorter.
    """
    source = Source(blob, blob.lane, consumer)
    consumer.registerProducer(source, True)
    try:
        for piece in plan.body:
            if isinstance(piece, Span):
                await source.copy(piece.start, piece.stop)
            else:
                consumer.write(piece)
    finally:
        consumer.unregisterProducer()
