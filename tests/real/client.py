"""A client of HTTP/1.1 that sends what it is told to, right or wrong, and hides nothing it gets.

An ordinary library mends or refuses the requests that these tests are about.
"""

from __future__ import annotations

import hashlib
import select
import socket
import ssl
import struct
from collections.abc import Iterable, Mapping
from typing import Final, Self

import attrs

PATIENCE: Final = 60.0
BLOCK: Final = 256 * 1024

Headers = Mapping[str, str | int]


class NoAnswer(Exception):
    """The connection ended before an answer, or in the middle of one."""


@attrs.frozen
class Answer:
    """An answer; the names of its header fields are in lower case.

    :ivar body: empty if it was only digested.
    :ivar sha256: of the body, in hex.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = attrs.field(repr=False)
    sha256: str = attrs.field(repr=False)

    @property
    def closes(self) -> bool:
        """Whether it says that the connection ends with it."""
        return self.headers.get("connection", "").lower() == "close"


class Connection:
    """A connection to a server, on the loopback unless told otherwise; a context manager.

    :param source: the address to come from, if not the usual one.
    :param tls: who speaks TLS, if anybody does.
    """

    def __init__(
        self,
        port: int,
        source: str = "",
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self._socket = socket.create_connection(
            (host, port), timeout=PATIENCE, source_address=(source, 0)
        )
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self._socket = tls.wrap_socket(self._socket, server_hostname="localhost")
        self._read = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Go away."""
        self._read.close()
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def end(self) -> None:
        """Send nothing more, and still read."""
        self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Go away without a farewell."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def begin(self, method: str, target: str | bytes, headers: Headers | None = None) -> None:
        """Send the head of a request, with a Host and the header fields given."""
        raw = target.encode() if isinstance(target, str) else target
        lines = [b"%s %s HTTP/1.1" % (method.encode(), raw)]
        for name, value in {"Host": "test", **(headers or {})}.items():
            lines.append(f"{name}: {value}".encode())
        self.send(b"\r\n".join([*lines, b"", b""]))

    def request(self, method: str, target: str | bytes, headers: Headers | None = None) -> Answer:
        """Send a request without a body and return its answer."""
        self.begin(method, target, headers)
        return self.answer(method)

    def put(
        self,
        target: str | bytes,
        data: bytes,
        kind: str | None = None,
        headers: Headers | None = None,
    ) -> Answer:
        """Upload bytes; all are sent before the answer is looked at, as most clients do."""
        typed: Headers = {} if kind is None else {"Content-Type": kind}
        self.begin("PUT", target, {"Content-Length": len(data), **typed, **(headers or {})})
        self.send(data)
        return self.answer("PUT")

    def answer(self, method: str = "GET", keep: bool = True) -> Answer:
        """Read one answer, be it interim.

        :param method: that of the request: to HEAD there is no body.
        :param keep: whether to return the body, and not only its digest.
        :raises NoAnswer: if there is none, or not all of it.
        """
        status = self._status()
        headers = self._headers()
        digest = hashlib.sha256()
        kept = []
        for block in self._body(method, status, headers):
            digest.update(block)
            if keep:
                kept.append(block)
        return Answer(status, headers, b"".join(kept), digest.hexdigest())

    def _line(self) -> str:
        try:
            line = self._read.readline()
        except ConnectionResetError as error:
            raise NoAnswer("the connection was reset") from error
        if not line.endswith(b"\r\n"):
            raise NoAnswer(f"the connection ended after {line!r}")
        return line[:-2].decode("latin-1")

    def _status(self) -> int:
        version, number, _ = self._line().split(" ", 2)
        assert version == "HTTP/1.1", version
        return int(number)

    def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        while line := self._line():
            name, colon, value = line.partition(":")
            assert colon, line
            assert name.lower() not in headers, f"{name} is there twice"
            headers[name.lower()] = value.strip()
        return headers

    def _body(self, method: str, status: int, headers: Mapping[str, str]) -> Iterable[bytes]:
        if method == "HEAD" or status < 200 or status in (204, 304):
            return
        left = int(headers["content-length"])
        while left:
            try:
                block = self._read.read(min(BLOCK, left))
            except ConnectionResetError as error:
                raise NoAnswer(f"the connection was reset {left} bytes too early") from error
            if not block:
                raise NoAnswer(f"the body ended {left} bytes too early")
            left -= len(block)
            yield block

    def everything(self) -> bytes:
        """Return all that comes until the server closes."""
        return self._read.read()

    def is_closed(self) -> bool:
        """Wait for the server to say or close something; tell whether it has closed."""
        try:
            return self._read.read(1) == b""
        except ConnectionResetError:
            return True

    def works(self) -> bool:
        """Tell whether another request over this connection is answered."""
        return self.request("GET", "/health").body == b"OK\n"

    def certificate(self) -> bytes:
        """Return the certificate that the server has shown, in DER."""
        assert isinstance(self._socket, ssl.SSLSocket)
        shown = self._socket.getpeercert(binary_form=True)
        assert shown is not None
        return shown

    def is_silent(self, seconds: float) -> bool:
        """Tell whether nothing comes for so long, not even an end."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(seconds * 1000)


def ask(port: int, method: str, target: str | bytes, headers: Headers | None = None) -> Answer:
    """Send one request without a body over a connection of its own."""
    with Connection(port) as connection:
        return connection.request(method, target, headers)


def put(port: int, target: str | bytes, data: bytes, kind: str | None = None) -> Answer:
    """Upload bytes over a connection of its own."""
    with Connection(port) as connection:
        return connection.put(target, data, kind)
