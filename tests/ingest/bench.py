"""An intake with all that it needs, and what a test has to hold back or break of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IConsumer, IPushProducer
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from hmacfs.base.names import INTERNAL_DIRECTORY, StoredName
from hmacfs.base.values import Grant, StoredFile, Tombstone
from hmacfs.blobs.interfaces import Blobs
from hmacfs.blobs.local import LocalBlobs
from hmacfs.blobs.memory import MemoryBlobs
from hmacfs.flow.pools import InlinePool, Pool
from hmacfs.ingest.intake import Intake, Receipt
from hmacfs.ingest.recovery import Recovery
from hmacfs.rules.space import Space
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.memory import MemoryIndex
from tests.blobs.descriptors import close_below, open_below
from tests.blobs.samples import content, named
from tests.flow.awaiting import begun, now

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
        self._done: Deferred[int] = Deferred(lambda _: self._let_go())
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

    def clear_tombstones(self, before: float) -> Deferred[int]:
        """Forget old tombstones."""
        return self._pool.run(lambda: now(self.stored.clear_tombstones(before)))

    def close(self) -> Deferred[None]:
        """Refuse whatever is asked from now on."""
        return self._pool.run(lambda: now(self.stored.close()))


class Disk(Protocol):
    """Something that keeps files, from one process to the next."""

    def begin(self, pool: Pool) -> Blobs:
        """Begin to use it, in a process of its own."""

    def end(self) -> None:
        """Let go of it as a process does that is gone."""

    def staged(self) -> int:
        """Tell how much there is of uploads that are under way; of those that ended, nothing."""


class MemoryDisk:
    """Files in memory."""

    def __init__(self) -> None:
        self._inside = InlinePool()
        self._blobs: MemoryBlobs | None = None

    def begin(self, pool: Pool) -> MemoryBlobs:
        """Begin to use it."""
        if self._blobs is None:
            self._blobs = MemoryBlobs(pool, CAPACITY)
        return self._blobs

    def end(self) -> None:
        """Let go of it."""

    def staged(self) -> int:
        """Tell how many stages there are."""
        return 0 if self._blobs is None else self._blobs.staged


class LocalDisk:
    """Files in a directory."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp()).resolve()
        self._own = 0

    def begin(self, pool: Pool) -> LocalBlobs:
        """Begin to use it."""
        blobs = LocalBlobs(self.path, InlinePool())
        now(blobs.start())
        self._own = len(open_below(self.path))
        return blobs

    def end(self) -> None:
        """Let go of it."""
        close_below(self.path)

    def staged(self) -> int:
        """Tell how many stages and descriptors there are."""
        stages = list((self.path / INTERNAL_DIRECTORY / "stage").iterdir())
        return len(stages) + len(open_below(self.path)) - self._own
