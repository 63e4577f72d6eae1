"""A session in memory, while somebody uses it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred

from hmacfs.base.errors import BytesDiffer, Scattered
from hmacfs.base.spans import Span, SpanSet
from hmacfs.blobs.interfaces import StorageFailed, StorageFull, Unfinished, UnfinishedBlob
from hmacfs.flow.turns import Turns
from hmacfs.uploads import record
from hmacfs.uploads.prefix import READ_SIZE, Prefix
from hmacfs.uploads.session import Session

MOST_SPANS: Final = 10_000
"""Pieces, with gaps between them, that a session may have."""


@frozen
class Check:
    """
    A digest that the bytes of one request must have.

    :ivar algorithm: a name that :mod:`hashlib` knows.
    :ivar expected: tells it, when the last byte has come; may raise a refusal.
    """

    algorithm: str
    expected: Callable[[], bytes]

    def begin(self) -> hashlib._Hash:
        """Begin the digest."""
        return hashlib.new(self.algorithm, usedforsecurity=False)


@define(eq=False)
class Arrival:
    """
    Bytes that one request brings.

    :ivar place: where they come from, if that is known.
    :ivar start: where its first byte belongs.
    :ivar stop: after its last byte, as far as one can tell.
    :ivar is_open: whether it may end anywhere before that, for no length is told.
    :ivar stopped: whether it is to bring no more.
    :ivar superseded: whether that is because a newer request has taken its place.
    :ivar delivered: what it waits for, while it does.
    """

    place: str = ""
    start: int = 0
    stop: int = 0
    is_open: bool = False
    stopped: bool = False
    superseded: bool = False
    delivered: Deferred[int] | None = None
    _waiting: list[Deferred[None]] = field(factory=list, init=False)

    def break_off(self) -> None:
        """Let it bring no more."""
        self.stopped = True
        if self.delivered is not None:
            self.delivered.cancel()

    def end(self) -> Deferred[None]:
        """Put a newer request in its place; fires when what it has brought is kept."""
        gone: Deferred[None] = Deferred()
        self._waiting.append(gone)
        self.superseded = True
        self.break_off()
        return gone

    def gone(self) -> None:
        """Note that it has ended."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)


@define(eq=False)
class Live:
    """
    A session and what is known of it beyond what is durable.

    :ivar session: as it is on the disk.
    :ivar written: the bytes that are written, durable or not.  Only a thread
        on the lane of the bytes changes it.
    :ivar setbacks: how often what was written could not be made durable; changed there, too.
    :ivar arrivals: what brings bytes now.
    :ivar interrupted: whether what brought bytes last broke off, or another process has.
    :ivar closing: whether it is about to end, and takes no more bytes.
    :ivar newest: the highest rank of a request that used it; see :meth:`Table.rank`.
    :ivar holders: how many use it.
    """

    session: Session
    _unfinished: Unfinished
    written: SpanSet = field(init=False)
    setbacks: int = field(default=0, init=False)
    prefix: Prefix = field(factory=Prefix, init=False)
    arrivals: set[Arrival] = field(factory=set, init=False)
    interrupted: bool = field(default=False, init=False)
    closing: bool = field(default=False, init=False)
    newest: int = field(default=0, init=False)
    holders: int = field(default=0, init=False)
    _users: int = field(default=0, init=False)
    _blob: UnfinishedBlob | None = field(default=None, init=False)
    _turns: Turns = field(factory=Turns, init=False)

    def __attrs_post_init__(self) -> None:
        self.written = self.session.stored

    def begun(self, blob: UnfinishedBlob) -> None:
        """Take the bytes that were begun with it."""
        self._blob = blob

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[UnfinishedBlob]:
        """
        Hold its bytes open.

        :raises StorageFailed: if they are gone.
        """
        self._users += 1
        try:
            async with self._turns.of("open"):
                if self._blob is None:
                    self._blob = await self._unfinished.open(self.session.id)
                if self._blob is None:
                    raise StorageFailed("the bytes of an unfinished upload are gone")
                blob = self._blob
            yield blob
        finally:
            self._users -= 1
            await self.rest()

    async def rest(self) -> None:
        """Let go of the files, if nobody uses them."""
        if self._users == 0 and self._blob is not None:
            blob, self._blob = self._blob, None
            await blob.lane.run(blob.close)

    async def keep(self, change: Callable[[Session], Session] = lambda same: same) -> Session:
        """
        Make what was written durable, and with it a change of the session.

        :raises StorageFailed, StorageFull: if that cannot be; then what was not durable
            counts as never written.
        """
        async with self.opened() as blob, self._turns.of("keep"):
            try:
                self.session = await blob.lane.run(self._keep, blob, change)
            except (StorageFailed, StorageFull):
                # Others may come in place of what the digest was made of.
                self.prefix = Prefix()
                raise
            return self.session

    def _keep(self, blob: UnfinishedBlob, change: Callable[[Session], Session]) -> Session:
        # On the lane.
        session = change(evolve(self.session, stored=self.written))
        try:
            blob.keep(record.encode(session))
        except (StorageFailed, StorageFull):
            # A disk that could not flush may drop what it had, and flush the rest well (fsync(2)).
            self.written = self.session.stored
            self.setbacks += 1
            raise
        return session

    @asynccontextmanager
    async def ending(self) -> AsyncIterator[Session]:
        """Let nobody bring bytes meanwhile; what has come is kept."""
        async with self._turns.of("end"):
            self.closing = True
            try:
                await self.end_arrivals()
                yield self.session
            finally:
                self.closing = False

    async def end_arrivals(self, clashing: Callable[[Arrival], bool] = lambda _: True) -> int:
        """End what brings bytes, or some of it; tell how many those were."""
        ended = [each for each in self.arrivals if clashing(each)]
        for gone in [each.end() for each in ended]:
            await gone
        return len(ended)


