"""
Talking to clamd, which knows what is infected.

The bytes are on the disk when they are scanned.  On a Unix socket clamd gets
the open file itself (``FILDES``), and reads what it wants of it; over TCP it
gets the bytes (``INSTREAM``).  See ``man clamd``, Commands.
"""

from __future__ import annotations

import os
import re
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen
from twisted.internet import protocol
from twisted.internet.defer import Deferred, DeferredSemaphore, TimeoutError
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint
from twisted.internet.error import ConnectError, ConnectingCancelledError
from twisted.internet.interfaces import IPullProducer, IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import Factory, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from hmacfs.blobs.interfaces import InFile
from hmacfs.rules.scannable import Scannable

CHUNK: Final = 256 * 1024
"""Bytes that clamd gets at once."""

LONGEST_ANSWER: Final = 4096
"""Bytes after which an answer is none."""

PING_TIMEOUT: Final = 5.0
"""Seconds that clamd may take to say that it is there."""

_ANSWER: Final = re.compile(r"(?:stream|fd\[-?\d+\]): (?:OK|(?P<found>.{1,400}) FOUND)")
_STREAM_LIMIT: Final = "INSTREAM size limit exceeded. ERROR"


class ScanFailed(Exception):
    """clamd did not say whether the bytes are infected; the message says why, for the log."""


class _Lost(ScanFailed):
    """The connection was closed before there was an answer."""


class TooLargeToScan(Exception):
    """clamd takes no stream of so many bytes (its StreamMaxLength)."""


