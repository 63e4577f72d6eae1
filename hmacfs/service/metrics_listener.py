"""The listener of the metrics, apart from those of the files."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger

from hmacfs.config import options
from hmacfs.config.network import Address
from hmacfs.config.settings import Settings, Source
from hmacfs.observe.metrics import Metrics
from hmacfs.service import sockets, tree
from hmacfs.service.foundation import CannotStart, Foundation
from hmacfs.service.listeners import METRICS_SOCKET, adopt
from hmacfs.web.channel import Patience
from hmacfs.web.metrics import MetricsPages, MetricsSite
from hmacfs.web.peers import Peers
from hmacfs.web.site import Conduct

THIS_MACHINE = "127.0.0.1"
"""Where it listens unless an address is configured."""

CONDUCT = Conduct(
    Peers(()), Patience(headers=10, body=10, write=30), max_connections=64, max_header_bytes=16384
)
"""How its clients are treated, which are few."""

LAST_ANSWERS = 1.0
"""Seconds for which answers may go on when it is closed."""


class MetricsListener:
    """
    Counts what the foundation's events tell, and serves the numbers and the health.

    Without ``server.metrics_enabled`` it does nothing.

    :param uptime: tells seconds since the start.
    :param draining: whether the server is being stopped.
    """

    log = Logger()

    def __init__(
        self,
        settings: Settings,
        foundation: Foundation,
        uptime: Callable[[], float],
        draining: Callable[[], bool],
    ) -> None:
        self._foundation = foundation
        self._uptime = uptime
        self._draining = draining
        self._port: IListeningPort | None = None
        self._site: MetricsSite | None = None
        if settings[options.SERVER_METRICS_ENABLED]:
            reactor = foundation.reactor
            self._metrics = Metrics.apart(foundation.events, time.monotonic, time.process_time)
            self._site = MetricsSite(self._pages(settings), reactor, CONDUCT)

    def _pages(self, settings: Settings) -> MetricsPages:
        health = tree.health(settings, self._foundation, self._uptime, self._draining)
        return MetricsPages(settings[options.SERVER_METRICS_PATH], self._metrics.render, health)

    async def open(self, settings: Settings, environ: Mapping[str, str]) -> None:
        """
        Listen: on the socket of systemd that is named for it, if there is one, else on the port.

        To be called before any other socket of systemd is taken.  The port that nobody
        configured may be taken, for Prometheus itself listens there: then there is a warning.

        :raises CannotStart: if it cannot be listened on.
        """
        if self._site is None:
            return
        given = _inherited(environ)
        listening = await self._listen(settings) if given is None else given
        if listening is None:
            return
        self._port = adopt(self._foundation.reactor, listening, self._site)
        # The reactor has a copy of it; what systemd gave is still to be found by its number.
        if given is None:
            listening.close()
        else:
            given.detach()
        where: Any = self._port.getHost()
        self.log.info("metrics are on {host}:{port}", host=where.host, port=where.port)

    def adopt(self, settings: Settings) -> None:
        """Take the settings of a reload."""
        if self._site is not None:
            self._site.adopt(self._pages(settings), CONDUCT)

    async def close(self) -> None:
        """Take no more connections, and end those that there are."""
        if self._site is not None:
            if self._port is not None:
                port, self._port = self._port, None
                await maybeDeferred(port.stopListening)
            await self._site.drain(LAST_ANSWERS)

    async def _listen(self, settings: Settings) -> socket.socket | None:
        address = settings[options.SERVER_METRICS_PORT]
        address = Address(address.host or THIS_MACHINE, address.port)
        try:
            return await self._foundation.pool.run(sockets.listen_tcp, address, "")
        except OSError as error:
            reason = f"cannot listen for metrics on {address}: {error.strerror or error}"
            if settings.origin(options.SERVER_METRICS_PORT).source is not Source.DEFAULT:
                raise CannotStart(reason) from error
            self.log.warn(
                "{reason}; set server.metrics_port, or metrics_enabled = false", reason=reason
            )
            return None


def _inherited(environ: Mapping[str, str]) -> socket.socket | None:
    found = None
    for name, listening in sockets.inherited(environ, os.getpid()):
        if name == METRICS_SOCKET and found is None:
            found = listening
        else:
            # It is for others to take.
            listening.detach()
    return found
