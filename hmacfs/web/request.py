"""A request that begins when its headers are in."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from typing import Any

from twisted.python.failure import Failure
from twisted.web.http import datetimeToString
from twisted.web.server import Request

from hmacfs.base.errors import CodingRefused, MalformedRequest, Refusal, Unavailable
from hmacfs.base.origin import Origin, acting_for
from hmacfs.web.body import Body
from hmacfs.wire import target, trailers
from hmacfs.wire.target import Target

SERVER = b"hmac-file-server"

RETRY_AFTER_STOP = 10
"""Seconds after which a server that is being stopped may be there again."""

HEALTH = b"health"
"""The path at which it is told whether the server works: by any scheme, and while it stops."""

_UPLOADING = frozenset({b"PUT", b"POST", b"PATCH"})

# RFC 3986, 3.2.2 and 3.2.3; may be empty (RFC 9110, 7.2).
_HOST = re.compile(rb"([A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]*)?")


class StreamingRequest(Request):
    """
    A twisted.web request with a body that comes while it is handled.

    :ivar body: the body, complete from the start where there is none.
    :ivar target: the request target, decoded; names come from here and never
        from Klein, which folds slashes.
    :ivar route: the pattern of the URL, once it is known, for those who count.
    :ivar dialect: header fields that the answer has, whatever it is, because of
        the protocol that the client speaks.
    :ivar reads_problems: whether a refusal is told as a problem document (RFC 9457),
        also if Accept does not ask for one.
    :ivar origin: what is done for it is done on behalf of this.
    :ivar is_banned: whether its client is shut out.
    :ivar trailers: fields that stood after the body, by lower-case name; there
        are none before its end.
    """

    channel: Any
    site: Any
    origin: Origin
    defaultContentType = None
    target = Target(b"")
    route = ""
    trailers: Mapping[str, str] = trailers.NONE

    def __init__(self, channel: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(channel, *args, **kwargs)
        self.dialect: dict[str, str] = {}
        self.reads_problems = False
        self.is_banned = False
        self.body = Body(channel, 0)

    def gotLength(self, length: int | None) -> None:
        """Note the length of the body; nothing is spooled."""
        self.content = io.BytesIO()
        self._length = length

    def headers_received(
        self,
        command: bytes,
        path: bytes,
        version: bytes,
        first_wanted: Callable[[], None] | None,
    ) -> None:
        """Begin, with the body still to come."""
        self.body = Body(self.channel, self._length, first_wanted)
        super().requestReceived(command, target.origin_form(path), version)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Begin, if there is no body; else note its end."""
        if self.body.length == 0:
            super().requestReceived(command, target.origin_form(path), version)
        else:
            self.body.ended()

    def handleContentChunk(self, data: bytes) -> None:
        """Pass on bytes of the body."""
        self.body.data_received(data)

    def process(self) -> None:
        """Check what no route can do without, then route."""
        self.site = self.channel.site
        self.site.begun(self)
        self.origin = self.site.origin_of(self)
        with acting_for(self.origin):
            self._process()

    def _process(self) -> None:
        try:
            self.site.check_banned(self)
            self.target = target.parse(self.uri)
            self._check_host()
            self._check_asterisk()
            self._check_path()
            self._check_open()
            self._check_coding()
            self.channel.site.check_scheme(self)
        except Refusal as refusal:
            self.site.refuse(self, refusal)
        else:
            super().process()

    def _check_host(self) -> None:
        hosts = self.requestHeaders.getRawHeaders(b"Host", [])
        if len(hosts) > 1 or (not hosts and self.clientproto == b"HTTP/1.1"):
            raise MalformedRequest("the request needs exactly one Host header")
        if hosts and _HOST.fullmatch(hosts[0]) is None:
            raise MalformedRequest("the Host header is not a host and a port")

    def _check_asterisk(self) -> None:
        if self.uri == b"*":
            if self.method != b"OPTIONS":
                raise MalformedRequest("the request target * is for OPTIONS only")
            # Routed as any path: what is true of the server is true of each resource.
            self.path = b"/"

    def _check_path(self) -> None:
        # Klein decodes the path too, and would log a traceback.
        try:
            self.target.path.decode("utf-8")
        except UnicodeDecodeError:
            raise MalformedRequest("the path is not UTF-8") from None

    def _check_open(self) -> None:
        if self.site.draining and self.target.path != HEALTH:
            raise Unavailable("the server is being stopped", retry_after=RETRY_AFTER_STOP)

    def _check_coding(self) -> None:
        # Bytes are stored as they come, and without their coding they would be another
        # file (RFC 9110, 8.4 and 15.5.16).
        if self.method not in _UPLOADING:
            return
        fields = self.requestHeaders.getRawHeaders(b"Content-Encoding", [])
        codings = {coding.strip().lower() for field in fields for coding in field.split(b",")}
        if codings - {b"", b"identity"}:
            raise CodingRefused(
                "files are taken as they are, in no content coding", accept_encoding="identity"
            )

    def getRequestHostname(self) -> bytes:
        """Tell the host asked for; on a Unix socket there need not be one."""
        if self.requestHeaders.hasHeader(b"Host"):
            return bytes(super().getRequestHostname())
        return b"localhost"

    def unregisterProducer(self) -> None:
        """Let go of the producer, also when the connection went before."""
        if self.channel is None:
            self.producer = None
        else:
            super().unregisterProducer()

    def interim(self, status: int, phrase: str, headers: Mapping[str, str]) -> bool:
        """
        Send a response before the final one (RFC 9110, 15.2), if there is still time.

        HTTP/1.0 has none.

        :return: whether it was sent.
        """
        if self.finished or self.startedWriting or self.channel is None:
            return False
        if self.clientproto != b"HTTP/1.1":
            return False
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.channel.transport.write(f"HTTP/1.1 {status} {phrase}\r\n{fields}\r\n".encode())
        return True

    def write(self, data: bytes) -> None:
        """Write part of the response."""
        if not self.startedWriting:
            self.setHeader(b"Server", SERVER)
            # The stock class sets it where it routes, which refusals may come before.
            self.setHeader(b"Date", datetimeToString())
            if not self.body.complete:
                self.channel.answers_early()
            if not self.channel.persistent:
                self.setHeader(b"Connection", b"close")
        super().write(data)

    def connectionLost(self, reason: Failure) -> None:
        """Tell the route first, which Klein then cancels, and whoever waits for the body after."""
        super().connectionLost(reason)
        self.body.broken(reason)
        if self.site is not None:
            self.site.lost(self)
