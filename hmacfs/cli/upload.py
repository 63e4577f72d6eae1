"""A client that uploads one file: plain, blocking, a block at a time."""

from __future__ import annotations

import contextlib
import http.client
import select
import ssl
from collections.abc import Callable, Mapping
from typing import BinaryIO, Final
from urllib.parse import quote, urlsplit

from attrs import frozen

TIMEOUT: Final = 120.0
"""Seconds for which the server may take, or say, nothing."""

BLOCK: Final = 256 * 1024
LONGEST_ANSWER: Final = 1024 * 1024

_AS_IT_IS: Final = "".join(map(chr, range(0x21, 0x7F)))


class UrlWrong(ValueError):
    """This is no URL that a file can be uploaded to; the message is a sentence."""


@frozen
class Place:
    """
    Where to send a file.

    :ivar target: path and query, as they are sent.
    """

    is_secure: bool
    host: str
    port: int | None
    target: str

    @classmethod
    def parse(cls, url: str) -> Place:
        """
        Read a URL; what is escaped in it stays as it is.

        :raises UrlWrong: if it is none of http or https.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise UrlWrong(f"this is no URL: {error}") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UrlWrong("a URL begins with http:// or https:// and a host")
        if parts.username is not None:
            raise UrlWrong("a URL with a user name is not taken")
        target = parts.path or "/"
        if parts.query:
            target += f"?{parts.query}"
        return cls(parts.scheme == "https", parts.hostname, port, quote(target, safe=_AS_IT_IS))

    def connection(self, context: ssl.SSLContext | None = None) -> http.client.HTTPConnection:
        """Prepare a connection; nothing is sent yet."""
        if self.is_secure:
            return http.client.HTTPSConnection(
                self.host, self.port, timeout=TIMEOUT, context=context
            )
        return http.client.HTTPConnection(self.host, self.port, timeout=TIMEOUT)


@frozen
class Answer:
    """What the server said."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes


def put(
    connection: http.client.HTTPConnection,
    target: str,
    headers: Mapping[str, str],
    source: BinaryIO,
    size: int,
    sent: Callable[[int], object] = lambda _: None,
) -> Answer:
    """
    Upload the next bytes of a file.

    A server may refuse before it has all; then the rest is not sent.

    :param sent: is told how many bytes each block had.
    :raises EOFError: if the file has fewer bytes.
    :raises OSError, http.client.HTTPException: if the server cannot be reached, or does not answer.
    """
    connection.putrequest("PUT", target, skip_accept_encoding=True)
    for name, value in {**headers, "Content-Length": str(size)}.items():
        connection.putheader(name, value)
    connection.endheaders()
    # Who refuses closes; its answer may still be there.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        left = size
        while left and not _has_answer(connection):
            block = source.read(min(BLOCK, left))
            if not block:
                raise EOFError(f"the file ended {left} bytes too early")
            connection.send(block)
            left -= len(block)
            sent(len(block))
    return _answer(connection)


def head(connection: http.client.HTTPConnection, target: str, headers: Mapping[str, str]) -> Answer:
    """
    Ask what is known of a URL.

    :raises OSError, http.client.HTTPException: as :func:`put` does.
    """
    connection.putrequest("HEAD", target, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    return _answer(connection)


def _answer(connection: http.client.HTTPConnection) -> Answer:
    response = connection.getresponse()
    body = response.read(LONGEST_ANSWER)
    fields = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, response.reason, fields, body)


def _has_answer(connection: http.client.HTTPConnection) -> bool:
    # Over TLS something to read may be no answer, but a ticket for the next session.
    if isinstance(connection, http.client.HTTPSConnection):
        return False
    waiting = select.poll()
    waiting.register(connection.sock, select.POLLIN)
    return bool(waiting.poll(0))
