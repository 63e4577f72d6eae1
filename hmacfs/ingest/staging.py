"""How the bytes of an upload come in, and are gone again unless somebody makes them a file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from attrs import frozen

from hmacfs.base.errors import SizeMismatch, TooLarge
from hmacfs.base.values import Grant
from hmacfs.blobs.interfaces import Blobs
from hmacfs.flow.incoming import Incoming
from hmacfs.flow.pools import Lane, Pool
from hmacfs.flow.pull import Pulls
from hmacfs.flow.stage import NullSink, Stage
from hmacfs.ingest.account import Account
from hmacfs.ingest.room import full_is_no_space
from hmacfs.ingest.staged import Staged
from hmacfs.rules.conditions import Conditions
from hmacfs.rules.rule import Rules
from hmacfs.rules.space import Reservation, Space


def check_size(received: int, expected: int) -> None:
    """
    Insist that as many bytes came as were announced.

    :raises SizeMismatch: if not.
    """
    if received != expected:
        raise SizeMismatch(
            f"the body has {received} bytes, not the {expected} announced",
            expected=expected,
            received=received,
        )


@frozen
class Staging:
    """
    Takes bytes in, and makes their digest on the way.

    :param pool: where digests of bytes that are not stored are made.
    :param rules: may look at the bytes while they come.
    :param buffer: bytes of one upload that may wait for the disk.
    """

    blobs: Blobs
    space: Space
    pool: Pool
    rules: Rules
    pulls: Pulls | None
    buffer: int

    @asynccontextmanager
    async def staged(
        self,
        body: Incoming,
        limit: int,
        account: Account,
        bounds: tuple[Grant, Conditions] | None = None,
    ) -> AsyncIterator[Staged]:
        """
        Take bytes in; they are gone at the end unless they are taken.

        :param limit: the most bytes to take; room is kept for so many.
        :param bounds: what is granted, if that is known: so many bytes, and no others.
        :raises SizeMismatch: if they are not as many as granted.
        :raises TooLarge: if there are more than the limit.
        :raises NoSpace: if the storage is full.
        """
        with full_is_no_space(), await self.space.reserve(limit) as room:
            staged = await self._stage(body, limit, room, account, bounds)
            try:
                yield staged
            finally:
                if not staged.taken:
                    await self.blobs.settle(staged.blob)

    async def digest(self, body: Incoming, size: int) -> bytes:
        """
        Make the SHA-256 of bytes that nobody keeps.

        :raises SizeMismatch: if they are not so many.
        """
        stage = Stage(NullSink(), Lane(self.pool), size, high_mark=self.buffer)
        await body.deliver_to(stage)
        digest = await stage.finish()
        check_size(stage.received, size)
        return digest

    async def _stage(
        self,
        body: Incoming,
        limit: int,
        room: Reservation,
        account: Account,
        bounds: tuple[Grant, Conditions] | None,
    ) -> Staged:
        blob = await self.blobs.stage()
        try:
            sink = blob if bounds is None else self.rules.tapped(blob, *bounds)
            stage = Stage(sink, blob.lane, limit, room.taken, self.pulls, high_mark=self.buffer)
            await body.deliver_to(stage)
            try:
                digest = await stage.finish()
            except SizeMismatch:
                if bounds is not None:
                    raise
                raise TooLarge(f"at most {limit} bytes are taken here", limit=limit) from None
            if bounds is not None:
                check_size(stage.received, limit)
            return Staged(blob, stage.received, digest, account)
        except BaseException:
            await self.blobs.settle(blob)
            raise
