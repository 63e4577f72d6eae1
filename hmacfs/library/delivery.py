"""Carrying out the plan of a download: the bytes of a file go to a consumer."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol

from attrs import frozen
from twisted.internet.interfaces import IConsumer

from hmacfs.base.spans import Span
from hmacfs.blobs.interfaces import FileBlob, OpenBlob
from hmacfs.flow import sendfile
from hmacfs.flow.sendfile import Direct, SendReactor
from hmacfs.flow.source import READ_SIZE, Source
from hmacfs.library.serving import Plan

SENDFILE_FROM: Final = 64 * 1024
"""Bytes from which on it is worth to go around the consumer."""


class Outlet(Protocol):
    """Where an answer goes: a consumer, perhaps with a plain socket behind it."""

    def consumer(self) -> IConsumer:
        """Tell the consumer."""

    def direct(self) -> Direct | None:
        """Tell the socket, if it takes the bytes as they are."""


@frozen
class Delivery:
    """
    Sends the bodies of answers.

    :param patience: seconds that a client may take nothing.
    :param read_size: bytes that are read from a file at a time, where they are.
    """

    reactor: SendReactor
    patience: float
    read_size: int = READ_SIZE

    async def send(self, plan: Plan, blob: OpenBlob, outlet: Outlet) -> None:
        """
        Write the body of an answer, at the pace of whoever takes it.

        :raises Truncated: if the file has become shorter.
        :raises ClientGone: if the client has gone, or takes nothing for too long.
        """
        span = plan.body[0] if len(plan.body) == 1 else None
        if isinstance(span, Span) and span.size >= SENDFILE_FROM and isinstance(blob, FileBlob):
            direct = outlet.direct()
            if direct is not None:
                await sendfile.send(
                    self.reactor,
                    blob.lane,
                    blob.descriptor,
                    (span.start, span.stop),
                    direct,
                    self.patience,
                )
                return
        await self._copy(plan, blob, outlet.consumer())

    async def _copy(self, plan: Plan, blob: OpenBlob, consumer: IConsumer) -> None:
        source = Source(blob, blob.lane, consumer, self.read_size)
        consumer.registerProducer(source, True)
        try:
            for piece in plan.body:
                if isinstance(piece, Span):
                    await source.copy(piece.start, piece.stop)
                else:
                    consumer.write(piece)
        finally:
            consumer.unregisterProducer()


def path_of(blob: OpenBlob) -> Path | None:
    """Tell the file whose bytes these are, however names become paths; ``None`` without one."""
    if not isinstance(blob, FileBlob):
        return None
    # The kernel has it in memory: this reads no disk.
    return Path(f"/proc/self/fd/{blob.descriptor}").readlink()
