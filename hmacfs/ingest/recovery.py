"""The start-up sweep: finish or undo what a crash cut short."""

from __future__ import annotations

from attrs import field, frozen
from twisted.logger import Logger

from hmacfs.base.errors import ContentBlocked
from hmacfs.base.values import StoredFile
from hmacfs.blobs.interfaces import Blobs
from hmacfs.ingest import intent
from hmacfs.stores.interfaces import Index


@frozen
class Recovery:
    """Brings the storage and the index to agree before the first request."""

    blobs: Blobs
    index: Index
    log: Logger = field(factory=Logger)

    async def run(self) -> int:
        """
        Sweep, and tell how many uploads were finished.

        A stage that was never published is cleared.  One that was published
        before its index row was written is complete on the disk, so the row is
        written now from the facts kept with it.
        """
        finished = 0
        for leftover in await self.blobs.leftovers():
            if leftover.intent is not None:
                try:
                    file = intent.decode(leftover.intent)
                except ValueError as error:
                    self.log.error("a staged file has unreadable facts: {error}", error=error)
                else:
                    blob = await self.blobs.open(file.name)
                    if blob is not None:
                        await blob.lane.run(blob.close)
                        finished += await self._finish(file)
            await self.blobs.forget(leftover)
        return finished

    async def _finish(self, file: StoredFile) -> bool:
        try:
            await self.index.add(file)
        except ContentBlocked:
            await self.blobs.remove(file.name)
            self.log.info("took back {name}: its bytes are blocked", name=str(file.name))
            return False
        self.log.info("finished the upload of {name}", name=str(file.name))
        return True
