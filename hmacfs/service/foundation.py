"""What stays while the server runs, whatever is reloaded: threads, bytes and facts."""

from __future__ import annotations

import time

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads, IReactorSocket
from twisted.logger import Logger

from hmacfs.auth.replay import Ledger
from hmacfs.base.events import Events, FileRemoved, ThreadsChanged, UploadsChanged
from hmacfs.blobs.interfaces import StorageFailed, StorageFull
from hmacfs.blobs.local_unfinished import LocalUnfinished
from hmacfs.blobs.packed import PackedBlobs
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.flow.pending import Pending
from hmacfs.flow.pools import ThreadedPool
from hmacfs.flow.pull import PIECES, PULL_SIZE, Pulls
from hmacfs.flow.sendfile import SendReactor
from hmacfs.flow.turns import Turns
from hmacfs.ingest.recovery import Recovery
from hmacfs.ingest.unverified import Unverified
from hmacfs.netwatch.kernel import WatchReactor
from hmacfs.observe.usage import resident_bytes
from hmacfs.rules.bans import Bans
from hmacfs.rules.days import Days, OwnDays
from hmacfs.rules.queue import Scaling, UploadQueue
from hmacfs.rules.quota import Usage
from hmacfs.rules.rates import Meters, OwnMeters
from hmacfs.service.audit import Auditing
from hmacfs.service.index_lock import IndexLock
from hmacfs.service.network import Network
from hmacfs.service.reserve import SIZE as RESERVED
from hmacfs.service.reserve import Reserve
from hmacfs.service.shared_state import make_shared_state, whereabouts
from hmacfs.service.stores import contents, index_path, internal_path, is_file, make_index, naming
from hmacfs.stores.bans import StateBans
from hmacfs.stores.days import StateDays
from hmacfs.stores.interfaces import StoreFailed, StoreFull
from hmacfs.stores.meters import StateMeters
from hmacfs.stores.nonces import StateReplays
from hmacfs.uploads.table import Table
from hmacfs.web.health import History
from hmacfs.web.progress import Seats

GROWTH = 4
"""How many times as many threads there are for a long queue, unless the settings say."""

log = Logger()


class Reactor(SendReactor, WatchReactor, IReactorSocket, IReactorFromThreads):
    """What the server needs of a reactor."""


class CannotStart(Exception):
    """The server cannot start; the message says what to do about it."""


