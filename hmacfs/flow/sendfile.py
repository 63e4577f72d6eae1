"""
Bytes from a file to a socket without passing through this process.

``sendfile`` reads the disk, so it runs on a thread; the socket does not block,
so the thread is free again as soon as the socket's buffer is full.  The reactor
only waits for the socket to take more.
"""

from __future__ import annotations

import os
from typing import Protocol

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.error import ConnectionClosed
from twisted.internet.interfaces import IReactorFDSet, IReactorTime, IWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from hmacfs.base.errors import ClientGone
from hmacfs.base.taking import untaken
from hmacfs.flow.pools import Lane
from hmacfs.flow.source import Truncated

SEND_SIZE = 1024 * 1024
"""Most bytes that one call sends: how long it may keep a thread."""


class SendReactor(IReactorFDSet, IReactorTime):
    """What waiting for a socket needs of a reactor."""


class Direct(Protocol):
    """A socket behind a consumer that takes bytes without the consumer's buffer."""

    def duplicate(self) -> int:
        """Make a descriptor of the socket that is the caller's to close."""

    def flush(self) -> bool:
        """Send what the consumer has buffered; tell whether all of it went."""

    def sent(self, length: int) -> None:
        """Note that so many bytes went around the consumer; on the thread that sent them."""


@implementer(IWriteDescriptor)
class Writable:
    """Waits, once, until a descriptor can be written to."""

    def __init__(self, reactor: SendReactor, descriptor: int) -> None:
        self._reactor = reactor
        self._descriptor = descriptor
        self._waiting: Deferred[None] | None = None

    def wait(self, patience: float) -> Deferred[None]:
        """
        Fire when it can be written to.

        :param patience: seconds after which it fails with :class:`TimeoutError`.
        """
        waiting: Deferred[None] = Deferred(lambda _: self._reactor.removeWriter(self))
        self._waiting = waiting
        self._reactor.addWriter(self)
        return waiting.addTimeout(patience, self._reactor)

    def fileno(self) -> int:
        """Tell the descriptor."""
        return self._descriptor

    def logPrefix(self) -> str:
        """Tell what it is."""
        return "sendfile"

    def doWrite(self) -> None:
        """Fire: it can be written to."""
        self._reactor.removeWriter(self)
        self._end(None)

    def connectionLost(self, reason: Failure) -> None:
        """Fail: the other side has gone."""
        self._end(reason)

    def _end(self, outcome: Failure | None) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(outcome)


async def send(
    reactor: SendReactor,
    lane: Lane,
    file: int,
    span: tuple[int, int],
    direct: Direct,
    patience: float,
) -> None:
    """
    Send a part of a file.

    :param lane: orders the work on the file.
    :param file: the descriptor of the file.
    :param span: from which byte, and to before which.
    :param patience: seconds that the client may take nothing.
    :raises Truncated: if the file has fewer bytes.
    :raises ClientGone: if the client has gone, or takes nothing for too long.
    """
    socket = direct.duplicate()
    try:
        while not direct.flush():
            await _room(reactor, socket, patience)
        offset, stop = span
        while offset < stop:
            length = min(SEND_SIZE, stop - offset)
            went = await lane.run(_send_some, socket, file, offset, length, direct)
            if went is None:
                await _room(reactor, socket, patience)
            elif went == 0:
                raise Truncated(f"the file ends at {offset}, {stop - offset} bytes too early")
            else:
                offset += went
    except (ConnectionError, ConnectionClosed, TimeoutError) as error:
        raise ClientGone from error
    finally:
        # In its turn: never under a thread that still sends.
        await lane.run(os.close, socket)


async def _room(reactor: SendReactor, socket: int, patience: float) -> None:
    left = untaken(socket)
    while True:
        try:
            await Writable(reactor, socket).wait(patience)
        except TimeoutError:
            # There is none yet, but the client may be taking what it was sent.
            left, before = untaken(socket), left
            if left >= before:
                raise
        else:
            return


def _send_some(socket: int, file: int, offset: int, length: int, direct: Direct) -> int | None:
    # On a thread.  None: the socket's buffer is full.
    try:
        went = os.sendfile(socket, file, offset, length)
    except BlockingIOError:
        return None
    # A client that has it all may be gone before the reactor hears of it.
    direct.sent(went)
    return went
