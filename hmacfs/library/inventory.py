"""What whoever runs the server asks of the stored files, and does with them."""

from __future__ import annotations

from attrs import frozen
from twisted.internet.defer import Deferred

from hmacfs.base.errors import Gone, Unknown
from hmacfs.base.events import Events, administering
from hmacfs.base.moments import rfc3339
from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.blobs.interfaces import Blobs, StorageFailed
from hmacfs.flow.pending import Pending
from hmacfs.flow.pools import shielded
from hmacfs.flow.turns import Turns
from hmacfs.library.takedown import Takedown
from hmacfs.stores.interfaces import Index, Survey


@frozen
class Inventory:
    """
    All stored files.

    :param takedown: removes files.
    :param turns: those of the intake, so that no upload of the name is under way.
    :param pending: counts what must end before the storage may be closed.
    :param events: is told what was done.
    """

    index: Index
    survey: Survey
    blobs: Blobs
    takedown: Takedown
    turns: Turns
    pending: Pending
    events: Events

    async def find(self, name: StoredName) -> StoredFile:
        """
        Tell what is known of a file, be it expired.

        :raises Unknown: if nothing is.
        :raises Gone: if there was one.
        """
        known = await self.index.find(name)
        if isinstance(known, Tombstone):
            raise Gone(f"this file was {known.reason} at {rfc3339(known.buried_at)}")
        if known is None:
            raise Unknown("there is no such file")
        return known

    async def take_down(self, name: StoredName) -> None:
        """
        Remove a file and its older versions, whoever uploaded it.

        Once begun it is done, whether somebody waits for it or not.

        :raises Unknown: if there never was one.
        :raises Gone: if it was removed before, and nothing is left of it.
        """
        await shielded(Deferred.fromCoroutine(self._take_down(name)))

    async def _take_down(self, name: StoredName) -> None:
        with self.pending, administering(self.events, "rm", str(name)):
            async with self.turns.of(name):
                await self.takedown.remove(name)

    async def free_bytes(self) -> int | None:
        """Tell how many bytes there is room for, if the storage tells."""
        try:
            return await self.blobs.free_bytes()
        except StorageFailed:
            return None
