"""
How an upload becomes a stored file.

Stage, fsync, publish, record, and only then tell the client: when
:meth:`Intake.store` returns, the file is whole, visible and durable.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from attrs import Factory, field, frozen
from twisted.internet.defer import Deferred

from hmacfs.auth.replay import Ledger, MemoryReplays, Upload
from hmacfs.base.errors import (
    DigestMismatch,
    NameTaken,
    TooLarge,
)
from hmacfs.base.events import Events, UploadFailed
from hmacfs.base.values import Grant, StoredFile
from hmacfs.blobs.interfaces import Blobs
from hmacfs.flow.incoming import Incoming
from hmacfs.flow.pending import Pending
from hmacfs.flow.pools import Pool, shielded
from hmacfs.flow.pull import Pulls
from hmacfs.flow.stage import HIGH_MARK
from hmacfs.flow.turns import Turns
from hmacfs.ingest.account import Account, code_of
from hmacfs.ingest.publication import Publication, Receipt, same
from hmacfs.ingest.room import full_is_no_space
from hmacfs.ingest.staged import Staged
from hmacfs.ingest.staging import Staging, check_size
from hmacfs.ingest.versions import Versions
from hmacfs.rules.conditions import UNCONDITIONAL, Conditions
from hmacfs.rules.queue import UploadQueue
from hmacfs.rules.quota import Quotas, Usage, owned
from hmacfs.rules.rates import OwnMeters, Rates
from hmacfs.rules.rule import Rules
from hmacfs.rules.space import Space
from hmacfs.stores.interfaces import Index


def _own_ledger(intake: Intake) -> Ledger:
    return Ledger(MemoryReplays(intake.now))


def _no_rates(intake: Intake) -> Rates:
    meters = OwnMeters()
    return Rates(meters, meters, intake.events, intake.now)


def _no_quotas(intake: Intake) -> Quotas:
    return Quotas(intake.index, Usage(intake.now), intake.now)


@frozen
class Intake:
    """
    Takes uploads in.

    :param pool: where digests of bytes that are not stored are made.
    :param max_upload_size: in bytes.
    :param tombstone_age: seconds for which a deleted name stays taken.
    :param now: tells seconds since the epoch.
    :param seconds: a clock that never goes back.
    :param pending: counts what must end before the storage may be closed.
    :param turns: so that no upload finds a file that another is about to take back.
    :param events: is told what became of each upload.
    :param ledger: knows what signatures that count once have led to.
    :param rules: what uploads have to meet besides their grants.
    :param versions: what becomes of a file when another is uploaded under its name;
        without it the upload is refused.
    :param quotas: how much owners may have.
    :param queue: how many uploads may be under way.
    :param rates: how many may begin; the faces ask, which know whose they are.
    :param buffer: bytes of one that may wait for the disk.
    """

    blobs: Blobs
    index: Index
    space: Space
    pool: Pool
    max_upload_size: int
    tombstone_age: float
    now: Callable[[], float]
    seconds: Callable[[], float]
    pending: Pending = field(factory=Pending)
    turns: Turns = field(factory=Turns)
    events: Events = field(factory=Events)
    ledger: Ledger = field(default=Factory(_own_ledger, takes_self=True))
    rules: Rules = field(factory=Rules)
    pulls: Pulls | None = None
    quotas: Quotas = field(default=Factory(_no_quotas, takes_self=True))
    queue: UploadQueue = field(factory=UploadQueue.endless)
    buffer: int = HIGH_MARK
    versions: Versions | None = None
    rates: Rates = field(default=Factory(_no_rates, takes_self=True))
    publication: Publication = field(init=False, eq=False, repr=False)
    _staging: Staging = field(init=False, eq=False, repr=False)

    @publication.default
    def _publishing(self) -> Publication:
        return Publication(
            self.blobs,
            self.index,
            self.events,
            self.pending,
            self.tombstone_age,
            self.now,
            self.versions,
        )

    @_staging.default
    def _taking_in(self) -> Staging:
        return Staging(self.blobs, self.space, self.pool, self.rules, self.pulls, self.buffer)

    @contextmanager
    def admission(self) -> Iterator[None]:
        """
        Surround what decides on the grant of an upload: one that gets none has failed too.

        Not for use within :meth:`staged`, which tells for itself.

        :raises Unavailable: if too many uploads are under way.
        """
        try:
            self.queue.check()
            yield
        except BaseException as error:
            self.events.tell(UploadFailed(code_of(error)))
            raise

    async def receive(
        self, grant: Grant, body: Incoming, conditions: Conditions = UNCONDITIONAL
    ) -> Receipt:
        """
        Take one upload in, whose body is just the granted bytes.

        The same bytes under the same name again are a success, for clients
        repeat an upload whose answer they have lost.  What can be known before
        the body is refused before it.

        :raises TooLarge: if the grant is larger than files may be.
        :raises SizeMismatch: if the body is not as long as granted.
        :raises Unavailable: if too many uploads are under way.
        :raises Refusal: as :meth:`store` does.
        """
        grant = owned(grant)
        with self.pending, Account(self.events, self.seconds) as account, self.queue.place():
            known = await self._admitted(grant, conditions)
            if known is not None:
                digest = await self._staging.digest(body, grant.size)
                await self._settle(grant, digest, conditions)
                receipt = same(known, digest)
                account.stored(receipt.file, created=False)
                return receipt
            with await self.quotas.reserve(grant.owner, grant.size, conditions.quota) as share:
                bounds = grant, conditions
                async with self._staging.staged(body, grant.size, account, bounds) as staged:
                    staged.share = share
                    return await self.store(staged, grant, conditions)

    @asynccontextmanager
    async def staged(self, body: Incoming, limit: int) -> AsyncIterator[Staged]:
        """
        Take bytes in whose grant depends on them.

        They are gone at the end unless :meth:`store` was begun.

        :param limit: the most bytes to take; room is kept for so many.
        :raises TooLarge: if there are more.
        :raises NoSpace: if the storage is full.
        """
        with self.pending, Account(self.events, self.seconds) as account, self.queue.place():
            async with self._staging.staged(body, limit, account) as staged:
                yield staged

    async def store(
        self, staged: Staged, grant: Grant, conditions: Conditions = UNCONDITIONAL
    ) -> Receipt:
        """
        Make staged bytes a file.

        Once begun it is done, whether somebody waits for it or not.

        :raises SizeMismatch: if they are not as many as granted.
        :raises DigestMismatch: if they are not those that were announced.
        :raises NameTaken: if the name has other bytes, or had some lately.
        :raises Replayed: if the signature was used for another upload.
        :raises QuotaExceeded: if the owner may not have so much.
        :raises ContentBlocked: if these bytes are not taken, whatever their name.
        :raises Refusal: as the rules do.
        :raises NoSpace: if the storage is full.
        """
        grant = owned(grant)
        check_size(staged.size, grant.size)
        _check_digest(staged.sha256, conditions)
        staged.taken = True
        # A client that goes away now must not tear the file.
        with full_is_no_space():
            return await shielded(Deferred.fromCoroutine(self._commit(staged, grant, conditions)))

    async def admit(
        self, grant: Grant, conditions: Conditions = UNCONDITIONAL, promised: int = 0
    ) -> StoredFile | None:
        """
        Judge an upload before its bytes.

        :param promised: bytes that other uploads of this owner are about to bring.
        :return: the file whose bytes these have to be, if the name has one.
        :raises Refusal: as :meth:`receive` does.
        """
        grant = owned(grant)
        known = await self._admitted(grant, conditions)
        if known is None:
            await self.afford(grant, conditions, promised)
        return known

    async def afford(self, grant: Grant, conditions: Conditions, promised: int) -> None:
        """
        Insist that an owner may have another file.

        :param promised: bytes that other uploads of this owner are about to bring.
        :raises QuotaExceeded: if that is more than the owner may have.
        """
        owner = owned(grant).owner
        with await self.quotas.reserve(owner, grant.size, conditions.quota, promised):
            pass

    async def _admitted(self, grant: Grant, conditions: Conditions) -> StoredFile | None:
        if grant.size > self.max_upload_size:
            raise TooLarge(
                f"the file has {grant.size} bytes; at most {self.max_upload_size} are taken",
                limit=self.max_upload_size,
            )
        await self.rules.before(grant, conditions)
        if conditions.once is not None:
            await self.ledger.check(conditions.once, grant.name, grant.size)
        known = await self.publication.known(grant.name)
        if known is None or self._replaces(known, grant):
            # Whatever comes is stored: as the file that is there, or in its place.
            return None
        if known.size != grant.size:
            raise NameTaken("another file has this name")
        return known

    async def _settle(self, grant: Grant, digest: bytes, conditions: Conditions) -> None:
        _check_digest(digest, conditions)
        if conditions.once is not None:
            await self.ledger.settle(conditions.once, Upload(grant.name, grant.size, digest))

    async def _commit(self, staged: Staged, grant: Grant, conditions: Conditions) -> Receipt:
        with self.pending, staged.account.settling(), staged.held():
            try:
                async with self.turns.of(grant.name):
                    await self.rules.judge(staged, grant, conditions)
                    receipt = await self._stored(staged, grant, conditions)
                if receipt.created:
                    await self.quotas.settle(grant.owner, conditions.quota, receipt.file)
            finally:
                await self.blobs.settle(staged.blob)
            staged.account.stored(receipt.file, created=receipt.created)
            return receipt

    async def _stored(self, staged: Staged, grant: Grant, conditions: Conditions) -> Receipt:
        await self._settle(grant, staged.sha256, conditions)
        known = await self.publication.known(grant.name)
        if known is not None and (
            known.sha256 == staged.sha256 or not self._replaces(known, grant)
        ):
            return same(known, staged.sha256)
        share = staged.share
        if share is None:
            share = await self.quotas.reserve(grant.owner, grant.size, conditions.quota)
        with share:
            share.recording()
            file = self._file(staged, grant)
            if known is None:
                receipt = await self.publication.publish(staged.blob, file)
            else:
                receipt = await self.publication.replace(staged.blob, known, file)
            if receipt.created:
                await self.quotas.stored(receipt.file)
            share.end()
            return receipt

    def _replaces(self, known: StoredFile, grant: Grant) -> bool:
        # A token names no path: it must not change what others find at the URL of somebody's file.
        return self.versions is not None and known.owner == grant.owner

    def _file(self, staged: Staged, grant: Grant) -> StoredFile:
        return StoredFile(
            name=grant.name,
            size=grant.size,
            sha256=staged.sha256,
            content_type=grant.content_type,
            uploaded_at=self.now(),
            owner=grant.owner,
            expires_at=grant.expires_at,
            metadata=grant.metadata,
        )


def _check_digest(digest: bytes, conditions: Conditions) -> None:
    # Both are the client's own, so the time taken tells nobody a secret.
    if conditions.sha256 not in (None, digest):
        raise DigestMismatch("the bytes have another SHA-256 than announced")
