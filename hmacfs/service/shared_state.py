"""Settings become the shared state: in a file, or in Redis with a store that takes over from it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads, IReactorTime
from twisted.logger import Logger

from hmacfs.base.events import Events
from hmacfs.config import options
from hmacfs.config.databases import FALLBACK
from hmacfs.config.settings import Settings
from hmacfs.service.stores import database_place, driver_of, internal_path
from hmacfs.stores.failures import STATE_FILE
from hmacfs.stores.fallback import FallbackState
from hmacfs.stores.graves import clear_graves
from hmacfs.stores.interfaces import StoreFailed, StoreRefused
from hmacfs.stores.pair import Deadline, Pair
from hmacfs.stores.places import Place
from hmacfs.stores.servers import server_pair
from hmacfs.stores.sql_state import SqlState
from hmacfs.stores.sqlite import SqliteState
from hmacfs.stores.state import Advancing, State
from hmacfs.stores.switchover import Phase
from hmacfs.stores.whereabouts import StateWhereabouts
from hmacfs.web.health import Part


def whereabouts(settings: Settings, state: State) -> StateWhereabouts | None:
    """Put together what tells other servers of unfinished uploads, if there may be others."""
    shares = settings[options.REDIS_REDISENABLED] and settings[options.SESSION_STORE_ENABLED]
    if not shares:
        return None
    return StateWhereabouts(state, host_of(settings), time.time)


def host_of(settings: Settings) -> str:
    """Tell what a server is told by from all that share a state with it, also after a restart."""
    machine = ""
    with suppress(OSError):
        machine = Path("/etc/machine-id").read_text(encoding="ascii")
    place = settings[options.SERVER_STORAGE_PATH].absolute()
    facts = "\0".join((socket.gethostname(), machine, str(place)))
    return sha256(facts.encode()).hexdigest()


class FileOnly:
    """
    The shared state of one server, which nobody else shares.

    :ivar is_common: whether all who share it know what was just asked for.
    """

    def __init__(
        self, settings: Settings, reactor: IReactorFromThreads, clock: IReactorTime
    ) -> None:
        self._state = _file(settings, reactor, clock, time.time)
        self.state: State = self._state
        self.is_common = True

    async def start(self) -> None:
        """
        Open the file.

        :raises StoreFailed: if that cannot be done.
        """
        await self._state.start()
        # Those of a time with Redis.
        await clear_graves(self._state)

    async def parts(self) -> dict[str, Part]:
        """Tell how it is, for ``/health``."""
        try:
            await self._state.ping()
        except StoreFailed as error:
            return {"state": Part("failing", str(error))}
        return {"state": Part("ok")}


class WithRedis:
    """
    The shared state in Redis, from which a file or a database server takes over.

    :param events: are told of failures, and of who answers.
    """

    log = Logger()

    def __init__(
        self,
        settings: Settings,
        reactor: IReactorFromThreads,
        clock: IReactorTime,
        events: Events,
    ) -> None:
        # It takes memory, and brings a reactor with it, that servers without Redis can do without.
        from hmacfs.stores.redis import RedisState

        now = Advancing(time.time)
        redis = RedisState(
            redis_place(settings),
            clock,
            now,
            settings[options.STORES_CALL_TIMEOUT],
            settings[options.REDIS_KEY_PREFIX],
        )
        self._has_database = settings[options.FALLBACK_ENABLED]
        self._second = (
            _database(settings, reactor, clock, now)
            if self._has_database
            else _file(settings, reactor, clock, now)
        )
        self._both = FallbackState(
            redis,
            self._second,
            clock,
            now,
            settings[options.REDIS_REDISHEALTHCHECKINTERVAL],
            events,
        )
        self.state: State = self._both

    async def start(self) -> None:
        """
        Open what takes over, and see whether Redis is well.

        A Redis that is away is waited for; so is the database, if Redis is well.

        :raises StoreFailed: if Redis does not take us as we are configured and there is no
            database to take over, or if nothing answers.
        """
        trouble = None
        try:
            await self._second.start()
        except StoreFailed as error:
            if not self._has_database:
                raise
            trouble = error
            self.log.error("the fallback cannot be used: {error}", error=error)
        try:
            await self._both.start()
        except StoreFailed as error:
            if trouble is not None:
                raise StoreFailed(f"{error}; {trouble}") from error
            if isinstance(error, StoreRefused) and not self._has_database:
                raise
            self.log.error("Redis cannot be used, the fallback answers: {error}", error=error)

    @property
    def is_common(self) -> bool:
        """Whether all who share it know what was just asked for: a file is that of one server."""
        return self._has_database or self._both.phase is not Phase.DOWN

    async def parts(self) -> dict[str, Part]:
        """Tell how both are, for ``/health``."""
        phase, spare_trouble = self._both.phase, self._both.spare_trouble
        redis = Part("ok")
        if phase is not Phase.UP:
            redis = Part(
                "degraded", self._both.trouble or "what happened meanwhile is brought over"
            )
        is_alone = phase is Phase.DOWN
        fallback = Part("ok", "answers for Redis" if is_alone else "")
        if spare_trouble:
            fallback = Part("failing" if is_alone else "degraded", spare_trouble)
        return {"redis": redis, "fallback": fallback}


SharedState = FileOnly | WithRedis


def make_shared_state(
    settings: Settings, reactor: IReactorFromThreads, clock: IReactorTime, events: Events
) -> SharedState:
    """Make the shared state, which is not open yet."""
    if settings[options.REDIS_REDISENABLED]:
        return WithRedis(settings, reactor, clock, events)
    return FileOnly(settings, reactor, clock)


def redis_place(settings: Settings) -> Place:
    """Tell where Redis is."""
    address = settings[options.REDIS_REDISADDR]
    return Place(
        address.host,
        address.port,
        settings[options.REDIS_SOCKET],
        settings[options.REDIS_USER],
        settings[options.REDIS_REDISPASSWORD],
        str(settings[options.REDIS_REDISDBINDEX]),
        settings[options.REDIS_TLS],
        settings[options.REDIS_CA_FILE],
    )


class _LateState(SqlState):
    """
    A state that is opened when its server is well.

    :param begins: how long a beginning is waited for, which goes on nevertheless.
    """

    def __init__(self, pair: Pair, now: Callable[[], float], begins: Deadline) -> None:
        super().__init__(pair, now)
        self._begins = begins

    def ping(self) -> Deferred[None]:
        """See whether the server answers; begin with it if that was not possible so far."""
        if self.running:
            return super().ping()
        return self._begins.limit(self.start())


def _file(
    settings: Settings,
    reactor: IReactorFromThreads,
    clock: IReactorTime,
    now: Callable[[], float],
) -> SqlState:
    return SqliteState(internal_path(settings) / STATE_FILE, reactor, now, clock=clock)


def _database(
    settings: Settings,
    reactor: IReactorFromThreads,
    clock: IReactorTime,
    now: Callable[[], float],
) -> SqlState:
    driver = driver_of(settings[options.FALLBACK_TYPE])
    place = database_place(settings, FALLBACK)
    patience = settings[options.STORES_CALL_TIMEOUT]
    pair = server_pair(driver, place, reactor, clock, patience, "fallback")
    begins = Deadline(clock, patience, lambda: None, f"{driver.name} at {place}")
    return _LateState(pair, now, begins)
