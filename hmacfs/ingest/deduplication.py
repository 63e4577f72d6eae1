"""Equal files have their bytes together: as they come, and those that were there before."""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen
from twisted.logger import Logger

from hmacfs.base.events import Events, FileShared
from hmacfs.base.values import StoredFile
from hmacfs.blobs.interfaces import Blobs, StorageFailed, StorageFull
from hmacfs.flow.turns import Turns
from hmacfs.stores.interfaces import Index

PAGE = 500
"""Rows to read at once."""

log = Logger()


async def deduplicated(blobs: Blobs, file: StoredFile, events: Events) -> int:
    """
    Let a stored file have its bytes together with equal ones; tell how many that saves.

    It has to be what has its name now, for others would be kept as these bytes.
    That it fails does no harm to the file, and is logged.
    """
    if file.size == 0:
        return 0
    try:
        saved = await blobs.deduplicate(file.name, file.sha256)
    except (StorageFailed, StorageFull) as error:
        log.error("{name} keeps bytes of its own: {error}", name=str(file.name), error=error)
        return 0
    if saved:
        events.tell(FileShared(saved))
    return saved


@frozen
class Deduplication:
    """
    Looks through all files for equal ones.  Safe beside a running server.

    :param turns: those of the intake.
    :param progress: is called for each file.
    """

    index: Index
    blobs: Blobs
    turns: Turns = field(factory=Turns)
    events: Events = field(factory=Events)
    progress: Callable[[], object] = field(default=lambda: None)

    async def run(self) -> tuple[int, int]:
        """Tell how many files gave up bytes of their own, and how many bytes these were."""
        files = saved = 0
        start = ""
        while rows := await self.index.page(start, PAGE):
            for row in rows:
                async with self.turns.of(row.name):
                    freed = await self._deduplicated(row)
                files += freed > 0
                saved += freed
                self.progress()
            # Names have no control characters: nothing is between the two.
            start = f"{rows[-1].name}\0"
        return files, saved

    async def _deduplicated(self, row: StoredFile) -> int:
        # It may have been replaced since its page was read.
        if await self.index.find(row.name) != row:
            return 0
        return await deduplicated(self.blobs, row, self.events)
