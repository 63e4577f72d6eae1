"""Small pictures of stored files: made after their upload or when they are asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.defer import TimeoutError as TooLong
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from hmacfs.base.events import Events, ThumbnailEnded, UploadStored
from hmacfs.base.values import StoredFile
from hmacfs.blobs.interfaces import Blobs, OpenBlob, StorageFailed
from hmacfs.flow.pending import Pending
from hmacfs.flow.pools import Pool, shielded
from hmacfs.library.pictures import Box, NoPicture, Picture, Pictures
from hmacfs.library.shelf import Shelf
from hmacfs.library.shelving import Shelving, can_have
from hmacfs.stores.interfaces import Index, StoreFailed

PATIENCE = 2.0
"""Seconds that a request waits for a picture."""

MOST_WAITING = 1000
"""Files that wait for their pictures; the others are found by the next scan."""

PAGE = 100


@define(eq=False)
class Thumbnails:
    """
    Makes, keeps and finds small pictures, never at the price of an upload.

    :param shelving: takes them away again.
    :param disk: where files are read and written.
    :param makers: where pictures are made; as many threads as processes at once.
    :param pending: counts what must end before the storage may be closed.
    """

    index: Index
    blobs: Blobs
    shelf: Shelf
    shelving: Shelving
    pictures: Pictures
    disk: Pool
    makers: Pool
    clock: IReactorTime
    pending: Pending
    events: Events
    at_once: int = 1
    log: Logger = field(factory=Logger)
    _turns: DeferredSemaphore = field(init=False)
    _making: dict[bytes, Deferred[None]] = field(init=False, factory=dict)
    _stopped: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        """Listen to what happens to files."""
        self._turns = DeferredSemaphore(self.at_once)
        self.events.listen(UploadStored, self._stored)

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopped = True

    async def find(self, file: StoredFile, box: Box) -> Picture | None:
        """
        Tell the picture of a file that fits into a box; ``None`` if there can be none.

        :raises TimeoutError: if it is not made yet.
        """
        if not can_have(file):
            return None
        picture = await self.disk.run(self.shelf.find, file.sha256, box)
        if picture is not None or await self.disk.run(self.shelf.is_none, file.sha256):
            return picture
        making = self.want(file)
        if making is None:
            raise TimeoutError
        try:
            await shielded(_follow(making)).addTimeout(PATIENCE, self.clock)
        except TooLong:
            raise TimeoutError from None
        return await self.disk.run(self.shelf.find, file.sha256, box)

    def want(self, file: StoredFile) -> Deferred[None] | None:
        """Begin to make the pictures of a file, unless too many wait."""
        making = self._making.get(file.sha256)
        if making is not None or self._stopped or len(self._making) >= MOST_WAITING:
            return making
        making = Deferred()
        self._making[file.sha256] = making
        Deferred.fromCoroutine(self._make(file, making))
        return making

    async def scan(self, goes_on: Callable[[], bool]) -> None:
        """Make the pictures that are missing."""
        start = ""
        while goes_on() and (page := await self.index.page(start, PAGE)):
            missing = await self.disk.run(self._missing, list(page))
            for file in missing:
                making = self.want(file)
                if making is not None and goes_on():
                    await _follow(making)
            start = f"{page[-1].name}\0"

    def _missing(self, files: list[StoredFile]) -> list[StoredFile]:
        # On a thread.
        boxes = self.pictures.boxes
        return [
            file for file in files if can_have(file) and not self.shelf.knows(file.sha256, boxes)
        ]

    async def _make(self, file: StoredFile, making: Deferred[None]) -> None:
        code = "made"
        try:
            await self._turns.acquire()
            try:
                if not self._stopped:
                    with self.pending:
                        await self._make_now(file)
            finally:
                self._turns.release()
        except NoPicture as error:
            code = error.code
            self.log.info(
                "no small picture of {name}: {error}", name=str(file.name), error=str(error)
            )
        except (OSError, StorageFailed, StoreFailed) as error:
            code = "failed"
            self.log.error(
                "no small picture of {name}: {error}", name=str(file.name), error=str(error)
            )
        except Exception:
            code = "failed"
            self.log.failure("no small picture of {name}", name=str(file.name))
        finally:
            del self._making[file.sha256]
            self.events.tell(ThumbnailEnded(code))
            making.callback(None)

    async def _make_now(self, file: StoredFile) -> None:
        blob = await self.blobs.open(file.name)
        if blob is None:
            return
        data = await blob.lane.run(_read, blob)
        if await self.disk.run(lambda: hashlib.sha256(data).digest()) != file.sha256:
            # Another file has its name by now.
            return
        try:
            pictures = await self.makers.run(self.pictures.make, data)
        except NoPicture:
            await self.disk.run(self.shelf.put, file.sha256, [])
            raise
        await self.disk.run(self.shelf.put, file.sha256, pictures)
        # It may have gone while its picture was made.
        await self.shelving.forget_unused(file.sha256)

    def _stored(self, event: UploadStored) -> None:
        if event.created and can_have(event.file):
            self.want(event.file)


def _read(blob: OpenBlob) -> bytes:
    # On a thread.
    try:
        pieces = []
        offset = 0
        while data := blob.read_at(offset, 1024 * 1024):
            pieces.append(data)
            offset += len(data)
        return b"".join(pieces)
    finally:
        blob.close()


def _follow(making: Deferred[None]) -> Deferred[None]:
    # Several wait for one: none of them may change or cancel its result.
    follower: Deferred[None] = Deferred()

    def ended(result: None) -> None:
        follower.callback(result)

    making.addCallback(ended)
    return follower
