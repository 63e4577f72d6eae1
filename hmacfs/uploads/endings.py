"""How sessions end: as a file, refused, cancelled or expired."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from attrs import evolve, frozen
from twisted.internet.defer import Deferred

from hmacfs.base import errors
from hmacfs.base.errors import Gone, Incomplete, Refusal, Unknown, UploadOver
from hmacfs.flow.pools import shielded
from hmacfs.ingest.account import Account
from hmacfs.ingest.intake import Intake
from hmacfs.ingest.publication import Receipt
from hmacfs.ingest.room import full_is_no_space
from hmacfs.ingest.staged import Staged
from hmacfs.uploads.joining import join
from hmacfs.uploads.limits import Limits
from hmacfs.uploads.live import Live
from hmacfs.uploads.machine import State
from hmacfs.uploads.session import Session
from hmacfs.uploads.table import Table

_FINAL: Final = (
    errors.NameTaken,
    errors.NameRefused,
    errors.DigestMismatch,
    errors.Replayed,
    errors.KindRefused,
    errors.TooLarge,
    errors.SizeMismatch,
    errors.ContentBlocked,
    errors.Infected,
    errors.NotCovered,
)
"""Refusals that another attempt to store the same bytes would meet again."""

_CODES: Final = {
    each.code: each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, Refusal)
}


def over(session: Session) -> Refusal:
    """Tell why a session that takes no more bytes takes none."""
    if session.state in (State.CANCELLED, State.EXPIRED):
        return Gone("the upload was cancelled or has expired")
    state = session.state.value
    return UploadOver(f"the upload takes no more bytes: it is {state}", state=state)


@frozen
class Endings:
    """
    Ends sessions.

    Whoever waits for :meth:`finish`, :meth:`fail` or :meth:`join` is to be shielded from it.
    """

    table: Table
    intake: Intake
    limits: Limits

    async def finish(self, id: str) -> Receipt:
        """Make a file of a session; see :meth:`Sessions.finish`."""
        with self.intake.pending:
            async with self.table.using(id) as live, live.ending() as session:
                if session.state is State.STORED and session.file is not None:
                    return Receipt(session.file, session.created)
                if session.state is State.FAILED:
                    raise _CODES.get(session.code, Refusal)(session.detail)
                if session.state is not State.COMPLETE:
                    if session.state is not State.OPEN:
                        raise over(session)
                    raise Incomplete("bytes of the upload are missing", received=session.received)
                try:
                    receipt = await self._store(live)
                except Refusal as refusal:
                    if self.limits.tries_again and not isinstance(refusal, _FINAL):
                        raise
                    await self._conclude(live, "fail", code=refusal.code, detail=refusal.detail)
                    raise
                stored = {"file": receipt.file, "created": receipt.created}
                await self._conclude(live, "publish", **stored)
                return receipt

    async def fail(self, id: str, refusal: Refusal) -> Session:
        """Refuse a session for good, for a reason that its dialect has."""
        async with self.table.using(id) as live, live.ending() as session:
            if session.state.takes_bytes:
                await self._conclude(live, "fail", code=refusal.code, detail=refusal.detail)
            return live.session

    async def _conclude(self, live: Live, what: str, **facts: Any) -> None:
        now = self.intake.now()
        session = live.session.after(what)
        ended = evolve(session, expires_at=now + self.limits.remembered, **facts)
        await self.table.conclude(live, ended)

    async def end_if_due(self, live: Live) -> Session:
        """Let a session expire whose time is over and that nobody brings bytes; tell what it is."""
        session = live.session
        is_due = session.expires_at <= self.intake.now()
        if session.state.takes_bytes and not live.arrivals and is_due:
            return await self.end(live, "expire")
        return session

    async def end(self, live: Live, what: str) -> Session:
        """Cancel a session or let it expire, unless it is over, whether somebody waits or not."""
        return await shielded(Deferred.fromCoroutine(self._end(live, what)))

    async def _end(self, live: Live, what: str) -> Session:
        with self.intake.pending:
            async with live.ending() as session:
                if session.state.takes_bytes:
                    await self._conclude(live, what)
                return live.session

    async def _store(self, live: Live) -> Receipt:
        grant, intake = live.session.grant(), self.intake
        with full_is_no_space(), Account(intake.events, intake.seconds) as account:
            async with live.opened() as blob:
                while not await blob.lane.run(live.prefix.read, blob, grant.size):
                    pass
                digest = live.prefix.digest()
                handed = await self.table.unfinished.hand_over(blob, grant.size)
                staged = Staged(handed, grant.size, digest, account)
            try:
                return await intake.store(staged, grant, live.session.draft.conditions)
            finally:
                if not staged.taken:
                    await intake.blobs.settle(staged.blob)

    async def join_those_of(self, part: str) -> None:
        """Join what waited for the last byte of this part, as far as it is whole now."""
        for id in [id for id in self.table.joining if part in self.table.known[id].parts]:
            with suppress(Refusal):
                await self.join(id)

    async def join(self, id: str) -> Session:
        """Make a file of a session of parts, if they are complete; tell what it is then."""
        try:
            session = await join(self.intake, self.table, id)
        except (errors.TooLarge, Unknown) as refusal:
            await self.fail(id, refusal)
            raise
        if session.state is State.COMPLETE:
            await self.finish(id)
        async with self.table.using(id) as live:
            return live.session
