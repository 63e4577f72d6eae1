"""Taking files away by order of who runs the server, whoever uploaded them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable

from attrs import field, frozen

from hmacfs.base.errors import Gone, Unknown
from hmacfs.base.events import Events, FileRemoved
from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.blobs.interfaces import Blobs
from hmacfs.library.versions import remove_version, remove_versions
from hmacfs.stores.interfaces import Index

TAKEN_DOWN = "taken-down"
"""The reason on the tombstones."""

STEP = 100
"""Files to ask for at once."""


@frozen
class Takedown:
    """
    Removes files, durably, and leaves tombstones.

    It is safe beside a running server.

    :param now: tells seconds since the epoch.
    :param events: is told of each file.
    """

    index: Index
    blobs: Blobs
    now: Callable[[], float]
    events: Events = field(factory=Events)

    async def remove(self, name: StoredName) -> StoredFile | None:
        """
        Remove a file, and tell what it was, if that was known.

        :raises Gone: if it was removed before, and nothing is left of it.
        :raises Unknown: if there never was one.
        """
        if not await self._has_bytes(name):
            known = await self.index.find(name)
            if isinstance(known, Tombstone):
                raise Gone(f"this file was {known.reason}")
            if known is None:
                raise Unknown("there is no such file")
        return await self._remove(name)

    async def remove_digest(self, sha256: bytes) -> AsyncGenerator[StoredFile, None]:
        """Remove every file of these bytes, and tell each."""
        while files := await self.index.with_digest(sha256, STEP):
            for file in files:
                await self._remove(file.name)
                yield file

    async def block(self, sha256: bytes) -> None:
        """Take no file of these bytes from now on."""
        await self.index.block(sha256, self.now())

    async def _remove(self, name: StoredName) -> StoredFile | None:
        if name.is_version:
            return await self._remove_version(name)
        # In this order: a crash in between leaves a file, or bytes that nobody can see;
        # the same command removes both when it is given again.
        await remove_versions(self.index, self.blobs, name, self.events, TAKEN_DOWN)
        file = await self.index.bury(Tombstone(name, self.now(), TAKEN_DOWN))
        await self.blobs.remove(name)
        if file is not None:
            self.events.tell(FileRemoved(file, TAKEN_DOWN))
        return file

    async def _remove_version(self, name: StoredName) -> StoredFile | None:
        # Nobody can upload to its name, so none has to be kept from it.
        file = await self.index.find(name)
        if not isinstance(file, StoredFile):
            return None
        await remove_version(self.index, self.blobs, file, self.events, TAKEN_DOWN)
        return file

    async def _has_bytes(self, name: StoredName) -> bool:
        blob = await self.blobs.open(name)
        if blob is None:
            return False
        await blob.lane.run(blob.close)
        return True
