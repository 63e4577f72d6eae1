"""
How an upload becomes a stored file.

Stage, fsync, publish, record, and only then tell the client: when
:meth:`Intake.receive` returns, the file is whole, visible and durable.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol

from attrs import field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer

from hmacfs.base.errors import NameTaken, NoSpace, SizeMismatch, TooLarge
from hmacfs.base.values import Grant, StoredFile, Tombstone
from hmacfs.blobs.interfaces import Blobs, NameExists, OpenBlob, StagedBlob, StorageFull
from hmacfs.flow.pending import Pending
from hmacfs.flow.pools import Lane, Pool, shielded
from hmacfs.flow.stage import NullSink, Stage
from hmacfs.flow.turns import Turns
from hmacfs.ingest import intent
from hmacfs.rules.space import Space
from hmacfs.stores.interfaces import Index, StoreFailed, StoreFull

COMPARE_SIZE = 1024 * 1024
"""Bytes read at once when two files are compared."""


class Incoming(Protocol):
    """A body that has not been read yet."""

    def deliver_to(self, consumer: IConsumer) -> Deferred[int]:
        """Hand the body to a push consumer; fires at its end, or when the consumer stops it."""


@frozen
class Receipt:
    """The file that an upload led to; ``created`` is false if it was there before."""

    file: StoredFile
    created: bool


@frozen
class Intake:
    """
    Takes uploads in.

    :param pool: where digests of bytes that are not stored are made.
    :param max_upload_size: in bytes.
    :param tombstone_age: seconds for which a deleted name stays taken.
    :param now: tells seconds since the epoch.
    :param pending: counts what must end before the storage may be closed.
    :param turns: lets one upload of a name be committed at a time, so that none
        finds a file that another is about to take back.
    """

    blobs: Blobs
    index: Index
    space: Space
    pool: Pool
    max_upload_size: int
    tombstone_age: float
    now: Callable[[], float]
    pending: Pending = field(factory=Pending)
    turns: Turns = field(factory=Turns)

    async def receive(self, grant: Grant, body: Incoming) -> Receipt:
        """
        Take one upload in.

        The same bytes under the same name again are a success, for clients
        repeat an upload whose answer they have lost.

        :raises TooLarge: if the grant is larger than files may be.
        :raises NameTaken: if the name has other bytes, or had some lately.
        :raises NoSpace: if the storage is full.
        :raises SizeMismatch: if the body is not as long as granted.
        """
        with self.pending:
            return await self._receive(grant, body)

    async def _receive(self, grant: Grant, body: Incoming) -> Receipt:
        if grant.size > self.max_upload_size:
            raise TooLarge(
                f"the file has {grant.size} bytes; at most {self.max_upload_size} are taken",
                limit=self.max_upload_size,
            )
        known = await self.index.find(grant.name)
        if isinstance(known, Tombstone) and self.now() - known.buried_at < self.tombstone_age:
            raise NameTaken(f"a file of this name was {known.reason}")
        if isinstance(known, StoredFile) and await self._exists(known):
            if known.expired(self.now()):
                raise NameTaken("a file of this name has expired")
            return await self._replay(grant, body, known)
        with await self.space.reserve(grant.size) as room:
            try:
                staged = await self.blobs.stage()
                stage = Stage(staged, staged.lane, grant.size, room.taken)
                try:
                    await body.deliver_to(stage)
                    digest = await _whole(stage, grant)
                except BaseException:
                    await self.blobs.settle(staged)
                    raise
                # A client that goes away now must not tear the file.
                return await shielded(Deferred.fromCoroutine(self._commit(grant, staged, digest)))
            except (StorageFull, StoreFull):
                raise NoSpace("the server has no room for this file") from None

    async def _exists(self, known: StoredFile) -> bool:
        blob = await self.blobs.open(known.name)
        if blob is None:
            return False
        await blob.lane.run(blob.close)
        return blob.size == known.size

    async def _replay(self, grant: Grant, body: Incoming, known: StoredFile) -> Receipt:
        if grant.size != known.size:
            raise NameTaken("another file has this name")
        stage = Stage(NullSink(), Lane(self.pool), grant.size)
        await body.deliver_to(stage)
        return _same(known, await _whole(stage, grant))

    async def _commit(self, grant: Grant, staged: StagedBlob, digest: bytes) -> Receipt:
        with self.pending:
            async with self.turns.of(grant.name):
                return await self._publish(grant, staged, digest)

    async def _publish(self, grant: Grant, staged: StagedBlob, digest: bytes) -> Receipt:
        file = StoredFile(
            name=grant.name,
            size=grant.size,
            sha256=digest,
            content_type=grant.content_type,
            uploaded_at=self.now(),
            owner=grant.owner,
            expires_at=grant.expires_at,
        )
        try:
            await self.blobs.publish(staged, file.name, intent.encode(file))
        except NameExists:
            return await self._lost_race(file)
        else:
            try:
                await self.index.add(file)
            except StoreFailed:
                await self.blobs.remove(file.name)
                raise
            return Receipt(file, created=True)
        finally:
            await self.blobs.settle(staged)

    async def _lost_race(self, file: StoredFile) -> Receipt:
        # Another upload of the name came first; or a crash kept its file from
        # the index, and then this upload tells the index what it is.
        known = await self.index.find(file.name)
        if isinstance(known, StoredFile) and await self._exists(known):
            return _same(known, file.sha256)
        blob = await self.blobs.open(file.name)
        if blob is None:
            raise NameTaken("a folder has this name, or a file the name of one of its folders")
        if not await blob.lane.run(_has_digest, blob, file):
            raise NameTaken("another file has this name")
        await self.index.add(file)
        return Receipt(file, created=False)


async def _whole(stage: Stage, grant: Grant) -> bytes:
    digest = await stage.finish()
    if stage.received != grant.size:
        raise SizeMismatch(
            f"the body has {stage.received} bytes, not the {grant.size} announced",
            expected=grant.size,
            received=stage.received,
        )
    return digest


def _same(known: StoredFile, digest: bytes) -> Receipt:
    if known.sha256 != digest:
        raise NameTaken("another file has this name")
    return Receipt(known, created=False)


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
