"""What the server does by itself, again and again."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from attrs import field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from hmacfs.blobs.interfaces import StorageFailed, StorageFull
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.flow.pending import Pending
from hmacfs.flow.pools import Pool
from hmacfs.ingest.deduplication import Deduplication
from hmacfs.library.versions import clear_versions
from hmacfs.service.foundation import Foundation
from hmacfs.service.stores import backup_directory, index_path, is_file
from hmacfs.stores import backups
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.whereabouts import BEAT

KEPT_BACKUPS: Final = 2
"""How many copies of the index stay: one more than the last, should that be of a bad moment."""

LONGEST_WAIT: Final = 3600.0
"""Seconds after which to see at the latest whether a backup is due, or to try again."""

EXPIRY_INTERVAL: Final = 600.0
"""Seconds from one look for what is over in the shared state to the next."""


SWEEP_INTERVAL: Final = 86400.0
"""Seconds after which to look for bytes that a crash has left without a file."""


class Chore:
    """
    Does a work when it is started, and again each time a while after it has ended.

    A work that fails is logged and counted, and tried again in its turn.

    :param interval: seconds.
    :param pending: counts what must end before the storage may be closed.
    :ivar failures: how often it has failed.
    """

    log = Logger()

    def __init__(
        self,
        name: str,
        interval: float,
        work: Callable[[], Awaitable[object]],
        clock: IReactorTime,
        pending: Pending,
    ) -> None:
        self.failures = 0
        self._name = name
        self._interval = interval
        self._work = work
        self._clock = clock
        self._pending = pending
        self._next: IDelayedCall | None = None
        self._running = False

    @property
    def running(self) -> bool:
        """Tell whether it was started and not stopped."""
        return self._running

    def start(self) -> None:
        """Do the work, and go on."""
        self._running = True
        self._next = self._clock.callLater(0, self._begin)

    def stop(self) -> None:
        """Begin nothing more; what is under way is done."""
        self._running = False
        if self._next is not None and self._next.active():
            self._next.cancel()

    def _begin(self) -> None:
        Deferred.fromCoroutine(self._once())

    async def _once(self) -> None:
        with self._pending:
            try:
                await self._work()
            except (StoreFailed, StorageFailed, StorageFull) as error:
                self.failures += 1
                self.log.error("{name} failed: {error}", name=self._name, error=error)
            except Exception:
                self.failures += 1
                self.log.failure("{name} failed", name=self._name)
        if self._running:
            self._next = self._clock.callLater(self._interval, self._begin)


@frozen
class IndexBackups:
    """
    Copies the index into a directory when the last copy there is old enough.

    :param interval: seconds between copies.
    :param pool: where that runs.
    :param now: tells seconds since the epoch.
    """

    index: Path
    directory: Path
    interval: float
    pool: Pool
    now: Callable[[], float]
    log: Logger = field(factory=Logger)

    async def run(self) -> None:
        """
        Make a copy if it is time.

        :raises StoreFailed: if that cannot be done.
        """
        copy = await self.pool.run(self._run)
        if copy is not None:
            self.log.info("copied the index to {path}", path=str(copy))

    def _run(self) -> Path | None:
        now = self.now()
        last = next(iter(backups.kept(self.directory)), None)
        # A copy of the future is of a clock that was wrong.
        if last is not None and 0 <= now - backups.made_at(last) < self.interval:
            return None
        return backups.keep(self.index, self.directory, now, KEPT_BACKUPS)


def state_expiry(foundation: Foundation, clock: IReactorTime) -> Chore:
    """Make the chore that gives back the room of what is over in the shared state."""
    return Chore(
        "to forget what is over",
        EXPIRY_INTERVAL,
        foundation.shared.state.clear_expired,
        clock,
        foundation.pending,
    )


def clearing_versions(foundation: Foundation) -> Chore:
    """Make the chore that removes what a crash has left of older versions, which is done once."""

    async def clear() -> None:
        before = foundation.started_at
        await clear_versions(foundation.index, foundation.blobs, before, lambda: chore.running)
        # No crash comes between the start and now: there will be nothing more to find.
        chore.stop()

    chore = Chore(
        "the search for what a crash left of versions",
        SWEEP_INTERVAL,
        clear,
        foundation.reactor,
        foundation.pending,
    )
    return chore


def heartbeats(foundation: Foundation, clock: IReactorTime) -> tuple[Chore, ...]:
    """Make the chore that tells other servers that this one is alive, if there may be others."""
    told = foundation.whereabouts
    if told is None:
        return ()
    return (Chore("to tell that it is alive", BEAT, told.beat, clock, foundation.pending),)


def index_backups(
    settings: Settings, foundation: Foundation, clock: IReactorTime
) -> tuple[Chore, ...]:
    """Make the chore that copies the index, if the settings want one."""
    interval = settings[options.INDEX_BACKUP_INTERVAL]
    # A database server has backups of its own.
    if not interval or not is_file(settings):
        return ()
    copies = IndexBackups(
        index_path(settings), backup_directory(settings), interval, foundation.pool, time.time
    )
    # Often enough for a server that never runs for a whole interval.
    wait = min(interval, LONGEST_WAIT)
    return (Chore("the backup of the index", wait, copies.run, clock, foundation.pending),)


def deduplication(settings: Settings, foundation: Foundation) -> tuple[Chore, ...]:
    """Make the chores that look for equal files, and for bytes that no file has any more."""
    store = foundation.contents

    async def sweep() -> None:
        await foundation.pool.run(store.sweep)

    clock, pending = foundation.reactor, foundation.pending
    chores = [Chore("the search for bytes without files", SWEEP_INTERVAL, sweep, clock, pending)]
    interval = settings[options.DEDUPLICATION_SCAN_INTERVAL]
    if store.takes and interval:
        scan = Deduplication(
            foundation.index, foundation.blobs, foundation.turns, foundation.events
        )
        chores.append(Chore("the search for equal files", interval, scan.run, clock, pending))
    return tuple(chores)
