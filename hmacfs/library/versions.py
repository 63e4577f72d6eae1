"""Older versions go with their file."""

from __future__ import annotations

from hmacfs.base.events import Events, FileRemoved
from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile
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
        await remove_version(index, blobs, version, events, reason)


async def remove_version(
    index: Index, blobs: Blobs, version: StoredFile, events: Events, reason: str
) -> bool:
    """
    Remove a version for good, and tell whether it was there.

    :param events: is told of it, with the reason.
    """
    # In this order: nobody can upload to its name, and the row leads to the bytes.
    await blobs.remove(version.name)
    if not await index.amend(version, None):
        return False
    events.tell(FileRemoved(version, reason))
    return True
