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
from hmacfs.library.versions import remove_versions
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
            # Nobody can upload to the name of a version, so none has to be kept from it.
            grave = None if file.name.is_version else Tombstone(file.name, self.now(), EXPIRED)
            if not await self.index.amend(file, grave):
                return False
            try:
                await self.blobs.remove(file.name)
                if grave is not None:
                    await remove_versions(self.index, self.blobs, file.name, self.events, reason)
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