@implementer(IPullProducer)
class _Dialogue(protocol.Protocol):
    """
    One command, and the answer to it.

    :ivar connection: what the command is written to.
    """

    connection: Any

    def __init__(self) -> None:
        self.answer: Deferred[str] = Deferred()
        self._received = bytearray()
        self._sent: Deferred[None] | None = None

    def connectionMade(self) -> None:
        """Let the connection say when it has sent everything."""
        self.connection = self.transport
        self.connection.registerProducer(self, False)

    def send(self, data: bytes) -> Deferred[None]:
        """Send bytes; fires when they are on their way, or when there is an answer."""
        self._release()
        sent: Deferred[None] = Deferred()
        if self.answer.called:
            sent.callback(None)
            return sent
        self._sent = sent
        self.connection.write(data)
        return sent

    def resumeProducing(self) -> None:
        """Note that everything is sent."""
        self._release()

    def stopProducing(self) -> None:
        """Note that nothing more can be sent."""
        self._release()

    def dataReceived(self, data: bytes) -> None:
        """Take a piece of the answer, which ends with a NUL."""
        self._received += data
        end = self._received.find(b"\0")
        if end >= 0:
            self._end(bytes(self._received[:end]).decode("utf-8", "backslashreplace"))
        elif len(self._received) > LONGEST_ANSWER:
            self._end(Failure(ScanFailed("clamd gives an answer without an end")))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Fail, if there was no answer."""
        self._end(Failure(_Lost("clamd closed the connection without an answer")))

    def _end(self, outcome: str | Failure) -> None:
        if not self.answer.called:
            self.answer.callback(outcome)
        self._release()

    def _release(self) -> None:
        sent, self._sent = self._sent, None
        if sent is not None:
            sent.callback(None)


def endpoint_of(reactor: Any, place: Path | tuple[str, int]) -> IStreamClientEndpoint:
    """Tell how to reach clamd at the path of a Unix socket, or at a host and port."""
    if isinstance(place, Path):
        return UNIXClientEndpoint(reactor, os.fspath(place))
    host, port = place
    return HostnameEndpoint(reactor, host.encode(), port)


@frozen
class Clamd:
    """
    A client of one clamd.

    :param endpoint: where it listens.
    :param by_descriptor: whether it can be handed open files.
    :param timeout: seconds that one scan may take, and that it may wait for its turn.
    :param most: how many scans there may be at once.
    """

    endpoint: IStreamClientEndpoint
    by_descriptor: bool
    clock: IReactorTime
    timeout: float
    most: int
    _turns: DeferredSemaphore = field(init=False, eq=False, repr=False)

    @_turns.default
    def _make_turns(self) -> DeferredSemaphore:
        return DeferredSemaphore(self.most)

    async def scan(self, subject: Scannable) -> str | None:
        """
        Scan bytes, and tell the signature that they have, or ``None`` if they are clean.

        :raises TooLargeToScan: if it takes no stream of so many bytes.
        :raises ScanFailed: if it cannot be reached, is too slow, or makes no sense.
        """
        turn = self._turns.acquire().addTimeout(self.timeout, self.clock)
        try:
            await turn
        except TimeoutError:
            raise ScanFailed(f"no scan could begin within {self.timeout:g} seconds") from None
        try:
            try:
                return await self._attempt(subject)
            except _Lost:
                # It may have been restarted; or it refused the stream and closed before the
                # answer was read.
                return await self._attempt(subject)
        finally:
            self._turns.release()

    async def ping(self) -> None:
        """
        See whether it answers.

        :raises ScanFailed: if it does not.
        """
        answer = await self._ask(_ping, min(PING_TIMEOUT, self.timeout))
        if answer != "PONG":
            raise ScanFailed(f"clamd answers a ping with {answer[:80]!r}")

    async def _attempt(self, subject: Scannable) -> str | None:
        async def scan(dialogue: _Dialogue) -> str:
            if self.by_descriptor and isinstance(subject, InFile):
                return await _hand_over(dialogue, subject)
            return await _stream(dialogue, subject)

        answer = await self._ask(scan, self.timeout)
        if answer == _STREAM_LIMIT:
            raise TooLargeToScan
        match = _ANSWER.fullmatch(answer)
        if match is None:
            raise ScanFailed(f"clamd answers a scan with {answer[:200]!r}")
        return match["found"]

    async def _ask(self, talk: Callable[[_Dialogue], Awaitable[str]], patience: float) -> str:
        whole = Deferred.fromCoroutine(self._connected(talk))
        try:
            return await whole.addTimeout(patience, self.clock)
        except (TimeoutError, ConnectingCancelledError):
            raise ScanFailed(f"clamd did not answer within {patience:g} seconds") from None
        except (ConnectError, OSError) as error:
            raise ScanFailed(f"clamd cannot be reached: {error}") from error

    async def _connected(self, talk: Callable[[_Dialogue], Awaitable[str]]) -> str:
        factory = Factory.forProtocol(_Dialogue)
        factory.noisy = False
        dialogue = await self.endpoint.connect(factory)
        if not isinstance(dialogue, _Dialogue):
            raise TypeError(f"{dialogue!r} is no dialogue with clamd")
        try:
            return await talk(dialogue)
        finally:
            # Of what was not waited for.
            dialogue.answer.addErrback(lambda _: "")
            dialogue.connection.abortConnection()


async def _ping(dialogue: _Dialogue) -> str:
    await dialogue.send(b"zPING\0")
    return await dialogue.answer


async def _hand_over(dialogue: _Dialogue, subject: InFile) -> str:
    # A descriptor of its own, to read only.
    descriptor = await subject.lane.run(_reopened, subject)
    try:
        await dialogue.send(b"zFILDES\0")
        # Not by the connection's own sendFileDescriptor: that sends once more when the file
        # is sent, and if clamd has answered by then, finds the connection lost.
        socket.send_fds(dialogue.connection.getHandle(), [b"\0"], [descriptor])
        return await dialogue.answer
    finally:
        os.close(descriptor)


def _reopened(subject: InFile) -> int:
    # On a thread.
    return os.open(f"/proc/self/fd/{subject.descriptor}", os.O_RDONLY | os.O_CLOEXEC)


async def _stream(dialogue: _Dialogue, subject: Scannable) -> str:
    await dialogue.send(b"zINSTREAM\0")
    offset = 0
    # An answer before the end is one to bytes that are too many.
    while not dialogue.answer.called:
        data = await subject.lane.run(subject.read_at, offset, CHUNK)
        await dialogue.send(struct.pack("!I", len(data)) + data)
        if not data:
            break
        offset += len(data)
    return await dialogue.answer
