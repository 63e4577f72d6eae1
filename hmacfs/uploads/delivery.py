"""How the bytes of one request get to their place in a session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred

from hmacfs.base.errors import ClientGone, DigestMismatch
from hmacfs.blobs.interfaces import UnfinishedBlob
from hmacfs.flow.incoming import Incoming
from hmacfs.flow.stage import Stage
from hmacfs.ingest.intake import Intake
from hmacfs.rules.space import Reservation
from hmacfs.uploads.live import Arrival, Check, Live, SpanSink
from hmacfs.uploads.prefix import Feed, Prefix
from hmacfs.uploads.session import Session
from hmacfs.uploads.table import Table

CHECKPOINT_BYTES: Final = 32 * 1024 * 1024
"""Bytes of one request after which what has come is made durable, while more comes."""

CHECKPOINT_SECONDS: Final = 5.0
"""Seconds after which it is too."""

AHEAD_BYTES: Final = 64 * 1024 * 1024
"""Bytes for which room is held ahead of what may end anywhere; at a checkpoint that is renewed."""


class Delivery:
    """
    Brings the bytes of one request.

    :param touched: notes in a session that bytes came.
    """

    def __init__(
        self,
        intake: Intake,
        table: Table,
        live: Live,
        arrival: Arrival,
        touched: Callable[[Session], Session],
    ) -> None:
        self._intake = intake
        self._table = table
        self._live = live
        self._arrival = arrival
        self._touched = touched
        self._since = 0
        self._kept_at = intake.seconds()
        self._checking: Deferred[None] | None = None
        self._fault: Exception | None = None

    async def run(self, body: Incoming, check: Check | None) -> None:
        """
        Take the bytes; when it returns or raises, what counts of them is durable.

        :raises ClientGone: if a newer request has taken the place of this one.
        :raises NoSpace: if there is no room, or none any more.
        :raises StorageFailed: if they cannot be made durable.
        """
        live, arrival = self._live, self._arrival
        most = arrival.stop - arrival.start
        ahead = min(most, AHEAD_BYTES) if arrival.is_open else most
        with await self._intake.space.reserve(ahead) as room:
            async with live.opened() as blob:
                prefix = self._feedable(check)
                try:
                    await self._receive(body, check, blob, room, prefix)
                finally:
                    if prefix is not None:
                        live.prefix.fed = False

    def _feedable(self, check: Check | None) -> Prefix | None:
        # The digest of the whole is made on the way where these bytes are the next of it.
        prefix = self._live.prefix
        if prefix.fed or self._arrival.start > prefix.length:
            return None
        prefix.fed = True
        return prefix if check is None else prefix.copy()

    async def _receive(
        self,
        body: Incoming,
        check: Check | None,
        blob: UnfinishedBlob,
        room: Reservation,
        prefix: Prefix | None,
    ) -> None:
        live, arrival = self._live, self._arrival
        sink = SpanSink(live, blob, arrival.start, provisional=check is not None)
        feed = Feed(arrival.start, prefix, None if check is None else check.begin())

        def wrote(length: int) -> None:
            room.taken(length)
            self._wrote(length, room, keeps=check is None)

        most = arrival.stop - arrival.start
        intake = self._intake
        stage = Stage(sink, blob.lane, most, wrote, intake.pulls, feed, high_mark=intake.buffer)
        error: Exception | None = None
        try:
            if arrival.stopped:
                raise CancelledError
            arrival.delivered = body.deliver_to(stage)
            await arrival.delivered
        except Exception as broken:
            error = broken
        arrival.delivered = None
        try:
            found = await stage.finish()
            if check is not None and error is None:
                if check.expected() != found:
                    raise DigestMismatch("the bytes have another digest than announced")
                await blob.lane.run(sink.count)
                if prefix is not None:
                    live.prefix = prefix
        finally:
            if self._checking is not None:
                await self._checking
            error = self._fault or error
            # Whoever has brought all its bytes is told so, though the end of them came too late:
            # of those that bring the last chunks the first to be done ends the others.
            brought = arrival.superseded and check is None and sink.reached == arrival.stop
            live.interrupted = error is not None and not brought
            if sink.fresh.size:
                await live.keep(self._interrupted if live.interrupted else self._touched)
        if self._fault is not None:
            raise self._fault
        if error is not None and not brought:
            raise ClientGone("a newer request brings these bytes") if arrival.superseded else error

    def _interrupted(self, session: Session) -> Session:
        return evolve(self._touched(session), breaks=session.breaks + 1)

    def _wrote(self, length: int, room: Reservation, *, keeps: bool) -> None:
        self._since += length
        seconds = self._intake.seconds()
        is_due = self._since >= CHECKPOINT_BYTES or seconds - self._kept_at >= CHECKPOINT_SECONDS
        if is_due and self._checking is None and self._fault is None:
            self._since, self._kept_at = 0, seconds
            self._checking = Deferred.fromCoroutine(self._checkpoint(room, keeps=keeps))
            self._checking.addBoth(self._checked)
        self._table.note(self._live, self._live.written.size)

    async def _checkpoint(self, room: Reservation, *, keeps: bool) -> None:
        try:
            if self._arrival.is_open:
                await room.refill(AHEAD_BYTES)
            if keeps:
                await self._live.keep(self._touched)
        except Exception as fault:
            self._fault = fault
            self._arrival.break_off()

    def _checked(self, _: object) -> None:
        self._checking = None
