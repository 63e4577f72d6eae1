"""All the places where the server takes requests."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Mapping
from typing import Any

from attrs import define, field
from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IAddress, IListeningPort, IReactorSocket
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory

from hmacfs.config import options
from hmacfs.config.network import Address, Place
from hmacfs.config.settings import Settings
from hmacfs.flow.pools import Pool
from hmacfs.service import sockets, tls
from hmacfs.service.foundation import CannotStart
from hmacfs.service.sockets import UnixPermissions
from hmacfs.service.tls import CertificateRefused, Certificates

METRICS_SOCKET = "metrics"
"""The name of the inherited socket that is not for requests."""


def places(settings: Settings) -> list[Place]:
    """Tell where the settings say to listen."""
    if settings[options.SERVER_UNIX_SOCKET]:
        main = Place("unix", path=settings[options.SERVER_UNIX_SOCKET_PATH])
    else:
        address = settings[options.SERVER_LISTEN_ADDRESS]
        host = settings[options.SERVER_BIND_IP] or address.host
        scheme = "tls" if settings[options.TLS_ENABLED] else "tcp"
        main = Place(scheme, Address(host, address.port))
    return [main, *(Place.parse(text) for text in settings[options.SERVER_LISTENERS])]


class AddressMissing(CannotStart):
    """This machine does not have the address to listen on."""


@define
class Listeners:
    """
    Opens and closes the listening sockets of one factory.

    :param pool: where the sockets are made and certificates read.
    :ivar waiting: places whose address this machine does not have, if that is waited for.
    """

    log = Logger()

    reactor: IReactorSocket
    pool: Pool
    factory: Any
    environ: Mapping[str, str]
    _ports: list[IListeningPort] = field(factory=list, init=False)
    _sockets: list[Place] = field(factory=list, init=False)
    _certificates: Certificates | None = field(default=None, init=False)
    _settings: Settings | None = field(default=None, init=False)
    _are_inherited: bool = field(default=False, init=False)
    _closed: bool = field(default=False, init=False)
    waiting: list[Place] = field(factory=list, init=False)

    async def open(self, settings: Settings) -> list[str]:
        """
        Listen; on what systemd gave us, if it did, else where the settings say.

        An address that this machine does not have is waited for if the network is watched.

        :return: the places, for the log.
        :raises CannotStart: if one of them cannot be listened on.
        """
        given = self._inherited()
        if given:
            self._are_inherited = True
            scheme = "tls" if settings[options.TLS_ENABLED] else "tcp"
            for listening in given:
                await self._serve(scheme, listening, settings)
            return [f"{len(given)} sockets of systemd"]
        self._settings = settings
        opened = []
        for place in places(settings):
            try:
                await self._open(place, settings)
            except AddressMissing as error:
                if not settings[options.SERVER_NETWORKEVENTS]:
                    raise
                self.log.warn("{error}; this is tried again when it comes", error=error)
                self.waiting.append(place)
            else:
                opened.append(str(place))
        return opened or ["nothing yet"]

    async def retry(self) -> None:
        """Listen on the places whose address has come."""
        settings = self._settings
        missing, self.waiting = self.waiting, []
        for place in missing:
            try:
                if settings is not None:
                    await self._open(place, settings)
            except AddressMissing:
                self.waiting.append(place)
            except CannotStart as error:
                self.log.error("{error}", error=error)
                self.waiting.append(place)
            else:
                self.log.info("now also on {place}", place=place)

    async def _open(self, place: Place, settings: Settings) -> None:
        listening = await self.pool.run(_listen, place, settings)
        if self._closed:
            listening.close()
            return
        self._sockets.append(place)
        await self._serve(place.scheme, listening, settings)

    async def reload(self, settings: Settings) -> None:
        """
        Take the certificate anew; connections that are open keep theirs.

        :raises CertificateRefused: if it cannot be used; the old one stays in force.
        """
        if self._certificates is not None:
            self._certificates.context = await self._context(settings)

    async def leave(self) -> None:
        """
        Begin to stop: open nothing more, and let go of what others go on to listen on.

        Whoever comes to those is served by whoever has them next; to the others, by us until
        :meth:`close`.
        """
        self._closed = True
        if self._are_inherited:
            await self._close_ports()

    async def close(self) -> None:
        """Take no more connections."""
        self._closed = True
        await self._close_ports()
        for place in self._sockets:
            if place.scheme == "unix":
                await self.pool.run(place.path.unlink, missing_ok=True)
        self._sockets.clear()

    async def _close_ports(self) -> None:
        while self._ports:
            await maybeDeferred(self._ports.pop().stopListening)

    def _inherited(self) -> list[socket.socket]:
        given = []
        for name, listening in sockets.inherited(self.environ, os.getpid()):
            if name == METRICS_SOCKET:
                listening.detach()  # the metrics listener has it
            else:
                given.append(listening)
        return given

    async def _serve(self, scheme: str, listening: socket.socket, settings: Settings) -> None:
        factory = self.factory
        if scheme == "tls":
            if self._certificates is None:
                try:
                    self._certificates = Certificates(await self._context(settings))
                except CertificateRefused as error:
                    listening.close()
                    raise CannotStart(str(error)) from error
            factory = Encrypted(self._certificates, False, self.factory)
            factory.noisy = False
        with listening:
            self._ports.append(adopt(self.reactor, listening, factory))

    async def _context(self, settings: Settings) -> Any:
        return await self.pool.run(
            tls.load, settings[options.TLS_CERT_FILE], settings[options.TLS_KEY_FILE]
        )


class Encrypted(TLSMemoryBIOFactory):
    """Speaks TLS on the connections that the factory below it takes; the others are closed."""

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Make the protocol of a connection, if it is taken."""
        wrapped = self.wrappedFactory.buildProtocol(addr)
        return None if wrapped is None else self.protocol(self, wrapped)


def adopt(reactor: IReactorSocket, listening: socket.socket, factory: Any) -> IListeningPort:
    """Let the reactor accept on a listening socket, of which it takes a copy."""
    # It accepts until it would block, which must not block it.
    listening.setblocking(False)
    return reactor.adoptStreamPort(listening.fileno(), listening.family, factory)


def _listen(place: Place, settings: Settings) -> socket.socket:
    # On a thread.
    try:
        if place.scheme == "unix":
            return sockets.listen_unix(
                place.path,
                UnixPermissions(
                    settings[options.SERVER_UNIX_SOCKET_MODE],
                    settings[options.SERVER_UNIX_SOCKET_GROUP],
                ),
            )
        return sockets.listen_tcp(place.address, settings[options.SERVER_FORCE_PROTOCOL])
    except (OSError, LookupError) as error:
        reason = getattr(error, "strerror", None) or error
        where = place.path if place.scheme == "unix" else place.address
        missing = getattr(error, "errno", None) == errno.EADDRNOTAVAIL
        kind = AddressMissing if missing else CannotStart
        raise kind(f"cannot listen on {where}: {reason}") from error
