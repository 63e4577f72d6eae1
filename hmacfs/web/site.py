"""The HTTP server: makes the connections, limits them, and logs what they asked."""

from __future__ import annotations

from socket import socket
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure
from twisted.web.resource import IResource
from twisted.web.server import Site

from hmacfs.base.addresses import Address
from hmacfs.base.errors import Banned, Refusal, SchemeRefused, SignatureMissing, SignatureWrong
from hmacfs.base.events import (
    ConnectionsChanged,
    DeviceSeen,
    Events,
    RequestEnded,
    RequestRefused,
    RequestsChanged,
)
from hmacfs.rules.bans import Bans
from hmacfs.web import access_log, replies
from hmacfs.web.errors import status_of
from hmacfs.web.idle import IdleConnections
from hmacfs.web.origin import RequestOrigin
from hmacfs.web.patience import Patience, Phase
from hmacfs.web.peers import Peers, address_of
from hmacfs.web.request import HEALTH, StreamingRequest
from hmacfs.web.switching import SwitchingChannel
from hmacfs.web.transports import lowest
from hmacfs.wire import tus
from hmacfs.wire.forwarded import address

CLIENT_CLOSED_REQUEST = 499
"""The status of a request whose client went away before an answer; it is never sent."""

_READS = frozenset({b"GET", b"HEAD", b"OPTIONS"})
"""Methods that may be tried without a credential to see whether one is needed."""


