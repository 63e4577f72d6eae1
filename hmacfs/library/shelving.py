"""Small pictures go with the last file of their bytes, whether any are made or not."""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from hmacfs.base.events import Events, FileRemoved
from hmacfs.base.values import StoredFile
from hmacfs.flow.pending import Pending
from hmacfs.flow.pools import Pool
from hmacfs.library.pictures import MAX_SOURCE, is_pictured
from hmacfs.library.shelf import Shelf
from hmacfs.stores.interfaces import Index, StoreFailed


def can_have(file: StoredFile) -> bool:
    """Tell whether there may be small pictures of a file."""
    return 0 < file.size <= MAX_SOURCE and is_pictured(file.content_type)


@frozen
class Shelving:
    """
    Takes pictures off the shelf that no file has any more.

    :param disk: where that is done.
    :param pending: counts what must end before the index may be closed.
    """

    index: Index
    shelf: Shelf
    disk: Pool
    pending: Pending
    log: Logger = field(factory=Logger)

    def follow(self, events: Events) -> None:
        """Do so from now on as files are removed."""
        events.listen(FileRemoved, self._removed)

    async def forget_unused(self, sha256: bytes) -> None:
        """Take the pictures of these bytes away, if no file has them."""
        if not await self.index.with_digest(sha256, 1):
            await self.disk.run(self.shelf.forget, sha256)

    async def sweep(self, goes_on: Callable[[], bool]) -> None:
        """
        Look through the whole shelf, for what a crash has left there.

        :param goes_on: is asked between folders.
        """
        folders = self.shelf.folders()
        while goes_on() and (known := await self.disk.run(next, folders, None)) is not None:
            for sha256 in known:
                await self.forget_unused(sha256)

    def _removed(self, event: FileRemoved) -> None:
        if can_have(event.file):
            Deferred.fromCoroutine(self._forget(event.file.sha256))

    async def _forget(self, sha256: bytes) -> None:
        try:
            with self.pending:
                await self.forget_unused(sha256)
        except (OSError, StoreFailed) as error:
            # Nobody can fetch it any more, and the next sweep tries again.
            self.log.error("cannot remove a small picture: {error}", error=str(error))
