"""Older versions of files: kept when a file is replaced, a few of each."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from attrs import evolve, field, frozen
from twisted.logger import Logger

from hmacfs.base.events import Events, FileRemoved
from hmacfs.base.values import StoredFile
from hmacfs.blobs.interfaces import Blobs, StorageFailed
from hmacfs.flow.turns import Turns
from hmacfs.stores.interfaces import Index, StoreFailed, versions_of

SUPERSEDED = "superseded"
"""The reason that is told of versions beyond those to keep."""

log = Logger()


@frozen
class Versions:
    """
    Keeps what files were before.

    A version is a file of its own, whose name nobody can ask for, with a row of
    its own: it counts for its owner's quota, and goes with its bytes when these
    are taken down.

    :param most: how many are kept of each file beside the present one.
    :param now: tells seconds since the epoch.
    :param exchanges: keeps those who read a name from seeing one file half in the
        place of another.
    :param events: is told of each version that goes.
    """

    index: Index
    blobs: Blobs
    most: int
    now: Callable[[], float]
    exchanges: Turns = field(factory=Turns)
    events: Events = field(factory=Events)

    async def keep(self, file: StoredFile) -> StoredFile:
        """
        Give the bytes of a file, which is about to be replaced, a name as a version.

        :raises StoreFailed: if it cannot be recorded; nothing was changed.
        :raises StorageFailed: if it cannot be kept.
        """
        version = evolve(file, name=file.name.next_version(self.now()))
        # In this order: a crash in between leaves a row, which the next start removes;
        # bytes without a row would stay for ever.
        await self.index.add(version)
        try:
            if not await self.blobs.link(file.name, version.name):
                raise StorageFailed(f"cannot keep a version of {file.name}: it is not there")
        except BaseException:
            await self.index.amend(version, None)
            raise
        return version

    async def forget(self, version: StoredFile) -> None:
        """Remove a version for good."""
        # In this order: a crash in between leaves a row, which goes with the next version.
        await self.blobs.remove(version.name)
        await self.index.amend(version, None)

    async def put_back(self, version: StoredFile, file: StoredFile) -> None:
        """Let a file be what it was when a version of it was kept, which is the last thing done."""
        with suppress(StoreFailed):
            await self.index.amend(version, None)
        await self.blobs.rename(version.name, file.name)

    async def prune(self, file: StoredFile) -> None:
        """Remove the oldest versions beyond those to keep; that it fails is logged."""
        try:
            kept = await versions_of(self.index, file.name)
            for version in kept[: max(0, len(kept) - self.most)]:
                await self.forget(version)
                self.events.tell(FileRemoved(version, SUPERSEDED))
        except (StoreFailed, StorageFailed) as error:
            log.error("too many versions of {name}: {error}", name=str(file.name), error=error)
