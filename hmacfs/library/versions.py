"""Older versions go with their file."""

from __future__ import annotations

from hmacfs.base.events import Events, FileRemoved
from hmacfs.base.names import StoredName
from hmacfs.blobs.interfaces import Blobs
from hmacfs.stores.interfaces import Index, versions_of


async def remove_versions(
    index: Index, blobs: Blobs, name: StoredName, events: Events, reason: str
) -> None:
    """
    Remove all older versions of a file, for good.

    :param events: is told of each, with the reason.
    """
    for version in await versions_of(index, name):
        # In this order: a crash in between leaves bytes that nobody can see.
        if await index.amend(version, None):
            await blobs.remove(version.name)
            events.tell(FileRemoved(version, reason))
