"""Taking stored files away, for good."""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen
from twisted.internet.defer import Deferred

from hmacfs.auth.permit import Permit, Scope
from hmacfs.base.errors import NotCovered, Unknown
from hmacfs.base.events import Events, FileRemoved
from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.blobs.interfaces import Blobs
from hmacfs.flow.pending import Pending
from hmacfs.flow.pools import shielded
from hmacfs.flow.turns import Turns
from hmacfs.library.lookup import Lookup
from hmacfs.library.versions import remove_versions
from hmacfs.stores.interfaces import Index

DELETED = "deleted"
"""The reason on the tombstones of files that somebody deleted."""


@frozen
class Removal:
    """
    Deletes files, and leaves tombstones.

    :param turns: those of the intake, so that no upload of the name is under way.
    :param pending: counts what must end before the storage may be closed.
    :param events: is told of each file.
    :param now: tells seconds since the epoch.
    """

    lookup: Lookup
    index: Index
    blobs: Blobs
    turns: Turns
    now: Callable[[], float]
    pending: Pending = field(factory=Pending)
    events: Events = field(factory=Events)

    async def delete(self, name: StoredName, permit: Permit) -> StoredFile:
        """
        Delete a file; it is gone when this returns, and tell what it was.

        Once begun it is done, whether somebody waits for it or not.

        :raises ScopeMissing: if nothing may be deleted with the permit.
        :raises NotCovered: if it is for another file.
        :raises Unknown: if there is no such file, or it is somebody else's.
        :raises Gone: if there was one.
        """
        # First of all: who may not delete is not told what there is.
        if Scope.ADMIN not in permit.scopes:
            permit.require(Scope.DELETE)
        permit.check_name(name)
        return await shielded(Deferred.fromCoroutine(self._delete(name, permit)))

    async def _delete(self, name: StoredName, permit: Permit) -> StoredFile:
        with self.pending:
            async with self.turns.of(name):
                file = await self.lookup.find(name)
                try:
                    permit.check_delete(file.owner)
                except NotCovered:
                    raise Unknown("there is no such file") from None
                # In this order: a crash in between leaves a file, or bytes that nobody can see,
                # and nothing that counts for somebody who could not delete it any more.
                await remove_versions(self.index, self.blobs, name, self.events, DELETED)
                await self.index.bury(Tombstone(name, self.now(), DELETED))
                await self.blobs.remove(name)
                self.events.tell(FileRemoved(file, DELETED))
                return file
