"""An intake with all that it needs, and what a test has to hold back or break of it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IConsumer, IPushProducer
from twisted.internet.task import Clock
from zope.interface import implementer

from hmacfs.base.names import INTERNAL_DIRECTORY, StoredName
from hmacfs.base.values import Grant, StoredFile, Tombstone
from hmacfs.blobs.interfaces import Blobs
from hmacfs.blobs.local import LocalBlobs
from hmacfs.blobs.memory import MemoryBlobs
from hmacfs.flow.pools import Pool
from hmacfs.ingest.intake import Intake
from hmacfs.ingest.publication import Receipt
from hmacfs.ingest.recovery import Recovery
from hmacfs.rules.conditions import UNCONDITIONAL, Conditions
from hmacfs.rules.rule import Rules
from hmacfs.rules.space import Space
from hmacfs.stores.interfaces import Block, Moment, StoreFailed
from hmacfs.stores.memory import MemoryIndex
from tests.blobs.descriptors import close_below, open_below
from tests.blobs.samples import content, named
from tests.flow.awaiting import begun, now
from tests.flow.held_pool import HeldPool

T = TypeVar("T")

TOMBSTONE_AGE = 100.0
LARGEST = 1000
CAPACITY = 10_000
NOW = 1_700_000_000.0


@implementer(IPushProducer)
class Delivery:
    """
    A body whose pieces come at once, or when the test lets them.

    :param held: whether the test lets each piece come.
    :ivar asked: whether somebody wanted the body.
    """

    def __init__(self, *pieces: bytes, held: bool = False) -> None:
        self._pieces = list(pieces)
        self._held = held
        self._paused = False
        self._consumer: IConsumer | None = None
        self._done: Deferred[int] = Deferred(self._cancelled)
        self._received = 0
        self.asked = False

    @property
    def ready(self) -> bool:
        """Whether a piece, or the end, may come."""
        return self._consumer is not None and not self._paused

    def deliver_to(self, consumer: IConsumer) -> Deferred[int]:
        """Hand the body to a push consumer."""
        self.asked = True
        self._consumer = consumer
        consumer.registerProducer(self, True)
        self._go_on()
        return self._done

    def come(self) -> None:
        """Let the next piece come, or the end after the last."""
        assert self._consumer is not None
        if self._pieces:
            piece = self._pieces.pop(0)
            self._received += len(piece)
            self._consumer.write(piece)
        else:
            self._let_go()
            self._done.callback(self._received)

    def break_off(self) -> None:
        """Lose the connection."""
        if self._let_go():
            self._done.errback(ConnectionLost())

    def pauseProducing(self) -> None:
        """Let nothing come."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Go on."""
        self._paused = False
        self._go_on()

    def stopProducing(self) -> None:
        """End, for nobody wants the rest."""
        if self._let_go():
            self._done.callback(self._received)

    def _go_on(self) -> None:
        while self.ready and not self._held:
            self.come()

    def _cancelled(self, _: Deferred[int]) -> None:
        self._let_go()

    def _let_go(self) -> bool:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.unregisterProducer()
        return consumer is not None


class PooledIndex:
    """
    An index whose work is done by a pool, and which can fail.

    :ivar broken: names that cannot be recorded, and the error.
    :ivar doubtful: names that are recorded, which then is told to have failed.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.stored = MemoryIndex()
        self.broken: dict[StoredName, StoreFailed] = {}
        self.doubtful: set[StoredName] = set()

    def find(self, name: StoredName) -> Deferred[StoredFile | Tombstone | None]:
        """Tell what is known of this name."""
        return self._pool.run(lambda: now(self.stored.find(name)))

    def add(self, file: StoredFile) -> Deferred[None]:
        """Record a file, or fail to."""
        return self._pool.run(self._add, file)

    def _add(self, file: StoredFile) -> None:
        if file.name in self.broken:
            raise self.broken[file.name]
        now(self.stored.add(file))
        if file.name in self.doubtful:
            raise StoreFailed("the answer was lost")

    def bury(self, tombstone: Tombstone) -> Deferred[StoredFile | None]:
        """Put a tombstone in the place of what was known of its name."""
        return self._pool.run(lambda: now(self.stored.bury(tombstone)))

    def amend(
        self, before: StoredFile | None, after: StoredFile | Tombstone | None
    ) -> Deferred[bool]:
        """Put a file in the place of what is known, if that is what it was."""
        return self._pool.run(lambda: now(self.stored.amend(before, after)))

    def page(self, start: str, limit: int) -> Deferred[list[StoredFile]]:
        """Tell the files from a name on."""
        return self._pool.run(lambda: now(self.stored.page(start, limit)))

    def with_digest(self, sha256: bytes, limit: int) -> Deferred[list[StoredFile]]:
        """Tell the files of these bytes."""
        return self._pool.run(lambda: now(self.stored.with_digest(sha256, limit)))

    def block(self, sha256: bytes, at: float) -> Deferred[None]:
        """Take no file of these bytes from now on."""
        return self._pool.run(lambda: now(self.stored.block(sha256, at)))

    def oldest(
        self, after: Moment, limit: int, owner: str | None = None
    ) -> Deferred[list[StoredFile]]:
        """Tell the files that were uploaded after a moment."""
        return self._pool.run(lambda: now(self.stored.oldest(after, limit, owner)))

    def expiring(self, after: Moment, limit: int) -> Deferred[list[StoredFile]]:
        """Tell the files that expire."""
        return self._pool.run(lambda: now(self.stored.expiring(after, limit)))

    def total(self) -> Deferred[int]:
        """Tell how many bytes all files have together."""
        return self._pool.run(lambda: now(self.stored.total()))

    def used_by(self, owner: str, since: float | None = None) -> Deferred[int]:
        """Tell how many bytes the files of this owner have together."""
        return self._pool.run(lambda: now(self.stored.used_by(owner, since)))

    def clear_tombstones(self, before: float) -> Deferred[int]:
        """Forget old tombstones."""
        return self._pool.run(lambda: now(self.stored.clear_tombstones(before)))

    def buried(self, start: str, limit: int) -> Deferred[list[Tombstone]]:
        """Tell tombstones."""
        return self._pool.run(lambda: now(self.stored.buried(start, limit)))

    def blocked(self, after: bytes, limit: int) -> Deferred[list[Block]]:
        """Tell what is blocked."""
        return self._pool.run(lambda: now(self.stored.blocked(after, limit)))

    def close(self) -> Deferred[None]:
        """Refuse whatever is asked from now on."""
        return self._pool.run(lambda: now(self.stored.close()))


class Disk(Protocol):
    """Something that keeps files, from one process to the next."""

    def begin(self, pool: HeldPool) -> Blobs:
        """Begin to use it, in a process of its own."""

    def end(self) -> None:
        """Let go of it as a process does that is gone."""

    def left(self) -> int:
        """Tell how much there is besides the files: stages, open descriptors."""


class MemoryDisk:
    """Files in memory."""

    def __init__(self) -> None:
        self._blobs: MemoryBlobs | None = None

    def begin(self, pool: HeldPool) -> MemoryBlobs:
        """Begin to use it."""
        if self._blobs is None:
            self._blobs = MemoryBlobs(pool, CAPACITY)
        return self._blobs

    def end(self) -> None:
        """Let go of it."""

    def left(self) -> int:
        """Tell how many bytes are staged."""
        assert self._blobs is not None
        return self._blobs.unpublished_bytes


class LocalDisk:
    """Files in a directory."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp()).resolve()
        self._own = 0

    def begin(self, pool: HeldPool) -> LocalBlobs:
        """Begin to use it."""
        blobs = LocalBlobs(self.path, pool)
        with pool.at_once():
            now(blobs.start())
        self._own = len(open_below(self.path))
        return blobs

    def end(self) -> None:
        """Let go of it."""
        close_below(self.path)

    def left(self) -> int:
        """Tell how many stages there are, and descriptors that were not let go."""
        stages = list((self.path / INTERNAL_DIRECTORY / "stage").iterdir())
        return len(stages) + len(open_below(self.path)) - self._own

    def clear(self) -> None:
        """Forget it, after the test."""
        self.end()
        shutil.rmtree(self.path)


