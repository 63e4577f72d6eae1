"""The listener of the metrics, apart from those of the files."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping

from twisted.logger import Logger

from hmacfs.config import options
from hmacfs.config.settings import Settings, Source
from hmacfs.observe.metrics import Metrics
from hmacfs.service import private, sockets
from hmacfs.service.foundation import CannotStart, Foundation
from hmacfs.service.health import make_health
from hmacfs.service.listeners import METRICS_SOCKET
from hmacfs.service.private import Guest, PrivateListener
from hmacfs.web.metrics import MetricsPages
from hmacfs.web.private import Pages, PrivateSite
from hmacfs.web.site import Conduct


class MetricsListener:
    """
    Counts what the foundation's events tell, and serves the numbers and the health.

    Without ``server.metrics_enabled`` it does nothing.

    :param uptime: tells seconds since the start.
    :param draining: whether the server is being stopped.
    :param guest: what else is served, if it has no listener of its own.
    """

    log = Logger()

    def __init__(
        self,
        settings: Settings,
        foundation: Foundation,
        uptime: Callable[[], float],
        draining: Callable[[], bool],
        guest: Guest | None = None,
    ) -> None:
        self._foundation = foundation
        self._uptime = uptime
        self._draining = draining
        self._guest = guest if guest is not None and guest.is_guest else None
        self._site: PrivateSite | None = None
        if settings[options.SERVER_METRICS_ENABLED]:
            reactor = foundation.reactor
            self._metrics = Metrics.apart(foundation.events, time.monotonic, time.process_time)
            events = None if self._guest is None else self._guest.events()
            self._site = PrivateSite(
                self._pages(settings), reactor, self._conduct(settings), events
            )
            self._listener = PrivateListener(foundation, self._site)

    def _pages(self, settings: Settings) -> Pages:
        health = make_health(settings, self._foundation, self._uptime, self._draining)
        pages = MetricsPages(settings[options.SERVER_METRICS_PATH], self._metrics.render, health)
        return pages if self._guest is None else self._guest.pages(settings, pages)

    def _conduct(self, settings: Settings) -> Conduct:
        return private.CONDUCT if self._guest is None else self._guest.conduct(settings)

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
        if given is not None:
            self._listener.take(given)
            # What systemd gave is still to be found by its number.
            given.detach()
        elif not await self._listens(settings):
            return
        where = self._listener.place
        self.log.info("metrics are on {host}:{port}", host=where.host, port=where.port)

    def adopt(self, settings: Settings) -> None:
        """Take the settings of a reload."""
        if self._site is not None:
            self._site.adopt(self._pages(settings), self._conduct(settings))

    async def close(self) -> None:
        """Take no more connections, and end those that there are."""
        if self._site is not None:
            await self._listener.close()

    async def _listens(self, settings: Settings) -> bool:
        address = private.here(settings[options.SERVER_METRICS_PORT])
        try:
            await self._listener.open(address)
        except OSError as error:
            reason = f"cannot listen for metrics on {address}: {error.strerror or error}"
            is_default = settings.origin(options.SERVER_METRICS_PORT).source is Source.DEFAULT
            if self._guest is not None or not is_default:
                raise CannotStart(reason) from error
            self.log.warn(
                "{reason}; set server.metrics_port, or metrics_enabled = false", reason=reason
            )
            return False
        return True


def _inherited(environ: Mapping[str, str]) -> socket.socket | None:
    found = None
    for name, listening in sockets.inherited(environ, os.getpid()):
        if name == METRICS_SOCKET and found is None:
            found = listening
        else:
            # It is for others to take.
            listening.detach()
    return found
