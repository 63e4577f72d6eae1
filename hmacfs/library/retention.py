"""
Deleting what has had its time, led by the index: no walk through the files.

A page of files at a time is looked at, so that a million take no more memory
than a hundred.  Each file is deleted only if it still is what was looked at,
which makes this safe beside those who upload, delete, or do the same.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from enum import Enum
from pathlib import Path
from typing import Any

from attrs import field, frozen
from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger

from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.flow.pools import Pool
from hmacfs.library import journal, report
from hmacfs.library.disposal import Disposal
from hmacfs.library.journal import Journal
from hmacfs.library.report import Deletion
from hmacfs.stores.interfaces import BEGINNING, Index, Moment

PAGE = 100
"""Files that are looked at, and deleted, at once."""


class Reason(Enum):
    """Why a file is due."""

    EXPIRED = "expired"
    AGE = "age"
    SIZE = "size"


@frozen
class Terms:
    """
    What may stay.

    :ivar max_age: seconds after its upload at which a file goes, or ``None``.
    :ivar max_size: bytes that all files together may have, or 0.
    """

    max_age: float | None = None
    max_size: int = 0


@frozen
class Due:
    """A file that has had its time."""

    file: StoredFile
    reason: Reason


@frozen
class Schedule:
    """
    Tells which files are due.

    :param now: tells seconds since the epoch.
    """

    index: Index
    terms: Terms
    now: Callable[[], float]

    async def pages(self) -> AsyncGenerator[list[Due], None]:
        """
        Tell what is due, some files at a time.

        Who takes each page and deletes what is in it may go on taking; so may
        who only looks.
        """
        now = self.now()
        expiring = _told(lambda after: self.index.expiring(after, PAGE), _expiry)
        async with aclosing(expiring):
            async for files in expiring:
                due = [Due(file, Reason.EXPIRED) for file in files if file.expired(now)]
                yield due
                if len(due) < len(files):
                    break
        async with aclosing(self._by_upload(now)) as pages:
            async for due in pages:
                yield due

    async def _by_upload(self, now: float) -> AsyncGenerator[list[Due], None]:
        max_age = self.terms.max_age
        excess = await self._excess(now)
        if max_age is None and excess <= 0:
            return
        oldest = _told(lambda after: self.index.oldest(after, PAGE), _upload)
        async with aclosing(oldest):
            async for files in oldest:
                page = []
                for file in files:
                    if file.expired(now):
                        # Its turn was before, and its bytes are not counted any more.
                        continue
                    if max_age is not None and file.uploaded_at + max_age <= now:
                        page.append(Due(file, Reason.AGE))
                    elif excess > 0:
                        page.append(Due(file, Reason.SIZE))
                    else:
                        yield page
                        return
                    excess -= file.size
                yield page

    async def _excess(self, now: float) -> int:
        if not self.terms.max_size:
            return 0
        left = await self.index.total() - self.terms.max_size
        # For those who only look, what has expired is still there.
        expiring = _told(lambda after: self.index.expiring(after, PAGE), _expiry)
        async with aclosing(expiring):
            async for files in expiring:
                sizes = [file.size for file in files if file.expired(now)]
                left -= sum(sizes)
                if len(sizes) < len(files):
                    break
        return left


async def _told(
    ask: Callable[[Moment], Awaitable[Sequence[StoredFile]]],
    moment: Callable[[StoredFile], float],
) -> AsyncGenerator[Sequence[StoredFile], None]:
    after = BEGINNING
    while files := await ask(after):
        yield files
        after = (moment(files[-1]), str(files[-1].name))


def _expiry(file: StoredFile) -> float:
    return file.uploaded_at if file.expires_at is None else file.expires_at


def _upload(file: StoredFile) -> float:
    return file.uploaded_at


@frozen
class Retention:
    """
    Deletes what is due.

    :param journal_path: where is noted what is being deleted.
    :param report_path: where deletions are told, if they are.
    :param tombstone_age: seconds for which a deleted name stays taken.
    :param pool: where files are written.
    """

    disposal: Disposal
    schedule: Schedule
    journal_path: Path
    report_path: Path | None
    tombstone_age: float
    pool: Pool
    now: Callable[[], float]
    log: Logger = field(factory=Logger)

    async def run(
        self,
        goes_on: Callable[[], bool] = lambda: True,
        told: Callable[[Deletion], object] = lambda _: None,
    ) -> int:
        """
        Delete what is due, and tell how many files that were.

        :param goes_on: is asked after each page.
        :param told: is called with each deletion.
        :raises StorageFailed: if the report cannot be written, and then nothing
            is deleted.
        :raises Busy: if somebody else is deleting.
        :raises StoreFailed: if the index cannot be asked.
        """
        if self.report_path is not None:
            await self.pool.run(report.check, self.report_path)
        noted = await self.pool.run(journal.held, self.journal_path)
        try:
            await self._finish(noted)
            count = size = 0
            async with aclosing(self.schedule.pages()) as pages:
                async for due in pages:
                    for deletion in await self._delete(due, noted):
                        count += 1
                        size += deletion.file.size
                        told(deletion)
                    if not goes_on():
                        break
            await self.disposal.index.clear_tombstones(self.now() - self.tombstone_age)
        finally:
            await self.pool.run(noted.close)
        if count:
            self.log.info("retention deleted {count} files of {size} bytes", count=count, size=size)
        return count

    async def _finish(self, noted: Journal) -> None:
        # What a crash has left: rows are gone, bytes may be there.
        for name in await self.pool.run(noted.left):
            known = await self.disposal.index.find(name)
            if isinstance(known, Tombstone) and self.now() - known.buried_at < self.tombstone_age:
                await self.disposal.finish(name)
            elif known is None and name.is_version:
                await self.disposal.blobs.remove(name)
        await self.pool.run(noted.end)

    async def _delete(self, due: Sequence[Due], noted: Journal) -> list[Deletion]:
        if not due:
            return []
        await self.pool.run(noted.begin, [each.file.name for each in due])
        begun = [Deferred.fromCoroutine(self._dispose(each)) for each in due]
        # All of them end before anything else is done, also when one fails.
        outcomes: list[tuple[bool, Any]] = await DeferredList(begun, consumeErrors=True)
        deletions = [result for done, result in outcomes if done and result is not None]
        if self.report_path is not None:
            await self.pool.run(report.append, self.report_path, deletions)
        for done, result in outcomes:
            if not done:
                result.raiseException()
        await self.pool.run(noted.end)
        return deletions

    async def _dispose(self, due: Due) -> Deletion | None:
        at = self.now()
        if not await self.disposal.dispose(due.file, due.reason.value):
            return None
        return Deletion(due.file, at, due.reason.value)
