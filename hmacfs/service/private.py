"""Listeners that are not public: for Prometheus, and for administrators."""

from __future__ import annotations

import socket
from typing import Any, Final, Protocol

from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IListeningPort

from hmacfs.base.events import Events
from hmacfs.config.network import Address
from hmacfs.config.settings import Settings
from hmacfs.service import sockets
from hmacfs.service.foundation import Foundation
from hmacfs.service.listeners import adopt
from hmacfs.web.patience import Patience
from hmacfs.web.peers import Peers
from hmacfs.web.private import Pages, PrivateSite
from hmacfs.web.site import Conduct

THIS_MACHINE: Final = "127.0.0.1"
"""Where they listen unless an address is configured."""

CONDUCT: Final = Conduct(
    Peers(()), Patience(headers=10, body=10, write=30), max_connections=64, max_header_bytes=16384
)
"""How their clients are treated, which are few."""

LAST_ANSWERS: Final = 1.0
"""Seconds for which answers may go on when they are closed."""


def here(address: Address) -> Address:
    """Tell where to listen: without a host, on this machine only."""
    return Address(address.host or THIS_MACHINE, address.port)


class Guest(Protocol):
    """
    What is served beside the metrics, or has a listener of its own.

    :ivar is_guest: whether it is beside the metrics.
    """

    is_guest: bool

    def pages(self, settings: Settings, otherwise: Pages) -> Pages:
        """Tell what is to be served, where ``otherwise`` is there besides."""
        raise NotImplementedError

    def conduct(self, settings: Settings) -> Conduct:
        """Tell how clients are to be treated."""
        raise NotImplementedError

    def events(self) -> Events:
        """Make what its site is to tell."""
        raise NotImplementedError

    async def open(self) -> None:
        """
        Open what is needed, and listen, where it has a listener of its own.

        :raises CannotStart: if that cannot be done.
        """

    def changes(self, settings: Settings) -> bool:
        """Tell whether others would be let in by these settings than by those in force."""
        raise NotImplementedError

    def adopt(self, settings: Settings) -> None:
        """Take the settings of a reload."""

    async def close(self) -> None:
        """Take no more connections, and let go of everything."""


class PrivateListener:
    """Listens for a site."""

    def __init__(self, foundation: Foundation, site: PrivateSite) -> None:
        self._foundation = foundation
        self._site = site
        self._port: IListeningPort | None = None

    async def open(self, address: Address) -> None:
        """
        Listen on an address.

        :raises OSError: if that cannot be done.
        """
        with await self._foundation.pool.run(sockets.listen_tcp, address, "") as listening:
            self.take(listening)

    def take(self, listening: socket.socket) -> None:
        """Listen on a socket, of which a copy is taken."""
        self._port = adopt(self._foundation.reactor, listening, self._site)

    @property
    def place(self) -> Address:
        """Where it listens."""
        where: Any = None if self._port is None else self._port.getHost()
        return Address(where.host, where.port)

    async def close(self) -> None:
        """Take no more connections, and end those that there are."""
        if self._port is not None:
            port, self._port = self._port, None
            await maybeDeferred(port.stopListening)
        await self._site.end(LAST_ANSWERS)
