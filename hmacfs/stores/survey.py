"""
Surveys of the index in a SQL database.

They look at many rows, so they have a thread and a connection of their own:
nobody who uploads or downloads waits for them.
"""

from __future__ import annotations

from functools import partial
from typing import TypeVar

from attrs import field, frozen
from twisted.internet.defer import Deferred

from hmacfs.base.survey import Order, Stock, Uploader
from hmacfs.base.values import StoredFile
from hmacfs.stores import survey_rows
from hmacfs.stores.database import Work
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.pair import Deadline
from hmacfs.stores.threads import BatchThread

T = TypeVar("T")


@frozen
class SqlSurvey:
    """
    A :class:`~hmacfs.stores.interfaces.Survey` that sees what was committed before it is asked.

    :param deadline: without one, answers are waited for however long they take.
    """

    _thread: BatchThread
    _deadline: Deadline | None = field(default=None)

    def start(self) -> Deferred[None]:
        """
        Open the database, whose tables are there.

        Fails with :class:`~hmacfs.stores.interfaces.StoreFailed` if that cannot be done.
        """
        return self._thread.start()

    def stock(self) -> Deferred[Stock]:
        """Tell what there is altogether."""
        return self._ask(survey_rows.stock)

    def count(self, owner: str | None = None) -> Deferred[int]:
        """Tell how many files there are, or how many of this owner."""
        return self._ask(partial(survey_rows.count, owner=owner))

    def listed(
        self, order: Order, offset: int, limit: int, owner: str | None = None
    ) -> Deferred[list[StoredFile]]:
        """Tell files in an order, so many after so many, or those of this owner."""
        return self._ask(
            partial(survey_rows.listed, order=order, offset=offset, limit=limit, owner=owner)
        )

    def uploaders(self, offset: int, limit: int) -> Deferred[list[Uploader]]:
        """Tell who has files, in the order of the bytes of their names, so many after so many."""
        return self._ask(partial(survey_rows.uploaders, offset=offset, limit=limit))

    def uploader(self, owner: str) -> Deferred[Uploader | None]:
        """Tell what somebody has, or ``None``."""
        return self._ask(partial(survey_rows.uploader, owner=owner))

    def count_uploaders(self, since: float | None = None) -> Deferred[int]:
        """Tell how many have files, or files uploaded then or later (seconds since the epoch)."""
        return self._ask(partial(survey_rows.count_uploaders, since=since))

    def close(self) -> Deferred[None]:
        """Let go of the database; of one that hangs, when the time is over."""
        closed = self._thread.stop()
        if self._deadline is None:
            return closed
        return self._deadline.limit(closed).addErrback(lambda failure: failure.trap(StoreFailed))

    def _ask(self, work: Work[T]) -> Deferred[T]:
        answer = self._thread.submit(work)
        return answer if self._deadline is None else self._deadline.limit(answer)
