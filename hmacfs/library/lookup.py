"""Finding a stored file by its name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext

from attrs import evolve, frozen
from twisted.logger import Logger

from hmacfs.base.errors import Gone, Unknown, Unreadable
from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.blobs.interfaces import Blobs, OpenBlob, StorageFailed
from hmacfs.flow.turns import Turns
from hmacfs.stores.interfaces import Index, versions_of

log = Logger()


@frozen
class Reading:
    """A file, and its bytes, open."""

    file: StoredFile
    blob: OpenBlob


@frozen
class Lookup:
    """
    Finds files that may be seen.

    :param tombstone_age: seconds for which a deleted file is told from one
        that never was.
    :param now: tells seconds since the epoch.
    :param max_age: seconds after its upload at which every file is gone, or ``None``.
    :param exchanges: whose turn it is to put one file in the place of another, if any ever is.
    :param whole: bytes up to which a file is read at once.
    """

    index: Index
    blobs: Blobs
    tombstone_age: float
    now: Callable[[], float]
    max_age: float | None = None
    exchanges: Turns | None = None
    whole: int = 0

    async def find(self, name: StoredName) -> StoredFile:
        """
        Tell the facts of a file; when it expires is the earliest moment that applies.

        :raises Unknown: if there is none.
        :raises Gone: if there was one.
        """
        known = await self.index.find(name)
        if isinstance(known, StoredFile):
            return self.seen(known)
        if isinstance(known, Tombstone) and self.now() - known.buried_at < self.tombstone_age:
            raise Gone(f"this file was {known.reason}")
        raise Unknown("there is no such file")

    def seen(self, file: StoredFile) -> StoredFile:
        """
        Tell the facts of a file that may be fetched.

        :raises Gone: if it has expired.
        """
        file = self._limited(file)
        if file.expired(self.now()):
            raise Gone("this file has expired")
        return file

    async def versions(self, name: StoredName) -> list[StoredFile]:
        """Tell the older versions of a file that can be fetched, the oldest first."""
        kept = [self._limited(version) for version in await versions_of(self.index, name)]
        return [
            version
            for version in kept
            if not version.expired(self.now()) and await self._is_there(version)
        ]

    async def _is_there(self, file: StoredFile) -> bool:
        # After a crash there may be a row whose bytes had not become a version yet.
        try:
            async with self.opened(file):
                return True
        except Unknown:
            return False

    def _limited(self, file: StoredFile) -> StoredFile:
        if self.max_age is None:
            return file
        end = file.uploaded_at + self.max_age
        if file.expires_at is not None and file.expires_at <= end:
            return file
        return evolve(file, expires_at=end)

    @asynccontextmanager
    async def reading(self, name: StoredName) -> AsyncIterator[Reading]:
        """
        Find a file, and hold its bytes open.

        They belong together, also while another file is put in its place.

        :raises Refusal: as :meth:`find` and :meth:`opened` do.
        """
        async with AsyncExitStack() as held:
            # Where no file is ever replaced, readers of one name need not wait for each other.
            async with nullcontext() if self.exchanges is None else self.exchanges.of(name):
                file = await self.find(name)
                blob = await held.enter_async_context(self.opened(file))
            yield Reading(file, blob)

    @asynccontextmanager
    async def opened(self, file: StoredFile) -> AsyncIterator[OpenBlob]:
        """
        Hold open the bytes of a file that was found.

        :raises Unknown: if they are not there, or are not those that were stored.
        :raises Unreadable: if they are there and cannot be read.
        """
        try:
            blob = await self.blobs.open(file.name, self.whole)
        except StorageFailed as error:
            log.error("{error}", error=error)
            raise Unreadable("the file cannot be read; the log of the server says why") from error
        if blob is None:
            raise Unknown("there is no such file")
        try:
            if blob.size != file.size:
                raise Unknown("there is no such file")
            yield blob
        finally:
            await blob.lane.run(blob.close)
