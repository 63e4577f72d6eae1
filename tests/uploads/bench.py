"""Sessions with all that they need, on a disk that outlives them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock

from hmacfs.base.events import Event, Events
from hmacfs.base.values import StoredFile
from hmacfs.blobs.local import LocalBlobs
from hmacfs.blobs.local_unfinished import LocalUnfinished
from hmacfs.blobs.memory import MemoryBlobs
from hmacfs.blobs.memory_unfinished import MemoryUnfinished
from hmacfs.flow.pools import InlinePool
from hmacfs.ingest.intake import Intake
from hmacfs.ingest.publication import Receipt
from hmacfs.ingest.recovery import Recovery
from hmacfs.rules.space import Space
from hmacfs.stores.memory import MemoryIndex
from hmacfs.uploads.limits import Limits
from hmacfs.uploads.live import Check
from hmacfs.uploads.session import Draft, Session
from hmacfs.uploads.sessions import Sessions
from hmacfs.uploads.table import Table
from tests.blobs.descriptors import close_below
from tests.blobs.samples import content, named
from tests.flow.awaiting import begun, now
from tests.flow.held_pool import Crashed
from tests.ingest.bench import Delivery

P = ParamSpec("P")
T = TypeVar("T")

NOW = 1_700_000_000.0
LARGEST = 10_000
CAPACITY = 1_000_000
LIMITS = Limits(max_age=1000.0, timeout=100.0, quota_claim=50.0, name_claim=20.0, remembered=300.0)


class MortalPool(InlinePool):
    """A pool that does nothing while the process dies, and tells whoever waits so."""

    def __init__(self) -> None:
        self._is_dying = False

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """Run ``work`` at once, in a process that lives."""
        if self._is_dying:
            return fail(Crashed())
        return super().run(work, *args, **kwargs)

    @contextmanager
    def crash(self) -> Iterator[None]:
        """Let the process die meanwhile."""
        self._is_dying = True
        try:
            yield
        finally:
            self._is_dying = False

    def end(self) -> None:
        """Let the process be dead: what it left undone is not done when its objects go."""
        self._is_dying = True


class Bench:
    """
    Sessions in memory.

    :ivar told: the events, in order.
    """

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.limits = limits
        self.clock = Clock()
        self.clock.advance(NOW)
        self.index = MemoryIndex()
        self.told: list[Event] = []
        self.pool = MortalPool()
        self.sending: list[Delivery] = []
        self.open()
        self.begin()

    def open(self) -> None:
        """Make the disk."""
        self.blobs: Any = MemoryBlobs(self.pool, CAPACITY)
        self.unfinished: Any = MemoryUnfinished(self.blobs, self.pool)

    def begin(self) -> None:
        """Begin as a process does."""
        self.events = Events()
        self.table = Table(self.unfinished, self.events)
        self.space = Space(self.blobs.free_bytes, 0, self.clock.seconds)
        self.intake = Intake(
            self.blobs,
            self.index,
            self.space,
            self.pool,
            LARGEST,
            1000.0,
            self.clock.seconds,
            self.clock.seconds,
            events=self.events,
        )
        self.sessions = Sessions(self.table, self.intake, self.limits)

    def die(self) -> None:
        """End as a process does that is killed."""
        with self.pool.crash():
            # The end of one lets begin who waited for it.
            while ready := [body for body in self.sending if body.ready]:
                for body in ready:
                    body.break_off()
        self.sending.clear()

    def restart(self) -> None:
        """End as a process does that is killed, and begin as the next."""
        self.die()
        self.begin()

    def clear(self) -> None:
        """Forget the disk, after the test."""

    def hear(self, *kinds: type[Any]) -> None:
        """Listen to events of these kinds."""
        for kind in kinds:
            self.events.listen(kind, self.told.append)

    def draft(self, name: str | None = "a", length: int | None = 10, **facts: Any) -> Draft:
        """Make a draft."""
        known = {"content_type": "text/plain", "scheme": "v", "kind": "test"} | facts
        return Draft(name=None if name is None else named(name), length=length, **known)

    def create(self, name: str | None = "a", length: int | None = 10, **facts: Any) -> Session:
        """Begin a session."""
        return now(self.sessions.create(self.draft(name, length, **facts)))

    def find(self, id: str, **how: Any) -> Session:
        """Tell of a session."""
        return now(self.sessions.find(id, "test", **how))

    def send(
        self,
        id: str,
        offset: int,
        body: Delivery,
        *,
        size: int | None = None,
        sequential: bool = True,
        check: Check | None = None,
        place: str = "",
    ) -> Deferred[Session]:
        """Begin to bring bytes."""
        self.sending.append(body)
        return begun(
            self.sessions.append(
                id, offset, body, size=size, sequential=sequential, check=check, place=place
            )
        )

    def append(self, id: str, offset: int, data: bytes, **how: Any) -> Session:
        """Bring bytes, to the last."""
        return now(self.send(id, offset, Delivery(data), size=len(data), **how))

    def finish(self, id: str) -> Receipt:
        """Make a file of a session."""
        return now(self.sessions.finish(id))

    def bytes_of(self, name: str) -> bytes | None:
        """Return the bytes that are visible under a name."""
        return now(content(self.blobs, named(name)))

    def row_of(self, name: str) -> StoredFile | None:
        """Return what file the index knows of a name."""
        known = now(self.index.find(named(name)))
        return known if isinstance(known, StoredFile) else None

    def wait(self, result: Awaitable[T]) -> T:
        """Return what is there."""
        return now(result)


class LocalBench(Bench):
    """
    Sessions on a local file system.

    :ivar path: of the storage.
    """

    def open(self) -> None:
        """Make the disk."""
        self.path = Path(tempfile.mkdtemp()).resolve()
        self._start()

    def _start(self) -> None:
        self.blobs = LocalBlobs(self.path, self.pool)
        self.unfinished = LocalUnfinished(self.path, self.pool)
        now(self.blobs.start())
        now(self.unfinished.start())
        now(Recovery(self.blobs, self.index).run())

    def restart(self) -> None:
        """End as a process does that is killed, and begin as the next."""
        self.die()
        self.pool.end()
        close_below(self.path)
        self.pool = MortalPool()
        self._start()
        self.begin()

    def clear(self) -> None:
        """Forget the disk, after the test."""
        self.die()
        self.pool.end()
        close_below(self.path)
        shutil.rmtree(self.path)
