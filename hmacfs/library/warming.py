"""Reading the index, and what the system knows of new files, before somebody asks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from attrs import field, frozen
from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger

from hmacfs.base.values import StoredFile
from hmacfs.blobs.interfaces import Blobs, StorageFailed
from hmacfs.stores.interfaces import Index

PAGE: Final = 500
"""Rows to read at once."""

RECENT: Final = 7 * 86400.0
"""Seconds after its upload for which a file is likely to be fetched."""


@frozen
class Warming:
    """
    Reads what the first requests will need, so that the system has it in memory.

    :param at_once: files to look at together.
    :param now: tells seconds since the epoch.
    """

    index: Index
    blobs: Blobs
    at_once: int
    now: Callable[[], float]
    log: Logger = field(factory=Logger)

    async def run(self, goes_on: Callable[[], bool]) -> int:
        """
        Read all rows, and open the files of the last days; tell how many rows there were.

        :param goes_on: is asked between pages.
        """
        count = 0
        start = ""
        while goes_on() and (page := await self.index.page(start, PAGE)):
            count += len(page)
            start = f"{page[-1].name}\0"
        after = (self.now() - RECENT, "")
        while goes_on() and (recent := await self.index.oldest(after, self.at_once)):
            await self._look(recent)
            after = (recent[-1].uploaded_at, str(recent[-1].name))
        self.log.info("read {count} rows of the index ahead", count=count)
        return count

    async def _look(self, files: Sequence[StoredFile]) -> None:
        looks = [Deferred.fromCoroutine(self._open(file)) for file in files]
        await DeferredList(looks, fireOnOneErrback=False, consumeErrors=True)

    async def _open(self, file: StoredFile) -> None:
        try:
            blob = await self.blobs.open(file.name)
        except StorageFailed:
            # Whoever asks for it will be told.
            return
        if blob is not None:
            await blob.lane.run(blob.close)
