"""Hidden files whose names nothing tells any more (``file_naming = "HMAC"``)."""

from __future__ import annotations

import os
from collections.abc import Iterator

from hmacfs.base.names import OBJECTS, StoredName
from hmacfs.blobs.interfaces import Found
from hmacfs.blobs.local import INTENT_ATTRIBUTE
from hmacfs.blobs.packed import PackedBlobs
from hmacfs.blobs.tree import storage_errors
from hmacfs.blobs.walk import walk
from hmacfs.ingest.reindex import rows
from hmacfs.stores.interfaces import Index


async def nameless(blobs: PackedBlobs, index: Index) -> list[StoredName]:
    """
    Tell where those lie that no name in the index leads to; blocks.

    It takes some 200 bytes of memory for each hidden file.

    :raises StorageFailed: if they cannot be looked through.
    """
    with storage_errors("look through the hidden files"):
        # Before the rows, for each file of a server that goes on has one by then.
        hidden = set(_settled(blobs))
        if hidden:
            async for row in rows(index):
                hidden.discard(blobs.place(row.name))
    return sorted(hidden, key=str)


def _settled(blobs: PackedBlobs) -> Iterator[StoredName]:
    directory = blobs.internal_path / OBJECTS[-1]
    if not directory.is_dir():
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        for found in walk(descriptor, INTENT_ATTRIBUTE):
            # Of an upload that is being recorded the row is still to come.
            if isinstance(found, Found) and found.intent is None:
                yield StoredName((*OBJECTS, *found.name.segments))
    finally:
        os.close(descriptor)