class CountedChannel(SwitchingChannel):
    """A connection that its site knows of."""

    site: StreamingSite

    @property
    def client(self) -> Address:
        """The address at the other end, which may be that of a proxy."""
        return address_of(self.transport.getPeer())

    @property
    def here(self) -> Address | None:
        """The address that it came to; none on a Unix socket."""
        return address(getattr(self.transport.getHost(), "host", ""))

    @property
    def socket(self) -> socket | None:
        """The socket, also below TLS."""
        found: socket | None = getattr(lowest(self.transport), "socket", None)
        return found

    def connectionMade(self) -> None:
        """Wait for the first request."""
        self.site.connection_made(self)
        super().connectionMade()

    def requestDone(self, request: Any) -> None:
        """Go on to the next request, if the site lets another connection wait for one."""
        super().requestDone(request)
        if self.is_idle:
            self.site.connection_idle(self)

    def _refuse(self, refusal: Refusal) -> None:
        if self._phase is not Phase.BODY:
            self.site.unreadable(self, refusal)
        super()._refuse(refusal)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell the requests, then the site."""
        super().connectionLost(reason)
        self.site.connection_lost(self)


@frozen
class Conduct:
    """
    How a site treats its connections.

    :ivar max_connections: further connections are closed as they come.
    :ivar max_header_bytes: the most bytes of request line and headers.
    :ivar force_protocol: ``http`` or ``https`` if requests must come by it.
    :ivar keep_alive: whether a connection may bring more than one request.
    :ivar max_idle: how many connections of one address may wait for a request; 0 for any.
        Trusted proxies are many clients, and may have any number.
    :ivar counts_devices: whether it is told what devices requests come from.
    :ivar bans: who is shut out, if anybody may be.
    """

    peers: Peers
    patience: Patience
    max_connections: int
    max_header_bytes: int
    force_protocol: str = ""
    keep_alive: bool = True
    max_idle: int = 0
    counts_devices: bool = False
    bans: Bans | None = None


class StreamingSite(Site):
    """
    Serves a resource over streaming channels.

    :param events: is told of requests and connections.
    :ivar draining: whether no more requests are taken.
    """

    noisy = False
    access = Logger()
    access_level: Any = LogLevel.info

    def __init__(
        self,
        resource: IResource,
        reactor: IReactorTime,
        conduct: Conduct,
        events: Events | None = None,
    ) -> None:
        super().__init__(resource, requestFactory=StreamingRequest, reactor=reactor)
        self._events = events or Events()
        self._began: dict[StreamingRequest, float] = {}
        self.conduct = conduct
        self.draining = False
        self.connections: set[CountedChannel] = set()
        self._idle: IdleConnections[CountedChannel] = IdleConnections()
        self._leaving: list[tuple[set[CountedChannel], Deferred[None]]] = []

    def adopt(self, resource: IResource, conduct: Conduct) -> None:
        """Serve what comes from now on by these; requests that have begun are not touched."""
        self.resource = resource
        self.conduct = conduct

    def buildProtocol(  # type: ignore[override]  # the stock site wraps its channels for HTTP/2
        self, addr: IAddress | None
    ) -> CountedChannel | None:
        """Make the channel of a new connection, unless there are too many."""
        if len(self.connections) >= self.conduct.max_connections:
            self.access.warn("refused a connection: there are {n}", n=len(self.connections))
            return None
        if addr is not None and self._ignores(address_of(addr)):
            return None
        channel = CountedChannel()
        channel.factory = channel.site = self
        channel.requestFactory = self.requestFactory
        channel.callLater = self.reactor.callLater  # type: ignore[method-assign,assignment]
        channel.seconds = self.reactor.seconds
        channel.patience = self.conduct.patience
        channel.keep_alive = self.conduct.keep_alive and not self.draining
        channel.totalHeadersSize = self.conduct.max_header_bytes
        return channel

    def connection_made(self, channel: CountedChannel) -> None:
        """Note that a connection has come."""
        self.connections.add(channel)
        self._events.tell(ConnectionsChanged(len(self.connections)))

    def connection_lost(self, channel: CountedChannel) -> None:
        """Note that a connection has gone."""
        self.connections.discard(channel)
        if self._idle:
            self._idle.discard(channel, channel.client)
        self._events.tell(ConnectionsChanged(len(self.connections)))
        for leaving, _ in self._leaving:
            leaving.discard(channel)
        ended = [gone for leaving, gone in self._leaving if not leaving]
        self._leaving = [each for each in self._leaving if each[0]]
        for gone in ended:
            gone.callback(None)

    def connection_idle(self, channel: CountedChannel) -> None:
        """Let a connection wait, and end another where too many of its address do."""
        limit = self.conduct.max_idle
        if limit and not self.conduct.peers.is_proxy(channel.client):
            for surplus in self._idle.add(channel, channel.client, limit):
                surplus.finish_soon()

    async def drain(self, patience: float) -> None:
        """
        End the connections that there are: idle ones now, the others after their answer.

        A request that comes later is answered that it is too late, and not waited for.

        :param patience: seconds after which those that are left are cut.
        """
        self.draining = True
        under_way = {each for each in self.connections if not (each.is_idle or each.is_unused)}
        for channel in tuple(self.connections):
            channel.finish_soon()
        await self._part(under_way & self.connections, patience)

    async def end(self, patience: float) -> None:
        """
        End all connections.

        :param patience: seconds for which answers may go on.
        """
        self.draining = True
        for channel in tuple(self.connections):
            if channel.is_unused:
                channel.loseConnection()
            else:
                channel.finish_soon()
        await self._part(set(self.connections), patience)

    async def _part(self, leaving: set[CountedChannel], patience: float) -> None:
        try:
            await self._gone(leaving).addTimeout(patience, self.reactor)
        except TimeoutError:
            self.access.warn("cut {n} connections", n=len(leaving))
            for channel in tuple(leaving):
                channel.abort()
            await self._gone(leaving)

    def _gone(self, leaving: set[CountedChannel]) -> Deferred[None]:
        gone: Deferred[None] = Deferred()
        if leaving:
            self._leaving.append((leaving, gone))
        else:
            gone.callback(None)
        return gone

    def acceptableProtocols(self) -> list[bytes]:
        """Offer what the channel speaks, or TLS clients choose h2 (RFC 7301)."""
        return [b"http/1.1"]

    def begun(self, request: StreamingRequest) -> None:
        """Note that a request has begun."""
        self._began[request] = self.reactor.seconds()
        self._events.tell(RequestsChanged(len(self._began)))
        if self.conduct.counts_devices:
            self._events.tell(DeviceSeen(replies.device_of(request)))

    def lost(self, request: StreamingRequest) -> None:
        """Note that the client of a request has gone, perhaps before the end of its answer."""
        if request not in self._began:
            # It was answered, and what was left of its body thrown away.
            return
        status = request.code if request.startedWriting else CLIENT_CLOSED_REQUEST
        self._note(request, status)
        self._ended(request, status)

    def check_scheme(self, request: StreamingRequest) -> None:
        """
        Insist on the scheme that requests must come by; whether the server is well tells any.

        :raises SchemeRefused: if this one came by the other.
        """
        wanted = self.conduct.force_protocol
        if request.target.path == HEALTH:
            return
        if wanted in ("http", "https") and self.conduct.peers.scheme_of(request) != wanted:
            raise SchemeRefused(f"this server is reached by {wanted} only", scheme=wanted)

    def check_banned(self, request: StreamingRequest) -> None:
        """
        Insist that the client is not shut out; if it is, its connection ends too.

        :raises Banned: if it is.
        """
        bans = self.conduct.bans
        if bans is None or bans.are_none:
            return
        ban = bans.find(self.conduct.peers.client_of(request))
        if ban is not None:
            bans.answered(ban)
            request.channel.persistent = False
            request.is_banned = True
            raise Banned(
                "too many credentials from this address were refused: try again later",
                retry_after=bans.left(ban),
            )

    def _ignores(self, peer: Address) -> bool:
        # Of a proxy that is trusted it shows only later whose request comes.
        bans, peers = self.conduct.bans, self.conduct.peers
        return bans is not None and not peers.is_proxy(peer) and bans.ignores(peer)

    def refuse(self, request: StreamingRequest, refusal: Refusal) -> None:
        """Answer a request that cannot be routed."""
        if request.requestHeaders.hasHeader(b"Tus-Resumable"):
            request.dialect["Tus-Resumable"] = tus.VERSION
        if not request.is_banned:
            self.refused(request, refusal)
        replies.refuse(request, refusal)

    def origin_of(self, request: StreamingRequest) -> RequestOrigin:
        """Tell on whose behalf is done what a request asks for."""
        return RequestOrigin(request, self.conduct.peers)

    def refused(self, request: StreamingRequest, refusal: Refusal) -> None:
        """Tell that a request is refused; for some refusals clients are shut out."""
        self._events.tell(RequestRefused(request.origin, refusal.code))
        is_missing = isinstance(refusal, SignatureMissing) and request.method not in _READS
        if self.conduct.bans is not None and (isinstance(refusal, SignatureWrong) or is_missing):
            self.conduct.bans.refused(self.conduct.peers.client_of(request), refusal.code)

    def unreadable(self, channel: CountedChannel, refusal: Refusal) -> None:
        """Log what was no request that could be read; whose it is, no header tells."""
        self.access.emit(
            self.access_level,
            "{client} sent what is no request: {status} {detail}",
            client=getattr(channel.transport.getPeer(), "host", "-"),
            status=status_of(refusal).value,
            detail=refusal.detail,
        )

    def log(self, request: Any) -> None:
        """Log a request that has been answered."""
        self._note(request, request.code)
        self._ended(request, request.code)

    def _note(self, request: StreamingRequest, status: int) -> None:
        fields = access_log.fields(request, self.conduct.peers.client_of(request), status)
        # Who is shut out fills no log.
        level = LogLevel.debug if request.is_banned else self.level_of(request)
        self.access.emit(level, access_log.FORMAT, **fields)

    def level_of(self, request: StreamingRequest) -> Any:
        """Tell how important it is who asked."""
        return self.access_level

    def _ended(self, request: StreamingRequest, status: int) -> None:
        began = self._began.pop(request, None)
        if began is not None:
            method = request.method.decode("ascii", "backslashreplace")
            seconds = self.reactor.seconds() - began
            self._events.tell(RequestsChanged(len(self._began)))
            self._events.tell(RequestEnded(method, request.route, status, seconds))
