"""Staged bytes get their name and their row, or the file that was there before stays."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from hmacfs.base.errors import ContentBlocked, NameTaken
from hmacfs.base.events import Events
from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.blobs.interfaces import Blobs, NameExists, OpenBlob, StagedBlob
from hmacfs.flow.pending import Pending
from hmacfs.ingest import intent
from hmacfs.ingest.deduplication import deduplicated
from hmacfs.ingest.versions import Versions
from hmacfs.stores.interfaces import Index, StoreFailed

COMPARE_SIZE = 1024 * 1024
"""Bytes read at once when two files are compared."""

SHARED_AT_ONCE = 16 * 1024 * 1024
"""Bytes of the largest file whose answer waits until equal ones are found and compared."""

log = Logger()


@frozen
class Receipt:
    """The file that an upload led to; ``created`` is false if it was there before."""

    file: StoredFile
    created: bool


def same(known: StoredFile, digest: bytes) -> Receipt:
    """
    Tell of a file that was there before.

    :raises NameTaken: if its bytes are others.
    """
    if known.sha256 != digest:
        raise NameTaken("another file has this name")
    return Receipt(known, created=False)


@frozen
class Publication:
    """
    Makes staged bytes a file, when it is the turn of its name.

    :param versions: what becomes of a file when another is uploaded under its
        name; without it the upload is refused.
    :param tombstone_age: seconds for which a deleted name stays taken.
    :param now: tells seconds since the epoch.
    :param pending: counts what goes on after its answer.
    """

    blobs: Blobs
    index: Index
    events: Events
    pending: Pending
    tombstone_age: float
    now: Callable[[], float]
    versions: Versions | None = None

    async def known(self, name: StoredName) -> StoredFile | None:
        """
        Tell the file of a name, if there is one that can be fetched.

        :raises NameTaken: if there was one lately.
        """
        known = await self.index.find(name)
        if isinstance(known, Tombstone) and self.now() - known.buried_at < self.tombstone_age:
            raise NameTaken(f"a file of this name was {known.reason}")
        if not isinstance(known, StoredFile) or not await self._exists(known):
            return None
        if known.expired(self.now()):
            raise NameTaken("a file of this name has expired")
        return known

    async def publish(self, blob: StagedBlob, file: StoredFile) -> Receipt:
        """
        Make staged bytes the file of a name that is free.

        :raises NameTaken: if it is not.
        :raises ContentBlocked: if these bytes are not taken.
        """
        try:
            await self.blobs.publish(blob, file.name, intent.encode(file))
        except NameExists:
            return await self._lost_race(file)
        try:
            await self.index.add(file)
        except (StoreFailed, ContentBlocked):
            await self.blobs.remove(file.name)
            raise
        await self._share(file)
        return Receipt(file, created=True)

    async def replace(self, blob: StagedBlob, known: StoredFile, file: StoredFile) -> Receipt:
        """
        Make staged bytes the file of a name, whose file becomes a version.

        :raises NameTaken: if no versions are kept.
        :raises ContentBlocked: if these bytes are not taken.
        """
        if self.versions is None:
            raise NameTaken("another file has this name")
        version = await self.versions.keep(known)
        async with self.versions.exchanges.of(file.name):
            await self._exchange(blob, version, known, file, self.versions)
        await self._share(file)
        await self.versions.prune(file)
        return Receipt(file, created=True)

    async def _share(self, file: StoredFile) -> None:
        if file.size <= SHARED_AT_ONCE:
            await deduplicated(self.blobs, file, self.events)
        else:
            Deferred.fromCoroutine(self._share_later(file)).addErrback(
                lambda failure: log.failure("{name} shares no bytes", failure, name=str(file.name))
            )

    async def _share_later(self, file: StoredFile) -> None:
        with self.pending:
            try:
                # It may be replaced as soon as its upload is answered.
                is_there = await self.index.find(file.name) == file
            except StoreFailed as error:
                log.error("{name} shares no bytes: {error}", name=str(file.name), error=error)
                return
            if is_there:
                await deduplicated(self.blobs, file, self.events)

    async def _exchange(
        self,
        blob: StagedBlob,
        version: StoredFile,
        known: StoredFile,
        file: StoredFile,
        versions: Versions,
    ) -> None:
        try:
            await self.blobs.replace(blob, file.name, intent.encode(file))
        except BaseException:
            await versions.forget(version)
            raise
        try:
            await self.index.add(file)
        except (StoreFailed, ContentBlocked):
            await versions.put_back(version, known)
            raise

    async def _lost_race(self, file: StoredFile) -> Receipt:
        # Another upload of the name came first; or a crash kept its file from
        # the index, and then this upload tells the index what it is.
        known = await self.index.find(file.name)
        if isinstance(known, StoredFile) and await self._exists(known):
            return same(known, file.sha256)
        blob = await self.blobs.open(file.name)
        if blob is None:
            raise NameTaken("a folder has this name, or a file the name of one of its folders")
        if not await blob.lane.run(_has_digest, blob, file):
            raise NameTaken("another file has this name")
        await self.index.add(file)
        return Receipt(file, created=False)

    async def _exists(self, known: StoredFile) -> bool:
        blob = await self.blobs.open(known.name)
        if blob is None:
            return False
        await blob.lane.run(blob.close)
        return blob.size == known.size


def _has_digest(blob: OpenBlob, file: StoredFile) -> bool:
    # On a thread.
    try:
        if blob.size != file.size:
            return False
        digest = hashlib.sha256()
        offset = 0
        while data := blob.read_at(offset, COMPARE_SIZE):
            digest.update(data)
            offset += len(data)
        return digest.digest() == file.sha256
    finally:
        blob.close()
