"""
Bytes from a socket to the disk without passing through the reactor.

A client on a fast network sends faster than the reactor can hand on.  When a
stage has paused such a client, a thread takes the bytes from the socket and
writes them, while a second one hashes those before.  The socket does not block:
when it has no more the reactor waits for it, as it does for slower clients.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from attrs import frozen
from twisted.internet.defer import Deferred, succeed

from hmacfs.flow.pools import Lane, Pool

PULL_SIZE = 1024 * 1024
"""Most bytes that a thread takes in one turn."""

WAITS = 4
"""How often a thread waits, in one turn, for a socket that is empty."""

WAIT = 1
"""Milliseconds that it waits each time: less than the way through the reactor takes."""


class Inlet(Protocol):
    """A socket behind a paused producer, from which bytes can be taken in its place."""

    def duplicate(self) -> int:
        """Make a descriptor of the socket that is the caller's to close."""

    def left(self) -> int:
        """Tell how many bytes may be taken."""

    def took(self, length: int) -> None:
        """Note that so many bytes were taken."""


@runtime_checkable
class DirectProducer(Protocol):
    """A push producer whose bytes may be taken around it while it is paused."""

    def inlet(self) -> Inlet | None:
        """Tell where, or ``None`` if they can come through the producer only."""


@frozen
class Target:
    """
    Where pulled bytes go.  ``write`` and ``digest`` block and run on threads.

    :ivar lane: orders the writes.
    :ivar digest: is given the bytes that were written, in their order.
    :ivar wanted: tells how many bytes are wanted still.
    :ivar wrote: is told how many bytes each turn has written.
    """

    lane: Lane
    write: Callable[[memoryview], object]
    digest: Callable[[memoryview], object]
    wanted: Callable[[], int]
    wrote: Callable[[int], object]


class Pulls:
    """
    Pulls bytes, with a bounded number of buffers.

    :param pool: where digests are made, beside the writing.
    :param most: how many may pull at once; the others go through the reactor.
    :param size: the size of a buffer in bytes; each pull has two.
    """

    def __init__(self, pool: Pool, most: int, size: int = PULL_SIZE) -> None:
        self._pool = pool
        self._size = size
        self._unmade = most
        self._pairs: list[tuple[bytearray, bytearray]] = []

    async def run(self, inlet: Inlet, target: Target) -> None:
        """
        Take bytes until the socket has none for the moment, or no more are wanted.

        A socket that has ended, or is broken, has none; the reactor will meet that.
        """
        pair = self._borrow()
        if pair is None:
            return
        socket = inlet.duplicate()
        digested: Deferred[object] = succeed(None)
        buffer, other = memoryview(pair[0]), memoryview(pair[1])
        try:
            while (most := min(target.wanted(), inlet.left(), self._size)) > 0:
                taken = await target.lane.run(_take, socket, buffer[:most], target.write)
                await digested
                inlet.took(taken)
                target.wrote(taken)
                digested = self._pool.run(target.digest, buffer[:taken])
                if taken < most:
                    break
                buffer, other = other, buffer
        finally:
            await digested
            self._pairs.append(pair)
            # In its turn: never under a thread that still reads.
            await target.lane.run(os.close, socket)

    def _borrow(self) -> tuple[bytearray, bytearray] | None:
        if self._pairs:
            return self._pairs.pop()
        if self._unmade == 0:
            return None
        self._unmade -= 1
        return bytearray(self._size), bytearray(self._size)


def _take(socket: int, buffer: memoryview, write: Callable[[memoryview], object]) -> int:
    # On a thread.
    filled = 0
    waits = WAITS
    while filled < len(buffer):
        try:
            taken = os.readv(socket, [buffer[filled:]])
        except BlockingIOError:
            if waits == 0 or not _readable(socket):
                break
            waits -= 1
        except OSError:
            break
        else:
            if taken == 0:
                break
            filled += taken
    write(buffer[:filled])
    return filled


def _readable(socket: int) -> bool:
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return bool(poll.poll(WAIT))
