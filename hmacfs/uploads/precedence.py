"""Which of the requests for a session may bring it bytes: a newer one rules."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from hmacfs.base.errors import ClientGone, OffsetWrong, RetriesExhausted, Unavailable
from hmacfs.base.events import UploadResumed, UploadTakenOver
from hmacfs.ingest.intake import Intake
from hmacfs.uploads.affording import afford
from hmacfs.uploads.endings import Endings, over
from hmacfs.uploads.limits import Limits, most_at
from hmacfs.uploads.live import Arrival, Live
from hmacfs.uploads.table import Table


@frozen
class Precedence:
    """Lets requests in, and ends those that they take the place of."""

    table: Table
    intake: Intake
    limits: Limits
    endings: Endings

    async def supersede(
        self, live: Live, rank: int, clashing: Callable[[Arrival], bool] = lambda _: True
    ) -> None:
        """
        End what brings bytes, or some of it, for a request that comes after it.

        :param rank: of the request; see :meth:`Sessions.append`.
        :raises ClientGone: if a newer one has used the session already.
        """
        if 0 < rank < live.newest:
            raise ClientGone("a newer request has used this upload")
        live.newest = max(rank, live.newest)
        while ended := await live.end_arrivals(clashing):
            for _ in range(ended):
                self.table.events.tell(UploadTakenOver())

    async def enter(
        self,
        live: Live,
        arrival: Arrival,
        offset: int,
        size: int | None,
        *,
        sequential: bool,
        rank: int,
    ) -> None:
        """
        Let a request bring bytes, as :meth:`Sessions.append` has it.

        :raises Refusal: as that does.
        """
        await self.endings.end_if_due(live)
        await self._check_again(live, arrival.place)
        if live.session.length is None:
            size_then = offset + (size or 0)
            await afford(self.intake, self.limits, self.table, live.session, size_then)
        most = most_at(live.session, offset, size, self.intake.max_upload_size)
        arrival.start, arrival.stop = offset, offset + most
        arrival.is_open = size is None and live.session.length is None

        def clashing(other: Arrival) -> bool:
            overlaps = other.start < arrival.stop and arrival.start < other.stop
            return sequential or overlaps

        await self.supersede(live, rank, clashing)
        # From here on without a wait, so that nobody comes between.
        session = live.session
        if not session.state.takes_bytes:
            raise over(session)
        if live.closing:
            raise Unavailable("the upload is being finished", retry_after=1)
        if sequential and offset != session.offset:
            raise OffsetWrong(
                f"the upload goes on at {session.offset}, not {offset}", offset=session.offset
            )
        if live.interrupted:
            live.interrupted = False
            self.table.events.tell(UploadResumed())
        live.arrivals.add(arrival)

    async def _check_again(self, live: Live, place: str) -> None:
        session = live.session
        if not session.state.takes_bytes:
            return
        if self.limits.moved(session, place) is not session:
            await live.keep(lambda session: self.limits.moved(session, place))
        try:
            self.limits.check_retries(session)
        except RetriesExhausted as refusal:
            await self.endings.fail(session.id, refusal)
            raise
