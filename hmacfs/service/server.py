"""The server as a Twisted service: the order in which its parts start, reload and stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from hmacfs.auth.keyring import Keyring
from hmacfs.base.events import Administered
from hmacfs.base.version import VERSION
from hmacfs.config import options
from hmacfs.config.problems import ConfigError
from hmacfs.config.settings import Settings
from hmacfs.flow.turns import Turns
from hmacfs.service import keys, optional, protection, tree
from hmacfs.service.answering import answering
from hmacfs.service.chores import (
    Chore,
    clearing_versions,
    deduplication,
    heartbeats,
    index_backups,
    state_expiry,
)
from hmacfs.service.cleaning import cleaning
from hmacfs.service.foundation import CannotStart, Foundation, Reactor
from hmacfs.service.health import make_health
from hmacfs.service.intake import make_intake, make_sessions
from hmacfs.service.keys import KeysUnusable
from hmacfs.service.listeners import Listeners
from hmacfs.service.metrics_listener import MetricsListener
from hmacfs.service.notify import Notify, watchdog_interval
from hmacfs.service.pidfile import write_pid_file
from hmacfs.service.private import LAST_ANSWERS
from hmacfs.service.rotation import LOOK, Rotation
from hmacfs.service.thumbnails import shelving, sweeping, workshop
from hmacfs.service.tls import CertificateRefused
from hmacfs.web.site import StreamingSite


class FileServer(Service):
    """
    The server, from the storage to the sockets.

    :param environ: where systemd says what it has for us.
    :param read: reads the settings again, for secrets that change in their files; blocks.
    """

    log = Logger()

    def __init__(
        self,
        settings: Settings,
        reactor: Reactor,
        environ: Mapping[str, str] | None = None,
        read: Callable[[], Settings] | None = None,
    ) -> None:
        self._reactor = reactor
        self._settings = settings
        self._environ = environ or {}
        self._notify = Notify.of(self._environ)
        self._foundation = Foundation(settings, reactor)
        self._shelving = shelving(settings, self._foundation)
        self._workshop = workshop(settings, self._foundation, self._shelving)
        self._ring = Keyring(())
        self._started_at = time.monotonic()
        self._site = StreamingSite(
            self._grow(), reactor, tree.conduct(settings, self._foundation), self._foundation.events
        )
        self._listeners = Listeners(reactor, self._foundation.pool, self._site, self._environ)
        self._admin = optional.administration(
            settings, self._foundation, self._uptime, self._is_draining
        )
        self._metrics = MetricsListener(
            settings, self._foundation, self._uptime, self._is_draining, self._admin
        )
        self._read = read
        self._reloads = Turns()
        self._rotation = Rotation(
            self._foundation, lambda: self._settings, self._reloads, self._take_ring
        )
        self._chores: list[Chore] = []
        self._cleaning: Chore | None = None
        self._watchdog = LoopingCall(self._notify.alive)
        self._watchdog.clock = reactor
        self._pid_file: Path | None = None
        self._starting: Deferred[None] | None = None
        self._closing = False

    def _grow(self) -> Any:
        root = tree.grow(
            self._settings,
            self._ring,
            self._foundation,
            time.monotonic,
            make_health(self._settings, self._foundation, self._uptime, self._is_draining),
            None if self._workshop is None else self._workshop.thumbnails,
        )
        return root.app.resource()

    def _uptime(self) -> float:
        return time.monotonic() - self._started_at

    def _is_draining(self) -> bool:
        return self._site.draining

    def startService(self) -> None:
        """Begin to start; the sockets open when everything behind them is ready."""
        super().startService()
        self._starting = Deferred.fromCoroutine(self._start_whole())

    def ready(self) -> Deferred[None]:
        """
        Wait for the start; to be asked once after :meth:`startService`.

        Fails with :class:`CannotStart`, when everything is closed again, or
        with :class:`CancelledError` if the server was stopped before it had started.
        """
        if self._starting is None:
            raise RuntimeError("the server was not told to start")
        return self._starting

    async def reload(self, settings: Settings) -> None:
        """
        Take new settings without losing a connection.

        What cannot be changed while running keeps its value and is named in a
        warning; so do a certificate and a file of keys that cannot be used.
        """
        async with self._reloads.of(self._reloads):
            await self._adopt(settings)

    def _bear(self) -> None:
        self._site.adopt(self._grow(), tree.conduct(self._settings, self._foundation))

    def _take_ring(self, ring: Keyring) -> None:
        if ring != self._ring:
            self._ring = ring
            self._bear()

    def not_reloaded(self) -> None:
        """Note that there was to be a reload, and that its settings cannot be used."""
        self._foundation.events.tell(Administered("reload", "failed"))

    async def _adopt(self, settings: Settings) -> None:
        with self._notify.reloading():
            self._settings, kept = self._settings.reloaded(settings)
            try:
                self._ring = await self._rotation.open(self._settings, self._ring)
            except KeysUnusable as error:
                self.log.error("the old keys stay in force: {error}", error=error)
            self._bear()
            self._metrics.adopt(self._settings)
            if self._admin is not None:
                self._admin.adopt(self._settings)
            self._clean()
            try:
                await self._listeners.reload(self._settings)
            except CertificateRefused as error:
                self.log.error("the old certificate stays in force: {error}", error=error)
            if kept:
                names = ", ".join(option.key for option in kept)
                self.log.warn("these settings change at the next restart: {names}", names=names)
            self._foundation.audit.adopt(self._settings)
            self._foundation.events.tell(Administered("reload"))
            self.log.info("the configuration was reloaded")

    def stopService(self) -> Deferred[None]:
        """Stop: no new requests, then no connections, then the stores, then the disk."""
        super().stopService()
        if self._starting is not None:
            self._starting.cancel()
        return Deferred.fromCoroutine(self._close())

    async def _start_whole(self) -> None:
        try:
            await self._start()
        except CannotStart:
            await self._close()
            raise

    async def take_secrets(self, read: Callable[[], Settings]) -> None:
        """
        Take the secrets that changed where they lie, outside the configuration file.

        :param read: reads the settings; blocks.
        """
        async with self._reloads.of(self._reloads):
            try:
                settings = self._settings.with_secrets_of(await self._foundation.pool.run(read))
                ring = await self._foundation.pool.run(keys.read_ring, settings)
            except (ConfigError, KeysUnusable) as error:
                self.log.error("the old secrets stay in force: {error}", error=error)
                return
            is_new = keys.terms(settings, ring) != keys.terms(self._settings, self._ring)
            if is_new or (self._admin is not None and self._admin.changes(settings)):
                await self._adopt(settings)

    async def _write_pid_file(self, path: Path | None) -> None:
        """Tell the process id; a server that cannot is as good as any other, and goes on."""
        if path is None:
            return
        try:
            await self._foundation.pool.run(write_pid_file, path)
        except OSError as error:
            reason = error.strerror
            self.log.error("cannot write the pid file {path}: {reason}", path=path, reason=reason)
        else:
            self._pid_file = path

    async def _start(self) -> None:
        finished = await self._foundation.start()
        try:
            self._ring = await self._rotation.open(self._settings, self._ring)
        except KeysUnusable as error:
            raise CannotStart(str(error)) from error
        self._bear()
        await self._write_pid_file(self._settings[options.SERVER_PID_FILE])
        if self._admin is not None:
            await self._admin.open()
        await self._metrics.open(self._settings, self._environ)
        opened = await self._listeners.open(self._settings)
        self.log.info(
            "hmac-file-server {version} is ready on {places}; {finished} uploads recovered",
            version=VERSION,
            places=", ".join(opened),
            finished=finished,
        )
        self._foundation.events.tell(Administered("start"))
        self._notify.ready(f"serving on {', '.join(opened)}")
        if self._read is not None and self._settings[options.SECURITY_REASK_SECRET_ENABLED]:
            self._begin(self._asking_again(self._read))
        for chore in index_backups(self._settings, self._foundation, self._reactor):
            self._begin(chore)
        self._clean()
        self._begin(clearing_versions(self._foundation))
        for chore in deduplication(self._settings, self._foundation):
            self._begin(chore)
        self._begin(self._ending_sessions())
        self._begin(state_expiry(self._foundation, self._reactor))
        self._begin(self._rotating())
        self._begin(answering(lambda: self._settings, self._foundation))
        for chore in (
            *protection.chores(self._settings, self._foundation),
            *heartbeats(self._foundation, self._reactor),
        ):
            self._begin(chore)
        self._begin(sweeping(self._shelving, self._reactor))
        if self._workshop is not None:
            for chore in self._workshop.start():
                self._begin(chore)
        for chore in optional.chores(self._settings, self._foundation, self._reactor):
            self._begin(chore)
        self._foundation.network.start(lambda: self._site.connections, self._listeners)
        interval = watchdog_interval(self._environ)
        if interval is not None:
            self._watchdog.start(interval)

    def _asking_again(self, read: Callable[[], Settings]) -> Chore:
        return Chore(
            "to read the secrets again",
            self._settings[options.SECURITY_REASK_SECRET_INTERVAL],
            partial(self.take_secrets, read),
            self._reactor,
            self._foundation.pending,
        )

    def _rotating(self) -> Chore:
        pending = self._foundation.pending
        return Chore("the rotation of keys", LOOK, self._rotation.run, self._reactor, pending)

    def _ending_sessions(self) -> Chore:
        intake = make_intake(self._settings, self._foundation, time.monotonic)
        sessions = make_sessions(self._settings, self._foundation, intake)
        return Chore(
            "to end unfinished uploads",
            self._settings[options.SESSION_STORE_CLEANUP_INTERVAL],
            sessions.sweep,
            self._reactor,
            self._foundation.pending,
        )

    def _clean(self) -> None:
        # Anew at a reload: how often, and of what, may have changed.
        if self._cleaning is not None:
            self._cleaning.stop()
            self._chores.remove(self._cleaning)
        self._cleaning = cleaning(self._settings, self._foundation, self._reactor)
        self._begin(self._cleaning)

    def _begin(self, chore: Chore) -> None:
        self._chores.append(chore)
        chore.start()

    def _drain_time(self) -> float:
        longest = self._settings[options.SERVER_GRACEFUL_SHUTDOWN_TIMEOUT]
        return min(self._settings[options.SERVER_CONNECTION_DRAIN_TIMEOUT] or longest, longest)

    async def _close(self) -> None:
        if self._closing:
            return
        self._closing = True
        self._notify.stopping()
        if self._watchdog.running:
            self._watchdog.stop()
        for chore in self._chores:
            chore.stop()
        if self._workshop is not None:
            self._workshop.stop()
        self._foundation.network.stop()
        await self._listeners.leave()
        await self._site.drain(self._drain_time())
        await self._listeners.close()
        # Those that came meanwhile were refused, and have that answer.
        await self._site.end(LAST_ANSWERS)
        await self._metrics.close()
        if self._admin is not None:
            await self._admin.close()
        self._foundation.events.tell(Administered("stop"))
        if self._pid_file is not None:
            await self._foundation.pool.run(self._pid_file.unlink, missing_ok=True)
        await self._foundation.close(forgets=self._settings[options.SERVER_CLEAN_UPON_EXIT])
        if self._workshop is not None:
            self._workshop.close()