class Foundation:
    """
    The pools, the storage, the index, and the bus of events.

    :param recorded: what is told of what happens, where somebody keeps the audit log already.
    :ivar started_at: when the process began, in seconds since the epoch.
    :ivar pending: counts what must end before the storage may be closed.
    :ivar turns: lets one at a time change what a name stands for.
    :ivar exchanges: keeps those who read a name from seeing one file half in the
        place of another.
    :ivar audit: keeps a record of who did what, if that is wanted.
    :ivar shared: what other servers may share with this one.
    :ivar ledger: knows what signatures that count once have led to.
    :ivar queue: counts the uploads that are under way.
    :ivar usage: knows what owners have on its way.
    :ivar bans: know who is shut out.
    :ivar meters: count uploads as they begin, for all servers that share the state.
    :ivar own_meters: count those of this process.
    :ivar days: know what owners sent in a day.
    :ivar contents: the bytes that equal files have together.
    :ivar deduplicates: whether equal files are stored once, which the start finds out.
    :ivar unverified: bounds the bytes whose signature cannot be checked yet.
    :ivar sessions: the uploads that are not finished.
    :ivar whereabouts: tells other servers of them, if there may be others.
    :ivar seats: bounds how many follow them.
    :ivar network: watches the network of this machine.
    """

    def __init__(
        self, settings: Settings, reactor: Reactor, recorded: Events | None = None
    ) -> None:
        self.reactor = reactor
        self.started_at = time.time()
        self.pool = ThreadedPool(reactor, "disk", settings[options.WORKERS_NUMWORKERS])
        # Half of the threads are left for those who want little.
        pulls = max(1, self.pool.size // 2)
        self._digests = ThreadedPool(reactor, "digest", pulls)
        # One piece at most waits for the disk; the others are there, and wait for their digest.
        buffers = min(PULL_SIZE, PIECES * settings[options.UPLOADS_BUFFER_SIZE])
        self.pulls = Pulls(self._digests, pulls, buffers)
        self._storage = settings[options.SERVER_STORAGE_PATH]
        self.contents = contents(settings)
        self.deduplicates = False
        self.blobs = PackedBlobs(self._storage, self.pool, self.contents, naming(settings))
        self._reserve = Reserve(internal_path(settings) / "reserve")
        self._is_reserved = True
        self.index = make_index(settings, reactor, reactor, relieve=self.give_room)
        self._lock = IndexLock(index_path(settings)) if is_file(settings) else None
        self.pending = Pending()
        self.history = History(time.time)
        self.turns = Turns()
        self.exchanges = Turns()
        self.events = Events(_complain) if recorded is None else recorded
        self.audit = Auditing(settings, self.events, reactor, records=recorded is None)
        self.shared = make_shared_state(settings, reactor, reactor, self.events)
        self.ledger = Ledger(StateReplays(self.shared.state))
        self.unverified = Unverified(
            settings[options.SECURITY_UNVERIFIED_BYTES],
            settings[options.SECURITY_UNVERIFIED_BYTES_TOTAL],
        )
        self.unfinished = LocalUnfinished(settings[options.SERVER_STORAGE_PATH], self.pool)
        self.sessions = Table(self.unfinished, self.events)
        self.whereabouts = whereabouts(settings, self.shared.state)
        self.seats = Seats()
        self.network = Network(
            settings, reactor, ThreadedPool(reactor, "network", 1), self.events, self.pending
        )
        self._sessions_opened = False
        self._persistent = settings[options.UPLOADS_SESSION_PERSISTENCE]
        self.queue = UploadQueue(
            settings[options.WORKERS_NUMWORKERS],
            settings[options.WORKERS_UPLOADQUEUESIZE],
            self.events,
            most_memory=settings[options.WORKERS_MAX_MEMORY],
            memory=resident_bytes,
        )
        self.events.listen(FileRemoved, self._removed)
        self.events.listen(UploadsChanged, self._scaling(settings).follow)
        self.usage = Usage(time.time)
        is_own = settings[options.QUOTAS_TRACKING] == "memory"
        shares = settings[options.REDIS_REDISENABLED]
        self.bans = Bans(StateBans(self.shared.state, shares), self.events, time.time)
        self.own_meters = OwnMeters()
        # A state in a file is that of one server, which need not ask it.
        self.meters: Meters = StateMeters(self.shared.state) if shares else self.own_meters
        self.days: Days = OwnDays() if is_own else StateDays(self.shared.state)

    def _scaling(self, settings: Settings) -> Scaling:
        least = settings[options.WORKERS_NUMWORKERS]
        most = least
        if settings[options.SERVER_ENABLE_DYNAMIC_WORKERS]:
            most = max(least, settings[options.WORKERS_MAX_WORKERS] or GROWTH * least)
        return Scaling(
            self.queue,
            self._resize,
            least,
            most,
            settings[options.SERVER_WORKER_SCALE_UP_THRESH],
            settings[options.SERVER_WORKER_SCALE_DOWN_THRESH],
        )

    def _resize(self, threads: int) -> None:
        if threads != self.pool.size:
            self.pool.resize(threads)
            self.events.tell(ThreadsChanged(threads))

    async def start(self) -> int:
        """
        Open everything and finish what a crash cut short; tell how many uploads that were.

        :raises CannotStart: if the storage, the index or the shared state cannot be used.
        """
        self.pool.start()
        self._digests.start()
        self.audit.start()
        self.events.tell(ThreadsChanged(self.pool.size))
        try:
            await self.blobs.start()
            await self.pool.run(self._look_at_contents)
            await self.unfinished.start(persistent=self._persistent)
            self._sessions_opened = True
            await self._open_index()
            await self.shared.start()
            await self.bans.refresh()
            return await Recovery(self.blobs, self.index).run()
        except (StorageFailed, StorageFull, StoreFailed) as error:
            raise CannotStart(str(error)) from error

    def _look_at_contents(self) -> None:
        if not self.contents.takes:
            return
        try:
            if self.contents.fits(self._storage):
                self.deduplicates = True
                return
            reason = "it is on another file system than the files"
        except OSError as error:
            reason = str(error)
        log.warn("equal files are not stored once: {reason}", reason=reason)

    async def _open_index(self) -> None:
        if self._lock is not None:
            await self.pool.run(self._lock.take)
        try:
            await self.index.start()
        except StoreFull:
            if not await self.pool.run(self._reserve.give):
                raise
            log.warn("there is no room left; what was kept for that is used to start")
            await self.index.start()
        await self._keep_room()

    async def give_room(self) -> bool:
        """Use what is kept for a start, where the disk is full; tell whether there was any."""
        try:
            if await self.blobs.free_bytes() > RESERVED:
                return False
        except StorageFailed:
            return False
        if not await self.pool.run(self._reserve.give):
            return False
        log.warn("there is no room left; what was kept for a start is used to delete files")
        self._is_reserved = False
        return True

    async def _keep_room(self) -> None:
        with self.pending:
            self._is_reserved = await self.pool.run(self._reserve.keep)

    def _removed(self, event: FileRemoved) -> None:
        if not self._is_reserved:
            self._is_reserved = True
            Deferred.fromCoroutine(self._keep_room())

    async def close(self, *, forgets: bool = False) -> None:
        """
        Wait for what is pending and close everything, the last opened first.

        :param forgets: whether unfinished uploads are thrown away.
        """
        await self.pending.idle()
        if forgets and self._sessions_opened:
            await self.sessions.clear()
        await self.shared.state.close()
        await self.index.close()
        if self._lock is not None:
            self._lock.give_back()
        await self.unfinished.close()
        await self.blobs.close()
        await self.pool.run(self.audit.stop)
        self.pool.stop()
        self._digests.stop()


def _complain() -> None:
    log.failure("a listener of events has failed")
