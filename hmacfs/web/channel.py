"""
A twisted.web channel that starts a request when its headers are in.

The stock channel reads the whole body before anything of the application
runs.  This one routes at the blank line, hands the body over while it comes,
lets ``100 Continue`` wait for the application, and ends a refused upload so
that its client can read why.

It leans on names that :class:`twisted.web.http.HTTPChannel` keeps to itself:
``_command``, ``_path``, ``_version``, ``_networkProducer``,
``_handlingRequest``, ``_waitingForTransport``, ``_requestProducer``,
``_receivedHeaderSize``, ``_savedTimeOut``, ``_send100Continue``,
``_maybeChooseTransferDecoder`` and ``_respondToBadRequestAndDisconnect``, and
on what its decoder of chunks knows of trailers: ``_trailerHeaders`` and
``_maxTrailerHeadersSize``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import (
    IDelayedCall,
    IHalfCloseableDescriptor,
    IHalfCloseableProtocol,
)
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from zope.interface import implementer

from hmacfs.base.errors import HeadersTooLarge, MalformedRequest, Refusal, Stalled
from hmacfs.web import framing
from hmacfs.web.body import Body, StreamedRequest
from hmacfs.web.errors import bare_response
from hmacfs.web.inlet import SocketInlet
from hmacfs.web.pace import WINDOW, SlownessWatch, SpeedLimit
from hmacfs.web.patience import Patience, Phase
from hmacfs.web.transports import untaken
from hmacfs.wire import trailers

_NOT_ASCII = re.compile(rb"[\x80-\xff]")


@implementer(IHalfCloseableProtocol)
class StreamingChannel(HTTPChannel):
    """One connection; see the module."""

    patience = Patience()
    keep_alive = True
    seconds: Callable[[], float]

    timeOut: float | None  # type: ignore[assignment]  # the stock class knows whole seconds only
    transport: Any

    _phase = Phase.HEADERS
    _body_paused = False
    _lost = False
    _fault: Refusal | None = None
    _linger_call: IDelayedCall | None = None
    _pace_call: IDelayedCall | None = None
    _watch_call: IDelayedCall | None = None
    _thrown_away = 0
    _untaken = math.inf

    def connectionMade(self) -> None:
        """Wait for the first request."""
        self.timeOut = self.patience.headers
        self.MAX_LENGTH = self.totalHeadersSize
        super().connectionMade()

    # From the network to the request.

    def dataReceived(self, data: bytes) -> None:
        """Take what the client sent."""
        if self._phase is Phase.LINGERING:
            self._throw_away(len(data))
            return
        if self._phase is Phase.DEAF:
            return
        if self._phase is Phase.IDLE:
            self._phase = Phase.HEADERS
            self.setTimeout(self.patience.headers)
        elif self._phase is Phase.BODY:
            self.resetTimeout()
        LineReceiver.dataReceived(self, data)

    def lineReceived(self, line: bytes) -> None:
        """Take a line of the headers."""
        if self._phase in (Phase.DEAF, Phase.LINGERING):
            return
        if self._receivedHeaderSize + len(line) > self.totalHeadersSize:
            self.lineLengthExceeded(line)
            return
        if not hasattr(self, "_command"):
            # Servers send raw UTF-8 in targets, which twisted.web refuses.
            method, space, rest = line.partition(b" ")
            line = method + space + _NOT_ASCII.sub(lambda found: b"%%%02X" % found[0][0], rest)
        super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        """Refuse headers over the limit."""
        self._refuse(
            HeadersTooLarge(
                f"the headers are longer than {self.totalHeadersSize} bytes",
                limit=self.totalHeadersSize,
            )
        )

    def rawDataReceived(self, data: bytes) -> None:
        """Take bytes of a body, or of requests that wait for this one's answer."""
        if self._phase is Phase.LINGERING:
            self._throw_away(len(data))
        elif self._phase is not Phase.DEAF:
            super().rawDataReceived(data)
            if self._phase is Phase.BODY:
                self._keep_pace(len(data))

    def headerReceived(self, line: bytes) -> bool:
        """Take a header field."""
        if self._receivedHeaderCount >= self.maxHeaders:
            self._fault = HeadersTooLarge(
                f"there are more than {self.maxHeaders} header fields", limit=self.maxHeaders
            )
        return bool(super().headerReceived(line))

    def _maybeChooseTransferDecoder(self, header: bytes, data: bytes) -> bool:
        try:
            framing.check_length(header, data, is_known=self._transferDecoder is not None)
        except MalformedRequest as fault:
            self._fault = fault
            return bool(self._failChooseTransferDecoder())
        return bool(super()._maybeChooseTransferDecoder(header, data))

    def checkPersistence(self, request: Any, version: bytes) -> bool:
        """Tell whether the connection may go on after a request."""
        options = request.requestHeaders.getRawHeaders(b"Connection", [])
        return self.keep_alive and framing.lets_go_on(version, options)

    def allHeadersReceived(self) -> None:
        """Begin the request."""
        request: Any = self.requests[-1]
        self.persistent = self.checkPersistence(request, self._version)
        request.gotLength(self.length)
        if self.length == 0:
            return
        if self.length is None:
            decoder: Any = self._transferDecoder
            decoder._maxTrailerHeadersSize = self.totalHeadersSize
        self._phase = Phase.BODY
        self.setTimeout(self.patience.body)
        self._limit = SpeedLimit(self.patience.fastest, self.seconds)
        self._watch = SlownessWatch(self.patience.slowest)
        self._watch_call = self.callLater(WINDOW, self._judge_slowness)
        expect = request.requestHeaders.getRawHeaders(b"Expect", [b""])[0]
        wants_continue = expect.lower() == b"100-continue" and self._version == b"HTTP/1.1"
        request.headers_received(
            self._command,
            self._path,
            self._version,
            self._send100Continue if wants_continue else None,
        )

    def allContentReceived(self) -> None:
        """Note that the whole request is in."""
        if self._phase is not Phase.LINGERING:
            self._phase = Phase.ANSWERING
            self._stop_pacing()
            request: StreamedRequest = self.requests[-1]
            request.trailers = trailers.read(getattr(self._transferDecoder, "_trailerHeaders", ()))
            super().allContentReceived()

    # Flow control.

    def pause_body(self) -> None:
        """Stop reading; our own slowness is not the client's silence."""
        if self._phase is Phase.BODY and not self._body_paused:
            self._body_paused = True
            self._stop_reading()

    def resume_body(self) -> None:
        """Read on."""
        if self._phase is Phase.BODY and self._body_paused and not self._lost:
            self._body_paused = False
            self._read_on()

    def inlet(self, body: Body) -> SocketInlet | None:
        """Tell the socket, unless how fast it is read is our affair."""
        if self._phase is not Phase.BODY or self._lost or self.patience.fastest:
            return None
        return SocketInlet.of(self.transport, self._transferDecoder, body)

    def _stop_reading(self) -> None:
        self._watch.excuse()
        self.setTimeout(None)
        self._networkProducer.pauseProducing()

    def _read_on(self) -> None:
        if not self._body_paused and self._pace_call is None:
            self.setTimeout(self.patience.body)
            self._networkProducer.resumeProducing()

    def _keep_pace(self, length: int) -> None:
        wait = self._limit.wait_after(length)
        if wait > 0 and self._pace_call is None:
            self._pace_call = self.callLater(wait, self._pace_kept)
            self._stop_reading()

    def _pace_kept(self) -> None:
        self._pace_call = None
        self._read_on()

    def _judge_slowness(self) -> None:
        self._watch_call = None
        request: StreamedRequest = self.requests[-1]
        if self._watch.too_slow(request.body.received):
            slowest = self.patience.slowest
            self._refuse(
                Stalled(f"the body came slower than {slowest} bytes a second", rate=slowest)
            )
        else:
            self._watch_call = self.callLater(WINDOW, self._judge_slowness)

    def _stop_pacing(self) -> None:
        for call in (self._pace_call, self._watch_call):
            if call is not None:
                call.cancel()
        self._pace_call = self._watch_call = None

    def pauseProducing(self) -> None:
        """Stop writing: the client takes nothing."""
        super().pauseProducing()
        if self._phase in (Phase.ANSWERING, Phase.DEAF):
            self._untaken = untaken(self.transport)
            self.setTimeout(self.patience.write)

    def write(self, data: bytes) -> None:
        """Write part of a response."""
        super().write(data)
        if self._waitingForTransport:
            # TLS passes on a little at a time, and we were told to pause before it was through.
            self._untaken = untaken(self.transport)

    def resumeProducing(self) -> None:
        """Write on.  That the client takes what we send is no reason to read a paused body."""
        if self._phase in (Phase.ANSWERING, Phase.DEAF):
            self.setTimeout(None)
        held_back = self._body_paused or self._pace_call is not None
        if held_back and self._phase is Phase.BODY:
            self._waitingForTransport = False
            if self._requestProducer is not None:
                self._requestProducer.resumeProducing()
        else:
            super().resumeProducing()

    # The end of a request, and of the connection.

    def answers_early(self) -> None:
        """Take no more of the body: its answer begins, and goes before the rest of it."""
        # What is left of the body cannot be told from a next request.
        self.persistent = False
        if self._phase is Phase.BODY:
            self._phase = Phase.DEAF
            self._stop_pacing()
            self.setTimeout(None)

    def requestDone(self, request: Any) -> None:
        """Go on to the next request, or end a connection whose body nobody will read."""
        if request.body.complete:
            self._phase = Phase.IDLE
            self._savedTimeOut = self.patience.idle
            self._untaken = math.inf
            super().requestDone(request)
        else:
            self._linger()

    def loseConnection(self) -> None:
        """End the connection when all is sent; a client that does not let it end is cut."""
        # TLS waits for the client's farewell, which need not come.
        self._untaken = math.inf
        self.setTimeout(self.patience.linger)
        super().loseConnection()

    def timeoutConnection(self) -> None:
        """End a connection that has been waited for long enough."""
        if self._phase is Phase.BODY:
            self._refuse(
                Stalled(
                    f"nothing came for {self.patience.body:g} seconds", after=self.patience.body
                )
            )
        elif self._phase is Phase.HEADERS and (self.requests or self._buffer):
            self._refuse(
                Stalled(
                    f"the headers took longer than {self.patience.headers:g} seconds",
                    after=self.patience.headers,
                )
            )
        elif self._is_being_taken():
            self.setTimeout(self.patience.write)
        else:
            self.transport.abortConnection()

    def _is_being_taken(self) -> bool:
        # However slowly: our buffers, and the kernel's, may hold more than it can take in time.
        before, self._untaken = self._untaken, untaken(self.transport)
        return 0 < self._untaken < before

    def readConnectionLost(self) -> None:
        """End the connection of a client that sends no more, unless an answer is due."""
        # When that is done we read on, and are told again.
        if self._phase not in (Phase.ANSWERING, Phase.DEAF):
            self.loseConnection()

    def writeConnectionLost(self) -> None:
        """Take no note of our own half of a staged close."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell the requests that their client has gone."""
        self._lost = True
        self._stop_pacing()
        if self._linger_call is not None:
            self._linger_call.cancel()
            self._linger_call = None
        super().connectionLost(reason)

    @property
    def is_idle(self) -> bool:
        """Tell whether it waits for a further request, of which nothing has come."""
        nothing_came = not self._buffer and not self._dataBuffer
        return self._phase is Phase.IDLE and nothing_came and not self._lost

    @property
    def is_unused(self) -> bool:
        """Tell whether no request has begun to come over it, though one may be on its way."""
        return self._phase is Phase.HEADERS and not self.requests

    def finish_soon(self) -> None:
        """End the connection: now if it is idle, else after the next answer."""
        if self._phase is Phase.IDLE:
            self.loseConnection()
        else:
            # One that was not to go on would not take its first request.
            self.keep_alive = False
            self.persistent = self.is_unused

    def abort(self) -> None:
        """Cut the connection, for a response that cannot be completed."""
        self.transport.abortConnection()

    def _respondToBadRequestAndDisconnect(self) -> None:
        self._refuse(self._fault or MalformedRequest("the request cannot be read"))

    def _refuse(self, refusal: Refusal) -> None:
        routed = self._phase is Phase.BODY
        self._phase = Phase.DEAF
        self._stop_pacing()
        self.setTimeout(None)
        if routed:
            request: StreamedRequest = self.requests[-1]
            request.body.broken(Failure(refusal))
        else:
            self.transport.write(bare_response(refusal))
            self._linger()

    def _linger(self) -> None:
        # Closing at once would make the kernel reset the connection while the
        # client still sends, and the answer would be lost (RFC 9112, 9.6).
        self._phase = Phase.LINGERING
        self._stop_pacing()
        self.setTimeout(None)
        self._networkProducer.resumeProducing()
        half: Any = IHalfCloseableDescriptor(self.transport, None)
        if half is not None:
            half.loseWriteConnection()
        self._untaken = math.inf
        self._linger_call = self.callLater(self.patience.linger, self._linger_on)

    def _linger_on(self) -> None:
        if self._is_being_taken():
            self._linger_call = self.callLater(self.patience.linger, self._linger_on)
        else:
            self._stop_lingering()

    def _throw_away(self, length: int) -> None:
        self._thrown_away += length
        if self._thrown_away > self.patience.linger_bytes and self._linger_call is not None:
            self._linger_call.cancel()
            self._stop_lingering()

    def _stop_lingering(self) -> None:
        self._linger_call = None
        self.transport.abortConnection()
