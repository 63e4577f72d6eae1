"""Older versions go with their file, and what a crash left of some goes by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hmacfs.base.events import Events, FileRemoved
from hmacfs.base.names import VERSIONS, StoredName
from hmacfs.base.values import StoredFile
from hmacfs.blobs.interfaces import Blobs
from hmacfs.stores.interfaces import PAGE, Index, versions_of

ALIKE: Final = 20
"""Files of one moment to look at."""


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


async def clear_versions(
    index: Index, blobs: Blobs, before: float, goes_on: Callable[[], bool]
) -> int:
    """
    Remove the versions of files that a crash kept from being replaced; tell how many.

    They would count for their owner beside the file itself.

    :param before: seconds since the epoch; what was kept later may be under way.
    :param goes_on: is asked between pages.
    """
    count = 0
    start = "/".join((*VERSIONS, ""))
    while goes_on() and (page := await index.page(start, PAGE)):
        for row in page:
            if not row.name.is_version:
                return count
            if row.name.kept_at < before and await _is_file_still(index, blobs, row):
                await blobs.remove(row.name)
                count += await index.amend(row, None)
        start = f"{page[-1].name}\0"
    return count


async def _is_file_still(index: Index, blobs: Blobs, version: StoredFile) -> bool:
    # A file has another time than each of its versions.
    for file in await index.oldest((version.uploaded_at, ""), ALIKE, version.owner):
        facts = (file.uploaded_at, file.sha256)
        is_of = str(version.name).startswith(file.name.versions)
        if is_of and facts == (version.uploaded_at, version.sha256):
            blob = await blobs.open(file.name)
            if blob is not None:
                await blob.lane.run(blob.close)
            return blob is not None
    return False
