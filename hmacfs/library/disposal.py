"""Deleting a file that nobody asked to be deleted: only if it still is what was looked at."""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen
from twisted.logger import Logger

from hmacfs.base.events import Events, FileRemoved
from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.blobs.interfaces import Blobs, StorageFailed
from hmacfs.flow.turns import Turns
from hmacfs.library.versions import remove_version, remove_versions
from hmacfs.stores.interfaces import Index

EXPIRED = "expired"
"""The reason on the tombstones."""


@frozen
class Disposal:
    """
    Deletes files, and leaves tombstones.

    :param turns: those of the intake, where there is one in this process.
    :param events: is told of each file.
    """

    index: Index
    blobs: Blobs
    now: Callable[[], float]
    turns: Turns = field(factory=Turns)
    events: Events = field(factory=Events)
    log: Logger = field(factory=Logger)

    async def dispose(self, file: StoredFile, reason: str) -> bool:
        """
        Delete a file, and tell whether that was done: not if it is another by now.

        A crash in between leaves bytes that nobody can see.

        :param reason: why, for those who listen.
        """
        async with self.turns.of(file.name):
            try:
                return await self._dispose(file, reason)
            except StorageFailed as error:
                self.log.error("cannot free {name}: {error}", name=str(file.name), error=error)
                return False

    async def _dispose(self, file: StoredFile, reason: str) -> bool:
        if file.name.is_version:
            return await remove_version(self.index, self.blobs, file, self.events, reason)
        if await self.index.find(file.name) != file:
            return False
        # Before the file: a crash in between leaves none of them that has no file any more.
        await remove_versions(self.index, self.blobs, file.name, self.events, reason)
        if not await self.index.amend(file, Tombstone(file.name, self.now(), EXPIRED)):
            return False
        try:
            await self.blobs.remove(file.name)
        except StorageFailed as error:
            # Nobody can fetch it any more; `reindex` tells of its bytes.
            self.log.error("cannot free {name}: {error}", name=str(file.name), error=error)
        self.events.tell(FileRemoved(file, reason))
        return True

    async def finish(self, name: StoredName) -> None:
        """Free what a crash has left of a file that has its tombstone."""
        async with self.turns.of(name):
            await self.blobs.remove(name)
            await remove_versions(self.index, self.blobs, name, self.events, EXPIRED)
