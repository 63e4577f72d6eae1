"""The server as a Twisted service: the order in which its parts start, reload and stop."""

from __future__ import annotations

import socket
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

from hmacfs.base.version import VERSION
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.service import tree
from hmacfs.service.foundation import CannotStart, Foundation
from hmacfs.web.site import StreamingSite

BACKLOG = 511
"""Connections that may wait to be accepted."""


class Reactor(IReactorTCP, IReactorTime, IReactorFromThreads):
    """What the server needs of a reactor."""


class FileServer(Service):
    """The server, from the storage to the sockets."""

    log = Logger()

    def __init__(self, settings: Settings, reactor: Reactor) -> None:
        self._reactor = reactor
        self._settings = settings
        self._foundation = Foundation(settings, reactor)
        self._started_at = reactor.seconds()
        self._site = StreamingSite(self._grow(), reactor, tree.conduct(settings))
        self._listening: IListeningPort | None = None
        self._starting: Deferred[None] | None = None
        self._closing = False

    def _grow(self) -> Any:
        root = tree.grow(
            self._settings,
            self._foundation,
            self._reactor.seconds,
            lambda: self._reactor.seconds() - self._started_at,
        )
        return root.app.resource()

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

    def reload(self, settings: Settings) -> None:
        """
        Take new settings without losing a connection.

        What cannot be changed while running keeps its value and is named in a warning.
        """
        self._settings, kept = self._settings.reloaded(settings)
        self._site.adopt(self._grow(), tree.conduct(self._settings))
        if kept:
            names = ", ".join(option.key for option in kept)
            self.log.warn("these settings change at the next restart: {names}", names=names)
        self.log.info("the configuration was reloaded")

    def stopService(self) -> Deferred[None]:
        """Stop: no new connections, then no requests, then the stores, then the disk."""
        super().stopService()
        if self._starting is not None:
            self._starting.cancel()
        return Deferred.fromCoroutine(self._close())

    async def _start_whole(self) -> None:
        try:
            finished = await self._foundation.start()
            self._listening = self._listen()
        except CannotStart:
            await self._close()
            raise
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
        await self._foundation.close()


def _any_address() -> str:
    """Tell the wildcard address: of both families where the machine has IPv6."""
    return "::" if socket.has_ipv6 and socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104