class SpanSink:
    """
    Puts bytes in their place in a session, one after another.

    Where there are bytes already they are compared.

    :param provisional: whether what comes counts only after :meth:`count`.
    :ivar reached: where the next byte belongs.
    :ivar fresh: what is new of it.
    """

    def __init__(self, live: Live, blob: UnfinishedBlob, start: int, *, provisional: bool) -> None:
        self._live = live
        self._blob = blob
        self.reached = start
        self._provisional = provisional
        self._setbacks = live.setbacks
        self.fresh = SpanSet()

    def write(self, data: bytes | memoryview) -> None:
        """
        Put the next bytes in their place.  Blocks, on the lane.

        :raises BytesDiffer: if there are others.
        :raises Scattered: if there are too many gaps.
        :raises StorageFailed: if the bytes before these could not be kept.
        """
        if not data:
            return
        self._check_kept()
        view = memoryview(data)
        begin = self.reached
        for piece, is_known in self._live.written.split(Span(begin, begin + len(view))):
            part = view[piece.start - begin : piece.stop - begin]
            if is_known:
                self._compare(piece.start, part)
            else:
                self._blob.write_at(piece.start, part)
                self._add(piece)
            self.reached = piece.stop

    def _add(self, piece: Span) -> None:
        self.fresh = self.fresh.add(piece)
        if not self._provisional:
            self._join(piece)

    def _join(self, piece: Span) -> None:
        written = self._live.written.add(piece)
        if len(written.spans) > MOST_SPANS:
            raise Scattered("the upload has too many gaps", limit=MOST_SPANS)
        self._live.written = written

    def _check_kept(self) -> None:
        if self._live.setbacks != self._setbacks:
            raise StorageFailed("the bytes before these could not be made durable")

    def _compare(self, offset: int, data: memoryview) -> None:
        for start in range(0, len(data), READ_SIZE):
            part = data[start : start + READ_SIZE]
            if self._blob.read_at(offset + start, len(part)) != part:
                raise BytesDiffer("other bytes came in this place before", offset=offset + start)

    def count(self) -> None:
        """
        Let what came count.  Blocks, on the lane.

        :raises StorageFailed: as :meth:`write` does.
        """
        self._check_kept()
        for piece in self.fresh.spans:
            self._join(piece)
