"""The index in a file of SQLite: durable, and shared by the worker processes of one daemon."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorFromThreads

from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.stores import rows
from hmacfs.stores.database import Reader, Writer
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.threads import BatchThread

BUSY_TIMEOUT = 5.0
"""Seconds to wait for a lock that another process holds."""


class SqliteIndex:
    """
    An :class:`~hmacfs.stores.interfaces.Index` in a file.

    Writes that wait at the same time share one transaction, and reads have a
    connection of their own, so that they never wait for the disk to write.
    A read sees every write whose result fired before it was asked for.
    Cancelling a result only stops the waiting: what was asked for is done.

    When a write fails because the disk does, whether it is kept is only known
    when the file is opened again.

    :param path: the file, in a directory that exists, on a local file system.
    :param busy_timeout: seconds to wait for a lock that another process holds.
    """

    def __init__(
        self, path: Path, reactor: IReactorFromThreads, busy_timeout: float = BUSY_TIMEOUT
    ) -> None:
        self._writer = BatchThread(
            reactor, "index writer", partial(Writer.open, path, busy_timeout)
        )
        self._reader = BatchThread(
            reactor, "index reader", partial(Reader.open, path, busy_timeout)
        )

    def start(self) -> Deferred[None]:
        """
        Open the file; make or upgrade it if need be.

        Fails with :class:`~hmacfs.stores.interfaces.StoreFailed` if that cannot be done.
        """
        return Deferred.fromCoroutine(self._start())

    async def _start(self) -> None:
        if self._writer.running:
            raise StoreFailed("the index is open already")
        try:
            # The writer first: it makes the file and brings it to our version.
            await self._writer.start()
            await self._reader.start()
        except BaseException:
            await self.close()
            raise

    def find(self, name: StoredName) -> Deferred[StoredFile | Tombstone | None]:
        """Tell the file of this name, or that it had one, or ``None``."""
        return self._reader.submit(partial(rows.find, name=name))

    def add(self, file: StoredFile) -> Deferred[None]:
        """Record a file, in place of what was known of its name.  Durable when it fires."""
        return self._writer.submit(partial(rows.add, file=file))

    def bury(self, tombstone: Tombstone) -> Deferred[StoredFile | None]:
        """Put a tombstone in the place of what was known of its name, and tell what file it was."""
        return self._writer.submit(partial(rows.bury, tombstone=tombstone))

    def amend(self, before: StoredFile | None, after: StoredFile | None) -> Deferred[bool]:
        """Put ``after`` in the place of ``before``, if that is known; tell whether.  Durable."""
        return self._writer.submit(partial(rows.amend, before=before, after=after))

    def page(self, start: str, limit: int) -> Deferred[list[StoredFile]]:
        """Tell the files from ``start`` on, in the order of their names, at most ``limit``."""
        return self._reader.submit(partial(rows.page, start=start, limit=limit))

    def with_digest(self, sha256: bytes, limit: int) -> Deferred[list[StoredFile]]:
        """Tell the first files of these bytes, in the order of their names, at most ``limit``."""
        return self._reader.submit(partial(rows.with_digest, sha256=sha256, limit=limit))

    def block(self, sha256: bytes, at: float) -> Deferred[None]:
        """Take no file of these bytes from now on.  Durable when it fires."""
        return self._writer.submit(partial(rows.block, sha256=sha256, at=at))

    def used_by(self, owner: str) -> Deferred[int]:
        """Tell how many bytes the files of this owner have together."""
        return self._reader.submit(partial(rows.used_by, owner=owner))

    def clear_tombstones(self, before: float) -> Deferred[int]:
        """Forget tombstones older than ``before`` (seconds since the epoch); tell how many."""
        return self._writer.submit(partial(rows.clear_tombstones, before=before))

    def close(self) -> Deferred[None]:
        """Do what was asked for, move the log into the file, and let go of it."""
        stopped = gatherResults([self._reader.stop(), self._writer.stop()])
        return stopped.addCallback(lambda _: None)