class Bench:
    """
    An intake over a disk, with an index that outlives it.

    Files of :data:`LARGEST` bytes are taken; deleted names stay taken for
    :data:`TOMBSTONE_AGE` seconds; the time is :data:`NOW`.
    """

    def __init__(self, disk: Disk, rules: Rules | None = None) -> None:
        self.disk = disk
        self.rules = rules or Rules()
        self.pool = HeldPool()
        self.clock = Clock()
        self.clock.advance(NOW)
        self.index = PooledIndex(self.pool)
        self.begin()

    def begin(self) -> None:
        """Begin as a new process."""
        self.blobs = self.disk.begin(self.pool)
        self.space = Space(self.blobs.free_bytes, 0, self.clock.seconds)
        self.intake = Intake(
            self.blobs,
            self.index,
            self.space,
            self.pool,
            LARGEST,
            TOMBSTONE_AGE,
            self.clock.seconds,
            self.clock.seconds,
            rules=self.rules,
        )

    def recover(self) -> int:
        """Do what a new process does first."""
        return self.at_once(Recovery(self.blobs, self.index).run)

    def at_once(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask for something, and have it before all that is under way."""
        with self.pool.at_once():
            return now(ask())

    def upload(
        self,
        name: str,
        body: Delivery,
        size: int,
        conditions: Conditions = UNCONDITIONAL,
        **facts: Any,
    ) -> Deferred[Receipt]:
        """Begin an upload."""
        grant = Grant(named(name), size, **{"content_type": "text/plain", "scheme": "v"} | facts)
        return begun(self.intake.receive(grant, body, conditions))

    def broken_off(self, name: str, *pieces: bytes) -> Deferred[Receipt]:
        """Begin an upload whose connection is lost after the first piece, be that all of it."""
        body = Delivery(*pieces, held=True)
        upload = self.upload(name, body, sum(map(len, pieces)))
        self.pool.run_all()
        body.come()
        body.break_off()
        self.pool.run_all()
        return upload

    def store(self, name: str, bytes_: bytes, **facts: Any) -> Receipt:
        """Upload a file, from the beginning to the end."""
        receipt = self.upload(name, Delivery(bytes_), len(bytes_), **facts)
        self.pool.run_all()
        return now(receipt)

    def bytes_of(self, name: StoredName) -> bytes | None:
        """Return the bytes that are visible under a name."""
        return self.at_once(lambda: content(self.blobs, name))

    def row_of(self, name: StoredName) -> StoredFile | None:
        """Return what file the index knows of a name."""
        known = now(self.index.stored.find(name))
        return known if isinstance(known, StoredFile) else None

    def check_agreement(self, names: Iterable[StoredName]) -> None:
        """Check that nothing is under way or left of what was, and that disk and index agree."""
        for name in names:
            found, row = self.bytes_of(name), self.row_of(name)
            if found is None:
                assert row is None, f"{name} is known and not there"
            else:
                assert row is not None, f"{name} is there and not known"
                assert (row.size, row.sha256) == (len(found), sha256(found).digest())
        assert self.disk.left() == 0
        counts = (self.space.reserved, self.intake.pending.count, self.intake.turns.count)
        assert counts == (0, 0, 0), counts
