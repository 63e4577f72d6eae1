"""
The composition root: settings become a running server.

Only here are the parts put together, and only here is the order in which they
start and stop.
"""

from __future__ import annotations

import socket
import time
from ipaddress import ip_network
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IListeningPort,
    IReactorFromThreads,
    IReactorTCP,
    IReactorTime,
)
from twisted.logger import Logger

from hmacfs.auth.keyring import Keyring
from hmacfs.auth.schemes import Door
from hmacfs.base.version import VERSION
from hmacfs.blobs.interfaces import StorageFailed, StorageFull
from hmacfs.blobs.local import LocalBlobs
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.flow.pending import Pending
from hmacfs.flow.pools import ThreadedPool
from hmacfs.ingest.intake import Intake
from hmacfs.ingest.recovery import Recovery
from hmacfs.library.lookup import Lookup
from hmacfs.library.serving import Policy
from hmacfs.rules.space import Space
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.sqlite import SqliteIndex
from hmacfs.web.channel import Patience
from hmacfs.web.files import Files
from hmacfs.web.health import Health, Part
from hmacfs.web.paths import Paths
from hmacfs.web.peers import Peers
from hmacfs.web.put import Put
from hmacfs.web.root import Root
from hmacfs.web.site import StreamingSite

BACKLOG = 511
"""Connections that may wait to be accepted."""


class Reactor(IReactorTCP, IReactorTime, IReactorFromThreads):
    """What the server needs of a reactor."""


class CannotStart(Exception):
    """The server cannot start; the message says what to do about it."""


class FileServer(Service):
    """The server, from the storage to the sockets."""

    log = Logger()

    def __init__(self, settings: Settings, reactor: Reactor) -> None:
        self._reactor = reactor
        self._settings = settings
        self._pool = ThreadedPool(reactor, "disk", settings[options.WORKERS_NUMWORKERS])
        self._blobs = LocalBlobs(settings[options.SERVER_STORAGE_PATH], self._pool)
        self._index = SqliteIndex(self._blobs.internal_path / "index.sqlite", reactor)
        self._pending = Pending()
        self._site = self._make_site(settings)
        self._listening: IListeningPort | None = None
        self._started_at = reactor.seconds()
        self._starting: Deferred[None] | None = None
        self._closing = False

    def _make_site(self, settings: Settings) -> StreamingSite:
        seconds = self._reactor.seconds
        paths = Paths(
            settings[options.SERVER_UPLOAD_PREFIX],
            settings[options.SERVER_PUBLIC_BASE_URL],
        )
        tombstone_age = settings[options.RETENTION_TOMBSTONE_AGE]
        space = Space(self._blobs.free_bytes, settings[options.SERVER_MIN_FREE_BYTES], seconds)
        intake = Intake(
            self._blobs,
            self._index,
            space,
            self._pool,
            settings[options.SERVER_MAX_UPLOAD_SIZE],
            tombstone_age,
            time.time,
            self._pending,
        )
        peers = Peers([ip_network(text) for text in settings[options.SERVER_TRUSTED_PROXIES]])
        lookup = Lookup(self._index, self._blobs, tombstone_age, time.time)
        root = Root(
            Put(Door(Keyring.of(settings[options.SECURITY_SECRET])), intake, paths),
            Files(lookup, paths, Policy(), time.time),
            Health(self._parts, lambda: seconds() - self._started_at, peers),
        )
        return StreamingSite(
            root.app.resource(),
            self._reactor,
            peers,
            Patience(
                headers=settings[options.SERVER_HEADER_TIMEOUT],
                body=settings[options.TIMEOUTS_READTIMEOUT],
                write=settings[options.TIMEOUTS_WRITETIMEOUT],
                idle=settings[options.TIMEOUTS_IDLETIMEOUT],
                linger=settings[options.UPLOADS_LINGER_TIME],
                linger_bytes=settings[options.UPLOADS_LINGER_BYTES],
            ),
            settings[options.SERVER_MAX_CONNECTIONS],
            settings[options.SERVER_MAX_HEADER_BYTES],
        )

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

    def stopService(self) -> Deferred[None]:
        """Stop: no new connections, then no requests, then the stores, then the disk."""
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

    async def _start(self) -> None:
        self._pool.start()
        try:
            await self._blobs.start()
            await self._index.start()
            finished = await Recovery(self._blobs, self._index).run()
        except (StorageFailed, StorageFull, StoreFailed) as error:
            raise CannotStart(str(error)) from error
        self._listening = self._listen()
        address: Any = self._listening.getHost()
        self.log.info(
            "hmac-file-server {version} is ready on {host}:{port}; {finished} uploads recovered",
            version=VERSION,
            host=address.host,
            port=address.port,
            finished=finished,
        )

    def _listen(self) -> IListeningPort:
        address = self._settings[options.SERVER_LISTEN_ADDRESS]
        host = self._settings[options.SERVER_BIND_IP] or address.host or _any_address()
        try:
            return self._reactor.listenTCP(address.port, self._site, BACKLOG, host)  # type: ignore[arg-type]
        except CannotListenError as error:
            reason = getattr(error.socketError, "strerror", None) or error.socketError
            raise CannotStart(f"cannot listen on {host}:{address.port}: {reason}") from error

    async def _close(self) -> None:
        if self._closing:
            return
        self._closing = True
        if self._listening is not None:
            listening, self._listening = self._listening, None
            await maybeDeferred(listening.stopListening)
        await self._site.drain(self._settings[options.SERVER_GRACEFUL_SHUTDOWN_TIMEOUT])
        await self._pending.idle()
        await self._index.close()
        await self._blobs.close()
        self._pool.stop()

    async def _parts(self) -> dict[str, Part]:
        try:
            free = await self._blobs.free_bytes()
        except StorageFailed as error:
            return {"storage": Part("failing", str(error))}
        minimum = self._settings[options.SERVER_MIN_FREE_BYTES]
        if free < minimum:
            return {"storage": Part("degraded", f"{free} bytes free, {minimum} wanted")}
        return {"storage": Part("ok", f"{free} bytes free")}


def _any_address() -> str:
    """Tell the wildcard address: of both families where the machine has IPv6."""
    return "::" if socket.has_ipv6 and socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104
