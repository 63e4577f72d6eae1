"""
Upload sessions, as the dialects use them.

A dialect creates a session from what its request may do, appends the bodies of
requests to it, and finishes it when every byte is there.  Whatever it is told
is durable: an offset never goes back, also when the process or the machine dies.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from attrs import evolve, field, frozen
from twisted.internet.defer import Deferred

from hmacfs.base.errors import (
    Gone,
    LengthChanged,
    Refusal,
    TooLarge,
    Unavailable,
    Unknown,
)
from hmacfs.blobs.interfaces import NameExists
from hmacfs.flow.incoming import Incoming
from hmacfs.flow.pools import shielded
from hmacfs.ingest.intake import Intake
from hmacfs.ingest.publication import Receipt
from hmacfs.ingest.room import full_is_no_space
from hmacfs.uploads.affording import afford
from hmacfs.uploads.delivery import Delivery
from hmacfs.uploads.endings import Endings, over
from hmacfs.uploads.joining import check_parts
from hmacfs.uploads.limits import Limits
from hmacfs.uploads.live import Arrival, Check
from hmacfs.uploads.machine import State
from hmacfs.uploads.precedence import Precedence
from hmacfs.uploads.session import Draft, Session
from hmacfs.uploads.table import Table
from hmacfs.uploads.whereabouts import OnlyHere, Whereabouts


def _filled(session: Session) -> Session:
    if session.state is State.OPEN and session.is_full:
        return session.after("fill")
    return session


@frozen
class Sessions:
    """
    The sessions of this host under the settings that are in force.

    :ivar table: knows them.
    :ivar intake: makes files of them, and judges them as any upload.
    :ivar whereabouts: knows which of other hosts there are.
    """

    table: Table
    intake: Intake
    limits: Limits = field(factory=Limits)
    whereabouts: Whereabouts = field(factory=OnlyHere)

    async def create(self, draft: Draft) -> Session:
        """
        Begin a session, once the rules that hold before the bytes have let it.

        If there is one of its id, that is it.  One of parts is stored when the
        last of them is complete, which may be now.

        :raises TooManyUploads: if there are too many.
        :raises NoSpace: if there is no room for it.
        :raises Refusal: as :meth:`Intake.admit` does.
        """
        now = self.intake.now()
        self._check_length(draft.length)
        with self.intake.pending, full_is_no_space():
            self.limits.check(self.table, draft, now)
            if draft.name is not None:
                grant = Session(evolve(draft, length=draft.length or 0), now, now, now).grant()
                promised = self.limits.claimed(self.table, draft, now)
                await self.intake.admit(grant, draft.conditions, promised)
            await self.intake.space.check(draft.length or 0)
            session = Session(draft, now, now, self.limits.expires_at(now, now))
            await check_parts(self.table, session)
            try:
                return await shielded(Deferred.fromCoroutine(self._begin(session)))
            except NameExists:
                return await self.find(draft.id, draft.kind)

    async def _begin(self, session: Session) -> Session:
        # As a whole, whoever waits: else what was opened for it would stay open.
        with self.intake.pending, full_is_no_space():
            live = await self.table.begin(session)
            await live.rest()
            until = session.created_at + self.limits.max_age + self.limits.remembered
            await self.whereabouts.note(session.id, until)
            if session.draft.parts:
                return await self._endings.join(session.id)
            if session.length == 0:
                return await self._fill(session.id)
            return session

    async def find(self, id: str, kind: str, *, over: bool = False) -> Session:
        """
        Tell what is known of a session.

        :param over: whether to tell of those too that were cancelled or have expired.
        :raises Unknown: if there is none of this id and kind.
        :raises Gone: if it was cancelled or has expired.
        :raises Unavailable: if another host has it.
        """
        try:
            return await self._found(id, kind, over=over)
        except Unknown:
            if not await self.whereabouts.elsewhere(id):
                raise
        raise Unavailable("another server has this upload: try again", retry_after=1)

    def rank(self) -> int:
        """Tell the rank of a request that comes now, for it to use at :meth:`append`."""
        return self.table.rank()

    async def rest(self, id: str, place: str = "", *, rank: int = 0) -> Session:
        """
        Tell of a session once nothing more comes of what is under way: a newer request rules.

        :param place: where that comes from.
        :param rank: of the request, as for :meth:`append`.
        :raises AddressChanged: if it may not go on from there.
        :raises ClientGone: if that has been used by a newer one already.
        """
        async with self.table.using(id) as live:
            if live.session.state.takes_bytes:
                self.limits.moved(live.session, place)
            await self._precedence.supersede(live, rank)
            return live.session

    async def append(
        self,
        id: str,
        offset: int,
        body: Incoming,
        *,
        size: int | None = None,
        sequential: bool = True,
        check: Check | None = None,
        rank: int = 0,
        place: str = "",
    ) -> Session:
        """
        Put the bytes of a request in their place.

        Requests that bring bytes of the same session are ended first: all of
        them, or without ``sequential`` those that bring some of these.  What
        comes before a request breaks off counts, except where there is a check.
        The session is complete when this brings the last byte.

        :param size: of the body, if it is known.
        :param sequential: whether ``offset`` has to be where the bytes so far end.
        :param check: what the bytes must be, or none of them counts.
        :param rank: of the request, if it had to wait since it came: one of which
            the client has gone meanwhile must not end a newer one.
        :param place: where they come from: the address of the client, or its network.
        :raises OffsetWrong: if the bytes do not begin where those before end.
        :raises SizeMismatch: if they go beyond the length.
        :raises BytesDiffer: if there are others in their place.
        :raises DigestMismatch: if they fail the check.
        :raises UploadOver: if the session takes no more.
        :raises AddressChanged: if they may not come from there.
        :raises RetriesExhausted: if requests of it broke off too often.
        :raises Unavailable: if too many uploads are under way.
        :raises ClientGone: if a newer request has taken the place of this one.
        """
        arrival = Arrival(place)
        work = self._append(
            id, offset, body, arrival, size=size, sequential=sequential, check=check, rank=rank
        )
        return await shielded(Deferred.fromCoroutine(work), arrival.break_off)

    async def _append(
        self,
        id: str,
        offset: int,
        body: Incoming,
        arrival: Arrival,
        *,
        size: int | None,
        sequential: bool,
        check: Check | None,
        rank: int,
    ) -> Session:
        with self.intake.pending, full_is_no_space(), self.intake.queue.place():
            async with self.table.using(id) as live:
                await self._precedence.enter(
                    live, arrival, offset, size, sequential=sequential, rank=rank
                )
                try:
                    await Delivery(self.intake, self.table, live, arrival, self._touched).run(
                        body, check
                    )
                finally:
                    live.arrivals.discard(arrival)
                    arrival.gone()
                    self.table.note(live)
                session = live.session
            if session.state is State.COMPLETE and session.draft.name is None:
                await self._endings.join_those_of(id)
            return session

    async def set_length(self, id: str, length: int) -> Session:
        """
        Tell the length of a session that was not known.

        :raises LengthChanged: if it is another than was told before, or less than is here.
        :raises TooLarge: if files may not have so many bytes.
        :raises QuotaExceeded: if its owner may not have so many.
        :raises NoSpace: if there is no room to note it.
        """
        self._check_length(length)
        with full_is_no_space():
            return await self._set_length(id, length)

    async def _set_length(self, id: str, length: int) -> Session:
        async with self.table.using(id) as live:

            def tell(session: Session) -> Session:
                reached = session.stored.spans[-1].stop if session.stored.spans else 0
                if session.length not in (None, length) or length < reached:
                    known = reached if session.length is None else session.length
                    raise LengthChanged("the upload has another length", expected=known)
                return _filled(evolve(session, draft=evolve(session.draft, length=length)))

            if live.session.length != length:
                if not live.session.state.takes_bytes:
                    raise over(live.session)
                # What does not fit is told before its owner is asked for.
                tell(live.session)
                await afford(self.intake, self.limits, self.table, live.session, length)
                await shielded(Deferred.fromCoroutine(live.keep(tell)))
                self.table.note(live)
            return live.session

    async def set_fact(self, id: str, name: str, value: str) -> Session:
        """
        Note what the dialect has to know later of a session.

        :raises NoSpace: if there is no room to note it.
        """
        with full_is_no_space():
            return await self._set_fact(id, name, value)

    async def _set_fact(self, id: str, name: str, value: str) -> Session:
        async with self.table.using(id) as live:
            if live.session.state.takes_bytes and live.session.draft.facts.get(name) != value:
                keeping = live.keep(lambda session: session.noting(name, value))
                # Whoever leaves now must not leave a thread behind that writes on beside others.
                await shielded(Deferred.fromCoroutine(keeping))
            return live.session

    async def finish(self, id: str) -> Receipt:
        """
        Make the bytes of a complete session a file; the same again tells the same.

        Once begun it is done, whether somebody waits for it or not.

        :raises Incomplete: if bytes are missing.
        :raises Refusal: as :meth:`Intake.store` does, and the same again if it was for good.
        """
        return await shielded(Deferred.fromCoroutine(self._endings.finish(id)))

    async def cancel(self, id: str) -> Session:
        """
        Let a session go, with its bytes; one that is over stays as it is.

        :raises Unknown: if there is none.
        """
        async with self.table.using(id) as live:
            return await self._endings.end(live, "cancel")

    async def fail(self, id: str, refusal: Refusal) -> Session:
        """Refuse a session for good, for a reason that its dialect has."""
        return await shielded(Deferred.fromCoroutine(self._endings.fail(id, refusal)))

    async def forget(self, id: str) -> None:
        """Let a session go as if it had never been, whether somebody waits or not."""
        await shielded(Deferred.fromCoroutine(self._forget(id)))

    async def _forget(self, id: str) -> None:
        with self.intake.pending:
            with suppress(Unknown):
                await self.cancel(id)
            await self.table.forget(id)

    async def make_way(self, id: str) -> None:
        """Forget a session that is over, so that another of its id may begin."""
        with self.intake.pending:
            await self.table.forget(id, over=True)

    def watch(self, id: str, watcher: Callable[[Session, int], object]) -> Callable[[], None]:
        """
        Call ``watcher`` with the session and the bytes received whenever they change.

        What is returned ends that.
        """
        return self.table.watch(id, watcher)

    async def sweep(self) -> int:
        """End what has expired and forget what is long over; tell how many those were."""
        await self.table.scan()
        now = self.intake.now()
        due = [id for id, each in self.table.known.items() if each.expires_at <= now]
        for id in due:
            with self.intake.pending, suppress(Unknown):
                async with self.table.using(id) as live:
                    if live.session.state.takes_bytes:
                        await self._endings.end_if_due(live)
                        continue
                await self.table.forget(id, over=True)
        # Joined before, but for a crash.
        for id in tuple(self.table.joining):
            with self.intake.pending, suppress(Refusal):
                await self._endings.join(id)
        return len(due)

    # What these are made of

    @property
    def _endings(self) -> Endings:
        return Endings(self.table, self.intake, self.limits)

    @property
    def _precedence(self) -> Precedence:
        return Precedence(self.table, self.intake, self.limits, self._endings)

    def _check_length(self, length: int | None) -> None:
        largest = self.intake.max_upload_size
        if length is not None and length > largest:
            raise TooLarge(
                f"the file has {length} bytes; at most {largest} are taken", limit=largest
            )

    async def _found(self, id: str, kind: str, *, over: bool) -> Session:
        async with self.table.using(id) as live:
            if live.session.draft.kind != kind:
                raise Unknown("there is no such upload")
            session = await self._endings.end_if_due(live)
            if session.state in (State.CANCELLED, State.EXPIRED) and not over:
                raise Gone("the upload was cancelled or has expired")
            return session

    def _touched(self, session: Session) -> Session:
        """Note that bytes came."""
        now = self.intake.now()
        expires_at = self.limits.expires_at(session.created_at, now)
        return _filled(evolve(session, touched_at=now, expires_at=expires_at))

    async def _fill(self, id: str) -> Session:
        async with self.table.using(id) as live:
            await live.keep(_filled)
            self.table.note(live)
            return live.session
