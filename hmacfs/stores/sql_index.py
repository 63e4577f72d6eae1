"""The index in a SQL database, whichever it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from twisted.internet.defer import Deferred

from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.stores import rows
from hmacfs.stores.database import Work
from hmacfs.stores.interfaces import Block, Moment, StoreFull
from hmacfs.stores.pair import Pair

T = TypeVar("T")
Relieve = Callable[[], Awaitable[bool]]


class SqlIndex:
    """
    An :class:`~hmacfs.stores.interfaces.Index` in a database.

    Writes that wait at the same time share one transaction, and reads have a
    connection of their own, so that they never wait for the disk to write.
    A read sees every write whose result fired before it was asked for.
    Cancelling a result only stops the waiting: what was asked for is done.

    When a write fails because the disk or the connection does, whether it is
    kept is only known when it is asked for again.

    :param relieve: makes room where there is none for a deletion, and tells whether it did.
    """

    def __init__(self, pair: Pair, relieve: Relieve | None = None) -> None:
        self._pair = pair
        self._relieve = relieve

    def start(self) -> Deferred[None]:
        """
        Open the database; make or upgrade its tables if need be.

        Fails with :class:`~hmacfs.stores.interfaces.StoreFailed` if that cannot be done.
        """
        return Deferred.fromCoroutine(self._pair.start())

    def find(self, name: StoredName) -> Deferred[StoredFile | Tombstone | None]:
        """Tell the file of this name, or that it had one, or ``None``."""
        return self._pair.read(partial(rows.find, name=name))

    def add(self, file: StoredFile) -> Deferred[None]:
        """Record a file, in place of what was known of its name.  Durable when it fires."""
        return self._pair.write(partial(rows.add, file=file))

    def bury(self, tombstone: Tombstone) -> Deferred[StoredFile | None]:
        """Put a tombstone in the place of what was known of its name, and tell what file it was."""
        return self._deleting(partial(rows.bury, tombstone=tombstone))

    def amend(
        self, before: StoredFile | None, after: StoredFile | Tombstone | None
    ) -> Deferred[bool]:
        """Put ``after`` in the place of ``before``, if that is known; tell whether.  Durable."""
        work = partial(rows.amend, before=before, after=after)
        return self._pair.write(work) if isinstance(after, StoredFile) else self._deleting(work)

    def _deleting(self, work: Work[T]) -> Deferred[T]:
        return Deferred.fromCoroutine(self._deleted(work))

    async def _deleted(self, work: Work[T]) -> T:
        try:
            return await self._pair.write(work)
        except StoreFull:
            # What makes room in the end must not fail for the little that it takes.
            if self._relieve is None or not await self._relieve():
                raise
            return await self._pair.write(work)

    def page(self, start: str, limit: int) -> Deferred[list[StoredFile]]:
        """Tell the files from ``start`` on, in the order of their names, at most ``limit``."""
        return self._pair.read(partial(rows.page, start=start, limit=limit))

    def with_digest(self, sha256: bytes, limit: int) -> Deferred[list[StoredFile]]:
        """Tell the first files of these bytes, in the order of their names, at most ``limit``."""
        return self._pair.read(partial(rows.with_digest, sha256=sha256, limit=limit))

    def block(self, sha256: bytes, at: float) -> Deferred[None]:
        """Take no file of these bytes from now on.  Durable when it fires."""
        return self._pair.write(partial(rows.block, sha256=sha256, at=at))

    def oldest(
        self, after: Moment, limit: int, owner: str | None = None
    ) -> Deferred[list[StoredFile]]:
        """Tell the files that were uploaded after a moment, the oldest first."""
        return self._pair.read(partial(rows.oldest, after=after, limit=limit, owner=owner))

    def expiring(self, after: Moment, limit: int) -> Deferred[list[StoredFile]]:
        """Tell the files that expire, from a moment on, those that do first."""
        return self._pair.read(partial(rows.expiring, after=after, limit=limit))

    def total(self) -> Deferred[int]:
        """Tell how many bytes all files have together."""
        return self._pair.read(rows.total)

    def used_by(self, owner: str, since: float | None = None) -> Deferred[int]:
        """Tell how many bytes the files of this owner have together."""
        return self._pair.read(partial(rows.used_by, owner=owner, since=since))

    def clear_tombstones(self, before: float) -> Deferred[int]:
        """Forget tombstones older than ``before`` (seconds since the epoch); tell how many."""
        return self._pair.write(partial(rows.clear_tombstones, before=before))

    def buried(self, start: str, limit: int) -> Deferred[list[Tombstone]]:
        """Tell the tombstones from ``start`` on, in the order of their names, so many."""
        return self._pair.read(partial(rows.buried, start=start, limit=limit))

    def blocked(self, after: bytes, limit: int) -> Deferred[list[Block]]:
        """Tell the bytes that are not taken whose digest is after this, in order, so many."""
        return self._pair.read(partial(rows.blocked, after=after, limit=limit))

    def close(self) -> Deferred[None]:
        """Do what was asked for, and let go of the database."""
        return self._pair.close()
